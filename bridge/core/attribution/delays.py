"""How likely a visit is to call at a given moment, learned from the site's own calls.

For every kind of visit (mobile or not, page open or closed) a rate of first calls per second, in log-spaced bins of the time since the
visit began: calls counted over time exposed. It begins as the published distribution, worth PRIOR_CALLS calls, and is overtaken by
evidence. A call counts for each visit it may have come from, by the probability that it did (expectation-maximisation), so long delays are
not lost merely because the last holder of a number is the easy guess; exposure counts only what could have been seen so far.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.core.attribution.bins import COUNT, EDGES, WIDTHS, bin_of, published_shares

PRIOR_CALLS = 25.0  #: what the published distribution is worth, in calls
PRIOR_RATE = 0.05  #: calls per visit, before the site has shown its own
PRIOR_VISITS = 100.0
KIND_STRENGTH = 4.0  #: calls per bin by which a kind of visit leans on all visits together
FACTOR_STRENGTH = 10.0
RECENT = 2000  #: calls that are looked at again as the rates become better known
LOOKS = 12  #: so many of them with every new call
REFRESH_EVERY = 20  #: calls between two computations of the rates
SMOOTH = (0.15, 0.7, 0.15)  #: a count is spread over the neighbouring bins,
SMOOTH_LATE = (0.1, 0.13, 0.17, 0.2, 0.17, 0.13, 0.1)  #: and over more of them where the delay is LATE: there calls are few
LATE = bin_of(6 * 3600.0)
UNEXPLAINED_PRIOR = 0.005  #: the share of calls that come from none of the visits (number seen elsewhere, misdialled)
UNEXPLAINED_STRENGTH = 200.0  #: in calls
MAX_BEGUN = 400_000

TAP_EDGES = (0.0, 1.0, 2.0, 3.0, 4.5, 6.5, 9.5, 14.0, 20.0, 30.0, 60.0, 120.0, 300.0)
TAP_SHARES = (0.10, 0.14, 0.14, 0.17, 0.14, 0.11, 0.08, 0.05, 0.035, 0.02, 0.01, 0.005)
TAP_PRIOR_TAPS = 20.0
TAP_PRIOR_RATE = 0.5  #: calls per tap: people also think better of it


#: Kinds of visit: not known to be mobile or mobile, its page closed or open.
CLOSED, OPEN, CLOSED_MOBILE, OPEN_MOBILE = range(4)


def kind_of(mobile: bool | None, is_open: bool) -> int:
    """The kind of a visit at some moment."""
    return 2 * bool(mobile) + is_open


@dataclass(slots=True)
class Learned:
    """What was counted so far; plain numbers, to be stored and put back."""

    calls: list[list[float]] = field(default_factory=lambda: [[0.0] * COUNT for _ in range(4)])
    open_time: list[list[float]] = field(default_factory=lambda: [[0.0] * COUNT for _ in range(2)])
    first_delays: list[float] = field(default_factory=lambda: [0.0] * COUNT)  #: of all first calls, those after a tap too
    taps: float = 0.0
    tap_calls: list[float] = field(default_factory=lambda: [0.0] * len(TAP_SHARES))
    unexplained: float = 0.0
    first_calls: float = 0.0


class Evidence(NamedTuple):
    """What one call of an unknown caller says about delays: the visits it may have come from, merged where alike.

    `visits` has (kind, bin of the delay, weight), `taps` (bin of the time since the tap, bin of the delay, weight); a weight says how much
    else speaks for these visits, 1 for nothing in particular. `number_rate` is calls per second to the number in all.
    """

    visits: tuple[tuple[int, int, float], ...]
    taps: tuple[tuple[int, int, float], ...]
    number_rate: float


class Delays:
    """The learned rates. Feed it visits, closings, taps and calls; ask it for rates (calls per second of one visit)."""

    def __init__(self, learned: Learned | None = None) -> None:
        self.learned = learned or Learned()
        self._begun = (array("d"), array("d"))  #: when visits began, ascending: not mobile, mobile
        self._old = [0.0, 0.0]  #: visits that began before those, exposed to every bin
        self._recent: deque[tuple[Evidence, list[float]]] = deque()  #: calls that may be looked at again
        self._since_refresh = 0
        self.rates: list[list[float]] = []  #: calls per second by kind and bin
        self.pooled: list[float] = []
        self.per_visit = PRIOR_RATE  #: calls to be expected from one visit
        self.tap_rates: list[float] = []
        self._first_tail: list[float] = []
        self.refresh(0.0)

    # -- evidence ------------------------------------------------------------------------------------------------------

    def visit_began(self, at: float, mobile: bool | None) -> None:
        """A visit was shown a number. Times come in ascending order."""
        begun = self._begun[bool(mobile)]
        begun.append(at)
        if len(begun) > MAX_BEGUN:
            self._old[bool(mobile)] += MAX_BEGUN // 2
            del begun[: MAX_BEGUN // 2]

    def page_closed(self, dwell: float, mobile: bool | None) -> None:
        """A visit's page was closed `dwell` seconds after it began."""
        row = self.learned.open_time[bool(mobile)]
        for k in range(COUNT):
            if dwell <= EDGES[k]:
                break
            row[k] += min(dwell - EDGES[k], WIDTHS[k])

    def tapped(self) -> None:
        """A phone link was tapped or a number copied."""
        self.learned.taps += 1

    def learn(self, evidence: Evidence, now: float) -> None:
        """One more call of a caller not known before, and another look at some of those before it (incremental EM)."""
        self.learned.first_calls += 1
        self._recent.append((evidence, self._count(evidence)))
        if len(self._recent) > RECENT:
            self._recent.popleft()
        for _ in range(min(LOOKS, len(self._recent) - 1)):
            again, shares = self._recent.popleft()
            self._add(again, shares, -1.0)
            self._recent.append((again, self._count(again)))
        self._since_refresh += 1
        if self._since_refresh >= REFRESH_EVERY:
            self.refresh(now)

    def _count(self, evidence: Evidence) -> list[float]:
        """Count the call for each origin by its probability, and return those: visits, then taps, then none."""
        rates, tap_rates = self.rates, self.tap_rates
        shares = [weight * rates[kind][k] for kind, k, weight in evidence.visits]
        shares += [weight * tap_rates[tap] for tap, _, weight in evidence.taps]
        shares.append(self.unexplained_rate(evidence.number_rate))
        total = sum(shares)
        shares = [share / total for share in shares]
        self._add(evidence, shares, 1.0)
        return shares

    def _add(self, evidence: Evidence, shares: Sequence[float], sign: float) -> None:
        learned = self.learned
        calls, first, tap_calls = learned.calls, learned.first_delays, learned.tap_calls
        place = 0
        for kind, k, _ in evidence.visits:
            share = sign * shares[place]
            calls[kind][k] += share
            first[k] += share
            place += 1
        for tap, k, _ in evidence.taps:
            share = sign * shares[place]
            tap_calls[tap] += share
            first[k] += share
            place += 1
        learned.unexplained += sign * shares[place]

    # -- answers -------------------------------------------------------------------------------------------------------

    def tap_rate(self, seconds: float) -> float:
        """Calls per second because of a tap that long ago."""
        k = tap_bin(seconds)
        return 0.0 if k is None else self.tap_rates[k]

    def unexplained_rate(self, rate_of_number: float) -> float:
        """Calls per second to a number that no visit explains, when `rate_of_number` calls per second come to it in all."""
        learned = self.learned
        share = (learned.unexplained + UNEXPLAINED_PRIOR * UNEXPLAINED_STRENGTH) / (learned.first_calls + UNEXPLAINED_STRENGTH)
        return share * rate_of_number

    def remaining(self, age: float) -> float:
        """First calls still to be expected from a visit that began `age` seconds ago."""
        k = bin_of(age)
        part = min(1.0, (age - EDGES[k]) / WIDTHS[k])
        return self._first_tail[k + 1] + (self._first_tail[k] - self._first_tail[k + 1]) * (1 - part)

    def share_within(self, delay: float) -> float:
        """The share of first calls made within `delay` seconds of the visit's begin, as learned so far."""
        return 1.0 - self.remaining(delay) / self._first_tail[0]

    def refresh(self, now: float) -> None:
        """Compute the rates anew from what was counted."""
        learned = self.learned
        self._since_refresh = 0
        visits = sum(len(begun) for begun in self._begun) + sum(self._old)
        calls = sum(map(sum, learned.calls)) + sum(learned.tap_calls)
        self.per_visit = (calls + PRIOR_VISITS * PRIOR_RATE) / (visits + PRIOR_VISITS)
        exposed = [self._exposure(mobile, now) for mobile in range(2)]
        seen = [a + b + PRIOR_CALLS * width / self.per_visit for a, b, width in zip(*exposed, WIDTHS, strict=True)]
        calls_by_kind = [_smooth(row) for row in learned.calls]
        first_delays = _smooth(learned.first_delays)
        self.pooled = [
            (sum(row[k] for row in calls_by_kind) + PRIOR_CALLS * share) / seen[k] for k, share in enumerate(_PUBLISHED)
        ]
        self._first_tail = _tail([(first_delays[k] + PRIOR_CALLS * share) / seen[k] for k, share in enumerate(_PUBLISHED)])
        self.rates = []
        for kind in range(4):
            open_time = learned.open_time[kind // 2]
            exposure = open_time if kind % 2 else [max(0.0, e - o) for e, o in zip(exposed[kind // 2], open_time, strict=True)]
            self.rates.append(_shrunk(calls_by_kind[kind], exposure, self.pooled))
        self.tap_rates = [
            (learned.tap_calls[k] + TAP_PRIOR_TAPS * TAP_PRIOR_RATE * share)
            / ((learned.taps + TAP_PRIOR_TAPS) * (TAP_EDGES[k + 1] - TAP_EDGES[k]))
            for k, share in enumerate(TAP_SHARES)
        ]

    def _exposure(self, mobile: int, now: float) -> list[float]:
        """Seconds that the visits have spent in each bin of their age, up to `now`."""
        begun, old = self._begun[mobile], self._old[mobile]
        past = [bisect_right(begun, now - edge) for edge in EDGES]
        return [
            WIDTHS[k] * (old + past[k + 1]) + sum_of_partial(begun, past[k + 1], past[k], now - EDGES[k]) for k in range(COUNT)
        ]


def sum_of_partial(begun: array[float], low: int, high: int, until: float) -> float:
    """Seconds that the visits ``begun[low:high]`` have spent since, up to `until`; taken from a sample where they are many."""
    count = high - low
    if count <= 0:
        return 0.0
    step = max(1, count // 16)
    sample = begun[low:high:step]
    return count * (until - sum(sample) / len(sample))


def tap_bin(seconds: float) -> int | None:
    """The bin of the time since a tap; None if it is too long ago to matter."""
    if not 0 <= seconds < TAP_EDGES[-1]:
        return None
    return bisect_right(TAP_EDGES, seconds) - 1


def older_counts(began: array[float], at: float) -> list[int]:
    """How many of the visits that `began` at these times (ascending) are in each bin of their age at `at`."""
    places = [bisect_left(began, at - edge) for edge in EDGES]
    return [places[k] - places[k + 1] for k in range(COUNT)]


def _smooth(row: Sequence[float]) -> list[float]:
    smoothed = [0.0] * COUNT
    for k, count in enumerate(row):
        weights = SMOOTH if k < LATE else SMOOTH_LATE
        for place, weight in enumerate(weights, start=k - len(weights) // 2):
            smoothed[min(max(place, 0), COUNT - 1)] += max(count, 0.0) * weight
    return smoothed


def _shrunk(calls: Sequence[float], exposure: Sequence[float], pooled: Sequence[float]) -> list[float]:
    """The rates of one kind of visit, leaning on all visits first as a whole, then bin by bin."""
    expected = sum(e * rate for e, rate in zip(exposure, pooled, strict=True))
    factor = (sum(calls) + FACTOR_STRENGTH) / (expected + FACTOR_STRENGTH)
    return [
        (calls[k] + KIND_STRENGTH) / (exposure[k] + KIND_STRENGTH / (rate * factor)) for k, rate in enumerate(pooled)
    ]


def _tail(rates: Sequence[float]) -> list[float]:
    tail = [0.0] * (COUNT + 1)
    for k in range(COUNT - 1, -1, -1):
        tail[k] = tail[k + 1] + rates[k] * WIDTHS[k]
    return tail


_PUBLISHED = published_shares()
