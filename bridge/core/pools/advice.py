"""How many numbers a source needs, what each further one buys, and whether it pays, from the source's own traffic."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapreplace

from bridge.core.pools.erlang import coverage, needed
from bridge.core.pools.hold import Forecast, best_hold

TARGETS = (0.80, 0.90, 0.95, 0.99)
HOUR = 3600.0
MONTH = 30 * 86_400.0
BUDGET_SHARE = 0.15  #: of the ad budget: what call tracking may cost before it stops paying
PRIOR_CALLS = 40.0
HELD_SHARE = 0.9  #: a hold is suggested that so many of the calls come within,
HELD_BOUNDS = (300.0, 1800.0)  #: but no shorter and no longer than this


@dataclass(frozen=True, slots=True)
class Visits:
    """One source's visits: (begin, end) in epoch seconds by begin, and the delays from visit to first call, in seconds."""

    spans: Sequence[tuple[float, float]]
    delays: Sequence[float] = ()

    @property
    def dwell(self) -> float:
        """Mean length of a visit; a page left open counts as an hour."""
        return sum(min(end - begin, HOUR) for begin, end in self.spans) / len(self.spans)

    @property
    def months(self) -> float:
        """How many months (of 30 days) they span, at least one day."""
        return max(self.spans[-1][0] - self.spans[0][0], 86_400.0) / MONTH

    def hours(self) -> list[int]:
        """Visits in every hour that had any."""
        return list(Counter(int(begin // HOUR) for begin, _ in self.spans).values())


@dataclass(frozen=True, slots=True)
class Size:
    """What a pool of `numbers` does: coverage with the fixed hold, forecast and replayed; hold, coverage and right with the automatic one."""

    numbers: int
    coverage: float
    replayed: float
    auto: Forecast
    calls_a_month: float  #: booked on the right visit, with the automatic hold
    further_calls: float  #: of these, thanks to the last number
    cost_of_further_call: (
        float | None
    )  #: cost of a number by what it buys; None without a cost or where it buys nothing


@dataclass(frozen=True, slots=True)
class Advice:
    """`needed` maps a share of coverage to the numbers it takes with `hold` seconds from the beginning of a visit."""

    source: str
    visits: int
    calls: int
    hold: float
    busiest_hour: int  #: visits
    needed: dict[float, int]
    sizes: list[Size]
    cost: float | None = None  #: a month, for the numbers that cover 0.9
    affordable: int | None = None  #: numbers that BUDGET_SHARE of the ad budget pays for
    pays_off: bool | None = None


def within_of(delays: Sequence[float], prior: Callable[[float], float]) -> Callable[[float], float]:
    """The share of calls made within t seconds: the site's own delays, and `prior` worth PRIOR_CALLS calls."""
    ordered = sorted(delays)
    return lambda t: (bisect_right(ordered, t) + PRIOR_CALLS * prior(t)) / (len(ordered) + PRIOR_CALLS)


def suggested_hold(within: Callable[[float], float]) -> float:
    """A hold, in whole minutes as seconds, that HELD_SHARE of the calls come within."""
    low, high = HELD_BOUNDS
    return next((t * 60.0 for t in range(int(low // 60), int(high // 60)) if within(t * 60.0) >= HELD_SHARE), high)


def replay(spans: Sequence[tuple[float, float]], numbers: int, hold: float) -> float:
    """The share of these visits that find one of `numbers` numbers free, each being kept for `hold` seconds and to the visit's end."""
    if not spans:
        return 1.0
    free_at = [0.0] * numbers
    covered = 0
    for begin, end in spans:
        if free_at and free_at[0] <= begin:
            heapreplace(free_at, max(begin + hold, min(end, begin + HOUR)))
            covered += 1
    return covered / len(spans)


def advise(
    source: str,
    visits: Visits,
    within: Callable[[float], float],
    hold: float | None = None,
    cost_per_number: float | None = None,
    ad_budget: float | None = None,
) -> Advice:
    """Costs and budget are a month, in any one currency. `hold` in seconds; None for the suggested one. Needs at least one visit."""
    chosen = suggested_hold(within) if hold is None else hold
    hours = visits.hours()
    kept = max(chosen, visits.dwell)
    loads = [(float(count), count / HOUR * kept) for count in hours]
    numbers = {target: needed(target, loads) for target in TARGETS}
    calls_a_month = len(visits.delays) / visits.months
    sizes: list[Size] = []
    for size in _sizes(numbers):
        auto = auto_forecast(size, hours, visits.dwell, within)
        calls = calls_a_month * auto.right
        last = sizes[-1] if sizes else None
        further = (calls - last.calls_a_month) / (size - last.numbers) if last else calls / size
        price = cost_per_number / further if cost_per_number is not None and further > 1e-9 else None
        sizes.append(Size(size, coverage(size, loads), replay(visits.spans, size, chosen), auto, calls, further, price))
    cost = None if cost_per_number is None else cost_per_number * (numbers[0.90] + 1)
    affordable = None
    if cost_per_number and ad_budget is not None:
        affordable = max(0, int(BUDGET_SHARE * ad_budget / cost_per_number) - 1)
    pays = None if cost is None or ad_budget is None else cost <= BUDGET_SHARE * ad_budget
    return Advice(
        source, len(visits.spans), len(visits.delays), chosen, max(hours), numbers, sizes, cost, affordable, pays
    )


def auto_forecast(numbers: int, hours: Sequence[int], dwell: float, within: Callable[[float], float]) -> Forecast:
    """What the automatic hold brings over all hours, each with its own visits; `hold` is that of the busiest hour."""
    by_count = {count: best_hold(numbers, count / HOUR, dwell, within) for count in set(hours)}
    total = sum(hours)
    return Forecast(
        by_count[max(hours)].hold,
        sum(count * by_count[count].coverage for count in hours) / total,
        sum(count * by_count[count].right for count in hours) / total,
    )


def _sizes(numbers: dict[float, int]) -> list[int]:
    """The sizes worth a row: all of them for a small pool, else some twenty up to a fifth above what covers most."""
    top = max(numbers.values()) + max(2, max(numbers.values()) // 5)
    step = max(1, top // 20)
    return sorted({*range(step, top + 1, step), *numbers.values()})
