"""How likely a visit is to call at a given moment: learned from the site's own calls, starting from what is published.

Two ways to count run side by side, because sites differ: the time since the visit began, and the time since its page was closed. The one
that has foretold the calls better answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.core.attribution.bins import COUNT, EDGES, WIDTHS, bin_of
from bridge.core.attribution.dwells import Dwells
from bridge.core.attribution.exposure import Moments, add_dwell
from bridge.core.attribution.rates import Counts, Evidence, Rates, delay_tail
from bridge.core.pools.lease import Lease

PRIOR_RATE = 0.05  #: calls per visit, before the site has shown its own
PRIOR_VISITS = 100.0
STEP_EVERY = 4  #: calls between two computations of the rates,
REFRESH_EVERY = 20  #: between two with new exposures,
EARLY = 200  #: except that for the first so many calls these are new every time


@dataclass(slots=True)
class Learned:
    """All that was counted; to be stored and put back. When visits began and were closed is told anew from the leases."""

    since_begun: Counts = field(default_factory=Counts)
    since_left: Counts = field(default_factory=Counts)


class Delays:
    """Feed it visits, closings, taps and calls; ask it for rates (calls per second of one visit) and forecasts."""

    def __init__(self, learned: Learned | None = None) -> None:
        self.learned = learned or Learned()
        self._ways = (Rates(False, self.learned.since_begun), Rates(True, self.learned.since_left))
        self._begun = (Moments(), Moments())  #: not mobile, mobile
        self._left = (Moments(), Moments())
        self._swapped = (Moments(), Moments())  #: begun, but gone back to the default number
        self._open_time = ([0.0] * COUNT, [0.0] * COUNT)
        self._dwells = (Dwells(), Dwells())
        self._taps = 0
        self._tail: list[float] = []
        self.per_visit = PRIOR_RATE  #: calls to be expected from one visit
        self.best = self._ways[0]  #: the rates that answer
        self.refresh(0.0)

    # -- evidence ------------------------------------------------------------------------------------------------------

    def visit_began(self, at: float, mobile: bool | None) -> None:
        """A visit was shown a number."""
        self._begun[bool(mobile)].add(at)

    def closed(self, lease: Lease, at: float) -> None:
        """The page of the visit that was shown `lease` was closed."""
        self.page_closed(at, max(0.0, at - lease.began), lease.mobile, lease.shown_for)

    def page_closed(self, at: float, dwell: float, mobile: bool | None, shown_for: float | None = None) -> None:
        """A visit's page was closed, `dwell` seconds after it began. If it had gone back to the default number by then, after `shown_for`
        seconds, it says nothing of the time since: whoever calls, calls the default number.
        """
        if shown_for is not None:
            add_dwell(self._open_time[bool(mobile)], min(dwell, shown_for))
            self._swapped[bool(mobile)].add(at - dwell)
            return
        add_dwell(self._open_time[bool(mobile)], dwell)
        self._dwells[bool(mobile)].add(dwell)
        self._left[bool(mobile)].add(at)

    def tapped(self) -> None:
        """A phone link was tapped or a number copied."""
        self._taps += 1

    def learn(self, evidence: Evidence, now: float) -> None:
        """One call of a caller not known before."""
        for way in self._ways:
            way.learn(evidence)
        calls = self.best.counts.total
        if calls % REFRESH_EVERY == 0 or (calls <= EARLY and calls % STEP_EVERY == 0):
            self.refresh(now)
        elif calls % STEP_EVERY == 0:
            for way in self._ways:
                way.step()

    def refresh(self, now: float) -> None:
        """Compute the rates anew from what was counted."""
        self.best = max(self._ways, key=lambda way: way.counts.likelihood)
        begun, left, swapped = (
            [moments.exposure(now) for moments in both] for both in (self._begun, self._left, self._swapped)
        )
        visits = sum(map(len, self._begun))
        self.per_visit = (self.best.counts.total + PRIOR_VISITS * PRIOR_RATE) / (visits + PRIOR_VISITS)
        closed = [
            [max(0.0, b - o - s) for b, o, s in zip(begun[m], self._open_time[m], swapped[m], strict=True)]
            for m in range(2)
        ]
        spreads = zip(*(dwells.spread() for dwells in self._dwells), strict=True)
        for way, shut, spread in zip(self._ways, (closed, left), spreads, strict=True):
            exposures = (shut[0], self._open_time[0], shut[1], self._open_time[1])
            way.refresh(exposures, spread, self.per_visit, self._taps)
        self._tail = delay_tail(self.best.counts, [a + b for a, b in zip(*begun, strict=True)], self.per_visit)

    # -- answers -------------------------------------------------------------------------------------------------------

    def remaining(self, age: float, since_left: float | None) -> float:
        """First calls still to be expected from a visit that began `age` seconds ago; `since_left` is None while its page is open."""
        if since_left is not None and self.best.from_left:
            return _at(self.best.closed_tail, since_left)
        return _at(self._tail, age)

    def share_within(self, delay: float) -> float:
        """The share of first calls made within `delay` seconds of the visit's beginning, as learned so far."""
        return 1.0 - _at(self._tail, delay) / self._tail[0]

    def delay_of(self, share: float) -> float:
        """Within how many seconds of the visit's beginning this share of the first calls is made."""
        low, high = 0.0, EDGES[-1]
        while high - low > 1.0:
            middle = (low + high) / 2
            low, high = (middle, high) if self.share_within(middle) < share else (low, middle)
        return high


def _at(tail: list[float], age: float) -> float:
    k = bin_of(age)
    part = min(1.0, (age - EDGES[k]) / WIDTHS[k])
    return tail[k + 1] + (tail[k] - tail[k + 1]) * (1 - part)
