"""What other sizes and holds of a pool would bring: asked of the site's own past, foretold by Erlang B, and replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.attribution.bins import share_within
from bridge.core.pools.advice import HOUR, Advice, Size, Visits, advise, auto_forecast, within_of
from bridge.core.pools.hold import forecast
from bridge.core.simulation.loop import run
from bridge.core.simulation.scores import of_run
from bridge.core.simulation.traffic import TrafficVisit

AUTO: Final = "auto"
#: The holds offered, in seconds, beside the automatic one.
HOLDS: Final = (60, 300, 600, 900, 1200, 1800, 2700, 3600)
LEAST_VISITS: Final = 50  #: fewer say nothing
MOST_VISITS: Final = 30_000  #: the latest ones are looked at
MOST_NUMBERS: Final = 500
DAYS: Final = (7, 28, 90)  #: how much of the past may be looked at
_POINTS: Final = 120  #: sizes foretold at the most


@dataclass(frozen=True, slots=True)
class Question:
    """About one source's pool. `numbers` None: advice; else a replay with so many numbers and `hold` seconds (None: automatic).

    `cost`: of one number, and `budget`: for the source's ads, both a month.
    """

    source: str
    days: int
    numbers: int | None = None
    hold: int | None = None
    size: int = 0  #: what the pool has now
    cost: float | None = None
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One size of the advice; as `Size` of core/pools/advice.py."""

    numbers: int
    covered: float
    replayed: float
    auto_hold: float
    auto_covered: float
    right: float
    further_calls: float
    price: float | None


@dataclass(frozen=True, slots=True)
class Advised:
    """`sizes` and, by hold (``auto`` or seconds as text), the covered share of visits and the share of calls that reach their visit."""

    visits: int
    calls: int
    begin: float
    end: float
    busiest_hour: int
    hold: float
    needed: dict[str, int]
    rows: list[Row]
    sizes: list[int]
    covered: dict[str, list[float]]
    right: dict[str, list[float]]
    cost: float | None
    affordable: int | None
    pays_off: bool | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the very allocator and attributor would have made of the past. Shares; `early`: numbers taken before their page was still."""

    visits: int
    begin: float
    end: float
    covered: float
    calls: int
    right: float
    sure: float
    sure_wrong: float
    held: float
    taken: int
    early: int


@dataclass(frozen=True, slots=True)
class TooFew:
    """There were only so many visits in the time asked for."""

    visits: int


def answer(
    question: Question, traffic: Sequence[TrafficVisit], progress: Callable[[int, int], None]
) -> Advised | Replayed | TooFew:
    """The answer to `question` from the source's own visits, by the time they began."""
    if len(traffic) < LEAST_VISITS:
        return TooFew(len(traffic))
    if question.numbers is None:
        return advised(question, traffic, progress)
    numbers = {question.source: question.numbers}
    done = run(traffic, numbers, None if question.hold is None else float(question.hold), progress)
    scores, use = of_run(done)[0], done.use[question.source]
    return Replayed(
        visits=len(traffic),
        begin=traffic[0].at,
        end=traffic[-1].at,
        covered=scores.coverage,
        calls=scores.calls,
        right=scores.right,
        sure=scores.sure,
        sure_wrong=scores.sure_wrong,
        held=use.held_share,
        taken=use.reissued,
        early=use.overloaded,
    )


def advised(
    question: Question, traffic: Sequence[TrafficVisit], progress: Callable[[int, int], None] = lambda done, whole: None
) -> Advised:
    """The advice of `callbridge pools advise`, and the forecast of every size for every hold that is offered."""
    delays = [visit.calls[0].at - visit.at for visit in traffic if visit.calls]
    visits = Visits([(visit.at, visit.leaves) for visit in traffic], delays)
    within = within_of(delays, share_within)
    said = advise(question.source, visits, within, None, question.cost, question.budget)
    top = max(*said.needed.values(), question.size, 4)
    sizes = _sizes(min(MOST_NUMBERS, top + max(4, top // 3)), question.size)
    hours, dwell = visits.hours(), visits.dwell
    covered: dict[str, list[float]] = {name: [] for name in (AUTO, *map(str, HOLDS))}
    right: dict[str, list[float]] = {name: [] for name in covered}
    for place, size in enumerate(sizes):
        progress(place, len(sizes))
        best = auto_forecast(size, hours, dwell, within)
        covered[AUTO].append(round(best.coverage, 4))
        right[AUTO].append(round(best.right, 4))
        for hold in HOLDS:
            share, reached = fixed_forecast(hold, size, hours, dwell, within)
            covered[str(hold)].append(round(share, 4))
            right[str(hold)].append(round(reached, 4))
    return _advised(said, traffic, sizes, covered, right)


def fixed_forecast(
    hold: float, size: int, hours: Sequence[int], dwell: float, within: Callable[[float], float]
) -> tuple[float, float]:
    """The covered share of visits and the share of calls on their own visit, with `hold` seconds from the beginning of a visit."""
    total = sum(hours)
    rest = max(0.0, hold - dwell)
    by_count = {count: forecast(rest, size, count / HOUR, dwell, within) for count in set(hours)}
    return (
        sum(count * by_count[count].coverage for count in hours) / total,
        sum(count * by_count[count].right for count in hours) / total,
    )


def _advised(
    said: Advice,
    traffic: Sequence[TrafficVisit],
    sizes: list[int],
    covered: dict[str, list[float]],
    right: dict[str, list[float]],
) -> Advised:
    return Advised(
        visits=said.visits,
        calls=said.calls,
        begin=traffic[0].at,
        end=traffic[-1].at,
        busiest_hour=said.busiest_hour,
        hold=said.hold,
        needed={f"{target:.2f}": count for target, count in said.needed.items()},
        rows=[_row(size) for size in said.sizes],
        sizes=sizes,
        covered=covered,
        right=right,
        cost=said.cost,
        affordable=said.affordable,
        pays_off=said.pays_off,
    )


def _row(size: Size) -> Row:
    return Row(
        size.numbers,
        size.coverage,
        size.replayed,
        size.auto.hold,
        size.auto.coverage,
        size.auto.right,
        size.further_calls,
        size.cost_of_further_call,
    )


def _sizes(top: int, present: int) -> list[int]:
    step = max(1, -(-top // _POINTS))
    return sorted({*range(step, top + 1, step), top, *([present] if present else [])})
