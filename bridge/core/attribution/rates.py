"""Calls per second of a visit, by its kind and age, learned from calls whose origin is known only by probability.

Counts over exposure, in log-spaced bins; where the page is closed, times a factor for how long it had been open (see dwells): somebody who
reads for ten minutes and calls a minute later is another than one who looked for a minute, ten minutes ago. The rates begin as the
published distribution, worth PRIOR_CALLS calls, and are overtaken by evidence.

A call counts for every visit it may have come from, by the probability that it did (expectation-maximisation, incremental: recent calls are
looked at again as the rates become better known). So long delays are not lost merely because the last holder is the easy guess.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from operator import add, mul, sub
from typing import NamedTuple

from bridge.core.attribution.bins import COUNT, DAY, RATIO, WIDTHS, bin_of, published_shares
from bridge.core.attribution.dwells import APART, Spread, apart

PRIOR_CALLS = 12.0  #: what the published distribution is worth, in calls
KIND_STRENGTH = 4.0  #: calls per bin by which a kind of visit leans on all visits together
FACTOR_STRENGTH = 10.0  #: and as a whole
#: The same by which closed pages, or open ones, lean on both together: by little. Of the few whose page is open for long, many call; the
#: many whose page is closed by then hardly ever do, and must not hide that.
STATE_STRENGTH = 0.3
APART_STRENGTH = 6.0  #: calls by which a factor leans on 1
RECENT = 2000  #: calls that are looked at again
LOOKS = 24  #: so many of them with every new call
SMOOTH = (0.15, 0.7, 0.15)  #: a count is spread over the neighbouring bins,
SMOOTH_LATE = (
    0.1,
    0.13,
    0.17,
    0.2,
    0.17,
    0.13,
    0.1,
)  #: and over more of them where the delay is LATE: there calls are few
LATE = bin_of(6 * 3600.0)
HALF_DAY, WEEK = bin_of(DAY / 2), bin_of(7 * DAY)
UNEXPLAINED_PRIOR = 0.005  #: the share of calls that come from none of the visits (number seen elsewhere, misdialled)
UNEXPLAINED_STRENGTH = 200.0  #: in calls
FIRM_ANYWAY = 0.5  #: calls that the smoothness of the rates stands for in every bin, where nothing else is known
ROUGH = 0.05  #: variance of the logarithm of a rate that no number of calls takes away: visits alike in all that is known still differ
FORGET = 0.995  #: per call, of the likelihood by which two sets of rates are compared

#: Kinds of visit: not known to be mobile or mobile, its page closed or open.
CLOSED, OPEN, CLOSED_MOBILE, OPEN_MOBILE = KINDS = range(4)

TAP_EDGES = (0.0, 1.0, 2.0, 3.0, 4.5, 6.5, 9.5, 14.0, 20.0, 30.0, 60.0, 120.0, 300.0)
TAP_SHARES = (0.10, 0.14, 0.14, 0.17, 0.14, 0.11, 0.08, 0.05, 0.035, 0.02, 0.01, 0.005)
TAP_PRIOR_TAPS = 20.0
TAP_PRIOR_RATE = 0.5  #: calls per tap: people also think better of it


def kind_of(mobile: bool | None, is_open: bool) -> int:
    """The kind of a visit at some moment."""
    return 2 * bool(mobile) + is_open


class Origins(NamedTuple):
    """Visits alike that a call may have come from. `since_left` is the bin of the time since the page was closed (or of the age, while
    it is open); `weight` is how many they are, times what else speaks for them.
    """

    kind: int
    age: int
    since_left: int
    weight: float


class Taps(NamedTuple):
    """Visits that tapped the number, `since` (bin of TAP_EDGES) the call; `age` as in Origins."""

    since: int
    age: int
    weight: float


class Evidence(NamedTuple):
    """What one call of an unknown caller says about delays. `number_rate` is calls per second to the number in all.

    `visits` are Origins, best as plain tuples: thousands of them are kept, and the garbage collector need not walk through those.
    """

    visits: tuple[tuple[int, int, int, float], ...]
    taps: tuple[Taps, ...]
    number_rate: float


@dataclass(slots=True)
class Counts:
    """Calls counted so far, by probability. Plain numbers, to be stored and put back."""

    calls: list[list[float]] = field(default_factory=lambda: [[0.0] * COUNT for _ in KINDS])
    delays: list[float] = field(
        default_factory=lambda: [0.0] * COUNT
    )  #: time since the visit began, those after a tap too
    taps: list[float] = field(default_factory=lambda: [0.0] * len(TAP_SHARES))
    #: squared shares, by bin: what the calls really say of it (the information on the logarithm of a rate in a mixture of Poisson processes)
    firm: list[float] = field(default_factory=lambda: [0.0] * COUNT)
    apart: list[float] = field(default_factory=lambda: [0.0] * APART)  #: of those whose page was closed
    unexplained: float = 0.0
    total: float = 0.0
    likelihood: float = 0.0  #: logarithm, fading


class Rates:
    """One way to count: the age of a visit whose page is closed runs from its beginning, or (`from_left`) from the closing."""

    def __init__(self, from_left: bool, counts: Counts | None = None) -> None:
        self.from_left = from_left
        self.counts = counts or Counts()
        #: calls per second, by kind, bin of the age and bin of the time since the page was closed
        self.rates: list[list[list[float]]] = []
        self.taps: list[float] = []  #: calls per second because of a tap, by bin of TAP_EDGES
        self.closed_tail: list[float] = []  #: calls still to come from a closed visit, from each bin on
        self._apart = [1.0] * APART  #: factor of the rates of closed visits
        self.doubt: list[float] = []  #: variance of the logarithm of a rate, by bin
        #: as last told: exposures by kind and bin, how those of closed visits are spread (not mobile, mobile), calls per visit, taps
        self._seen: tuple[Sequence[Sequence[float]], Sequence[Spread], float, float] = ((), (), 1.0, 0.0)
        self._recent: deque[tuple[Evidence, list[float]]] = deque()

    def learn(self, evidence: Evidence) -> None:
        """One more call, and another look at some of those before it."""
        self.counts.total += 1
        weights = self._weights(evidence)
        self.counts.likelihood = FORGET * self.counts.likelihood + log(max(sum(weights), 1e-300))
        self._recent.append((evidence, self._count(evidence, weights)))
        if len(self._recent) > RECENT:
            self._recent.popleft()
        for _ in range(min(LOOKS, len(self._recent) - 1)):
            again, shares = self._recent.popleft()
            self._recent.append((again, self._count(again, self._weights(again), shares)))

    def unexplained_rate(self, number_rate: float) -> float:
        """Calls per second to a number that no visit explains, when `number_rate` come to it in all."""
        counts = self.counts
        share = (max(counts.unexplained, 0.0) + UNEXPLAINED_PRIOR * UNEXPLAINED_STRENGTH) / (
            counts.total + UNEXPLAINED_STRENGTH
        )
        return share * number_rate

    def row(self, kind: int, age: int, since_left: int) -> int:
        """The bin by which this way of counting goes."""
        return since_left if self.from_left else age

    def by_bin(self, alike: Mapping[tuple[int, int, int], float]) -> dict[int, float]:
        """Calls per second of all the visits in `alike` (kind, age, since left -> how many) by the bin of their rate."""
        found: dict[int, float] = {}
        for (kind, age, since_left), number in alike.items():
            row = self.row(kind, age, since_left)
            found[row] = found.get(row, 0.0) + number * self.rates[kind][age][since_left]
        return found

    def variance(self, by_bin: Mapping[int, float], row: int | None, base: float, own: float, rest: float) -> float:
        """Variance of the log-odds of a visit of weight `own` against the `rest`, because the rates are only estimates: the sum over bins of
        (derivative by the logarithm of the bin's rate)^2 times its `doubt`. Of `own`, `base` is the rate of bin `row`.
        """
        rest = max(rest, 1e-300)
        found = 0.0
        for k, rate in by_bin.items():
            slope = base / own - max(rate - base, 0.0) / rest if k == row else rate / rest
            found += slope * slope * self.doubt[k]
        return found

    def refresh(
        self, exposures: Sequence[Sequence[float]], spread: Sequence[Spread], per_visit: float, taps: float
    ) -> None:
        """Compute the rates anew: `exposures` by kind and bin (seconds), how those of closed visits are spread (not mobile, mobile), calls
        per visit in all, number of taps.
        """
        self._seen = (exposures, spread, per_visit, taps)
        self.step()

    def step(self) -> None:
        """Compute the rates anew, with exposures as they were last told."""
        raw, spread, per_visit, taps = self._seen
        exposures = list(raw)
        for kind, shares in zip((CLOSED, CLOSED_MOBILE), spread, strict=True):
            exposures[kind] = [
                seconds * sum(map(mul, row, self._apart)) for seconds, row in zip(raw[kind], shares, strict=True)
            ]
        calls = [_smooth(row) for row in self.counts.calls]
        seen = [sum(row[k] for row in exposures) + PRIOR_CALLS * WIDTHS[k] / per_visit for k in range(COUNT)]
        pooled = fall([(sum(row[k] for row in calls) + PRIOR_CALLS * _PUBLISHED[k]) / seen[k] for k in range(COUNT)])
        kinds = _kinds(calls, exposures, pooled)
        expected = [0.0] * APART
        for kind, shares in zip((CLOSED, CLOSED_MOBILE), spread, strict=True):
            for seconds, rate, row in zip(raw[kind], kinds[kind], shares, strict=True):
                expected = [number + seconds * rate * share for number, share in zip(expected, row, strict=True)]
        self._apart = [
            (max(number, 0.0) + APART_STRENGTH) / (hoped + APART_STRENGTH)
            for number, hoped in zip(self.counts.apart, expected, strict=True)
        ]
        self.rates = [self._in_full(kind, kinds[kind]) for kind in KINDS]
        self.taps = [
            (max(self.counts.taps[k], 0.0) + TAP_PRIOR_TAPS * TAP_PRIOR_RATE * share)
            / ((taps + TAP_PRIOR_TAPS) * (TAP_EDGES[k + 1] - TAP_EDGES[k]))
            for k, share in enumerate(TAP_SHARES)
        ]
        firm = _smooth(self.counts.firm)
        self.doubt = [ROUGH + 1 / (firm[k] + PRIOR_CALLS * _PUBLISHED[k] + FIRM_ANYWAY) for k in range(COUNT)]
        closed = [
            exposures[CLOSED][k] + exposures[CLOSED_MOBILE][k] + PRIOR_CALLS * WIDTHS[k] / per_visit
            for k in range(COUNT)
        ]
        self.closed_tail = tail(
            fall(
                [
                    (calls[CLOSED][k] + calls[CLOSED_MOBILE][k] + PRIOR_CALLS * _PUBLISHED[k]) / closed[k]
                    for k in range(COUNT)
                ]
            )
        )

    def _in_full(self, kind: int, row: Sequence[float]) -> list[list[float]]:
        """By bin of the age, and up to it by bin of the time since the page was closed."""
        if kind in (OPEN, OPEN_MOBILE):
            return [[rate] * (age + 1) for age, rate in enumerate(row)]
        factors = [[self._apart[place] for place in places] for places in _PLACES]
        if self.from_left:
            return [list(map(mul, row, some)) for some in factors]
        return [[rate * factor for factor in some] for rate, some in zip(row, factors, strict=True)]

    def _weights(self, evidence: Evidence) -> list[float]:
        rates, taps = self.rates, self.taps
        weights = [weight * rates[kind][age][since_left] for kind, age, since_left, weight in evidence.visits]
        weights += [weight * taps[since] for since, _, weight in evidence.taps]
        weights.append(self.unexplained_rate(evidence.number_rate))
        return weights

    def _count(self, evidence: Evidence, weights: list[float], before: Sequence[float] | None = None) -> list[float]:
        """Counts a call by the shares of its `weights`, in place of the shares `before`; returns the shares."""
        total = sum(weights)
        shares = [weight / total for weight in weights]
        changes = shares if before is None else list(map(sub, shares, before))
        squares = map(mul, changes, shares if before is None else map(add, shares, before))  # a² - b² = (a - b)(a + b)
        counts, from_left = self.counts, self.from_left
        firm, delays = counts.firm, counts.delays
        visits = len(evidence.visits)
        for (kind, age, since_left, _), change, square in zip(evidence.visits, changes, squares, strict=False):
            row = since_left if from_left else age
            counts.calls[kind][row] += change
            firm[row] += square
            delays[age] += change
            if kind in (CLOSED, CLOSED_MOBILE):
                counts.apart[_PLACES[age][since_left]] += change
        for (since, age, _), change in zip(evidence.taps, changes[visits:], strict=False):
            counts.taps[since] += change
            delays[age] += change
        counts.unexplained += changes[-1]
        return shares


def delay_tail(counts: Counts, exposure: Sequence[float], per_visit: float) -> list[float]:
    """First calls still to come from a visit, from each bin of its age on (COUNT + 1 values, the last 0)."""
    delays = _smooth(counts.delays)
    rates = [
        (delays[k] + PRIOR_CALLS * share) / (exposure[k] + PRIOR_CALLS * WIDTHS[k] / per_visit)
        for k, share in enumerate(_PUBLISHED)
    ]
    return tail(fall(rates))


def fall(rates: list[float]) -> list[float]:
    """From half a day on, nobody gets likelier to call as time goes by, and from a week on less likely at least like 1 / time: there the
    site's own calls are too few, and lost among the other holders of the numbers, to say otherwise. Changes and returns `rates`.
    """
    for k in range(HALF_DAY, COUNT):
        rates[k] = min(rates[k], rates[k - 1] / (RATIO if k >= WEEK else 1.0))
    return rates


def tail(rates: Sequence[float]) -> list[float]:
    """What is still to come from each bin on, given a rate per bin."""
    rest = [0.0] * (COUNT + 1)
    for k in range(COUNT - 1, -1, -1):
        rest[k] = rest[k + 1] + rates[k] * WIDTHS[k]
    return rest


def tap_bin(seconds: float) -> int | None:
    """The bin of the time since a tap; None if it is too long ago to matter."""
    if not 0 <= seconds < TAP_EDGES[-1]:
        return None
    return next(k for k in range(len(TAP_SHARES)) if seconds < TAP_EDGES[k + 1])


def _kinds(
    calls: Sequence[Sequence[float]], exposures: Sequence[Sequence[float]], pooled: Sequence[float]
) -> list[list[float]]:
    """The rates by kind: those of closed visits and of open ones apart, on which the mobile and the others lean."""
    found: dict[int, list[float]] = {}
    for both in ((CLOSED, CLOSED_MOBILE), (OPEN, OPEN_MOBILE)):
        together = [
            [sum(cell) for cell in zip(*(rows[kind] for kind in both), strict=True)] for rows in (calls, exposures)
        ]
        state = fall(_shrunk(together[0], together[1], pooled, STATE_STRENGTH))
        for kind in both:
            found[kind] = fall(_shrunk(calls[kind], exposures[kind], state, KIND_STRENGTH))
    return [found[kind] for kind in KINDS]


def _shrunk(calls: Sequence[float], exposure: Sequence[float], pooled: Sequence[float], strength: float) -> list[float]:
    """The rates of some visits, leaning on those of more visits first as a whole, then by `strength` calls bin by bin."""
    expected = sum(seconds * rate for seconds, rate in zip(exposure, pooled, strict=True))
    factor = (sum(calls) + FACTOR_STRENGTH) / (expected + FACTOR_STRENGTH)
    return [(calls[k] + strength) / (exposure[k] + strength / (rate * factor)) for k, rate in enumerate(pooled)]


def _smooth(row: Sequence[float]) -> list[float]:
    smoothed = [0.0] * COUNT
    for k, count in enumerate(row):
        weights = SMOOTH if k < LATE else SMOOTH_LATE
        for place, weight in enumerate(weights, start=k - len(weights) // 2):
            smoothed[min(max(place, 0), COUNT - 1)] += max(count, 0.0) * weight
    return smoothed


_PUBLISHED = published_shares()
_PLACES = [[apart(age, since_left) for since_left in range(age + 1)] for age in range(COUNT)]
