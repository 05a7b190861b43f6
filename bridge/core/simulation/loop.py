"""The closed loop: visits arrive, the allocator shows numbers, callers dial what they were last shown, the attributor names a visit.

The virtual clock jumps from event to event. A page counts as used until it is closed, but for no longer than ASSUMED_ACTIVE after the
visit began or its last tap: traffic files do not say when somebody turned away from an open page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count

from bridge.core.attribution.attributor import Attributor
from bridge.core.attribution.delays import Delays
from bridge.core.attribution.finding import Finding, InboundCall
from bridge.core.attribution.memory import CallerMemory
from bridge.core.attribution.stake import at_stake
from bridge.core.model import Binding, BindingKind
from bridge.core.pools.allocator import Allocator
from bridge.core.pools.book import LeaseBook
from bridge.core.pools.hold import AutoHold, FixedHold, HoldPolicy
from bridge.core.pools.lease import Lease, Pool, VisitRequest
from bridge.core.simulation.traffic import MadeCall, TrafficVisit

BEAT = 60.0
ASSUMED_ACTIVE = 1800.0
PROGRESS_EVERY = 500
#: the order of events at the same moment: the page opens, acts, and only then calls and closes
OPEN, BEATS, TAP, CALL, CLOSE = range(5)


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call, whose visit is known, and what was found for it."""

    visit: TrafficVisit
    made: MadeCall
    finding: Finding


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How one source's pool fared. `overloaded` counts numbers taken from a visit less than `reference` seconds after its last activity."""

    visits: int
    covered: int
    held_share: float  #: mean share of the numbers in the hands of visits that may not be disturbed
    reissued: int
    overloaded: int


@dataclass(frozen=True, slots=True)
class Run:
    """All that one simulation brought to light."""

    calls: list[SimulatedCall]
    use: dict[str, PoolUse]
    attributor: Attributor


def made_up_pools(numbers: Mapping[str, int]) -> list[Pool]:
    """A pool per source with made-up numbers, ``+7800SSSNNNN``; its default number ends in 0000."""
    return [
        Pool(source, f"+7800{place:03d}0000", tuple(f"+7800{place:03d}{n:04d}" for n in range(1, size + 1)))
        for place, (source, size) in enumerate(numbers.items(), start=100)
    ]


def run(
    visits: Sequence[TrafficVisit],
    numbers: Mapping[str, int],
    hold: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Play `visits` (sorted by `at`) against pools of so many `numbers` per source. `hold` in seconds, None = auto.

    `progress(done, all)` is called now and then. Raises KeyError for a visit of a source without an entry in `numbers`.
    """
    return _Loop(visits, numbers, hold).run(progress)


class _Loop:
    def __init__(self, visits: Sequence[TrafficVisit], numbers: Mapping[str, int], hold: float | None) -> None:
        self.visits = visits
        self.delays = Delays()
        self.memory = CallerMemory()
        book = LeaseBook()
        self.attributor = Attributor(book, self.delays, self.memory)
        pools = made_up_pools(numbers)
        policy: HoldPolicy
        if hold is None:
            policy = AutoHold(dict(numbers), self.delays.share_within)
        else:
            policy = FixedHold(hold)
        self.allocator = Allocator(pools, policy, book, self._risk if hold is None else None)
        self.bindings = {pool.default: Binding(pool.default, BindingKind.DEFAULT, pool.source) for pool in pools}
        for pool in pools:
            self.bindings |= {n: Binding(n, BindingKind.POOL, pool.source, pool.source) for n in pool.numbers}
        self.defaults = {pool.source: pool.default for pool in pools}
        self.seen = dict.fromkeys(numbers, 0)
        self.covered = dict.fromkeys(numbers, 0)
        self.held: dict[str, list[float]] = {source: [0.0, 0.0] for source in numbers}
        self.leases: dict[int, Lease] = {}
        self.shown: dict[str, Lease] = {}
        self.calls: list[SimulatedCall] = []

    def run(self, progress: Callable[[int, int], None] | None) -> Run:
        turn = count()
        later: list[tuple[float, int, int, int, int]] = []  # (time, kind, turn, visit, which)
        heapify(later)
        for place, visit in enumerate(self.visits):
            while later and (later[0][0], later[0][1]) < (visit.at, OPEN):
                self._handle(heappop(later), later, turn)
            if progress is not None and place % PROGRESS_EVERY == 0:
                progress(place, len(self.visits))
            self._open(visit)
            for which, tap in enumerate(visit.taps):
                heappush(later, (tap, TAP, next(turn), place, which))
            for which, call in enumerate(visit.calls):
                heappush(later, (call.at, CALL, next(turn), place, which))
            heappush(later, (visit.leaves, CLOSE, next(turn), place, 0))
            self._next_beat(place, visit.at, later, turn)
        while later:
            self._handle(heappop(later), later, turn)
        if progress is not None:
            progress(len(self.visits), len(self.visits))
        return Run(self.calls, self._use(), self.attributor)

    def _handle(
        self,
        event: tuple[float, int, int, int, int],
        later: list[tuple[float, int, int, int, int]],
        turn: Iterable[int],
    ) -> None:
        at, kind, _, place, which = event
        visit = self.visits[place]
        if kind == BEATS:
            if self.allocator.beat(visit.visit, at):
                self._next_beat(place, at, later, turn)
        elif kind == TAP:
            if self.allocator.tap(visit.visit, at) is not None:
                self.delays.tapped()
        elif kind == CALL:
            self._call(visit, visit.calls[which])
        else:
            self.allocator.leave(visit.visit, at)
            lease = self.allocator.book.of_visit(visit.visit)
            if lease is not None:
                self.delays.closed(lease, at)

    def _open(self, visit: TrafficVisit) -> None:
        request = VisitRequest(visit.visit, visit.source, visit.client, visit.mobile, visit.region)
        shown = self.allocator.assign(request, visit.at)
        self.seen[visit.source] += 1
        if shown.lease is not None:
            self.covered[visit.source] += 1
            if visit.calls:
                self.shown[visit.visit] = shown.lease
            self.delays.visit_began(visit.at, visit.mobile)
        if self.seen[visit.source] % 10 == 0:
            size, busy, _ = self.allocator.occupancy(visit.source, visit.at)
            total = self.held[visit.source]
            total[0] += busy / size if size else 0.0
            total[1] += 1
        for lease in self.allocator.drain():
            self.leases[id(lease)] = lease

    def _next_beat(
        self, place: int, now: float, later: list[tuple[float, int, int, int, int]], turn: Iterable[int]
    ) -> None:
        visit = self.visits[place]
        started = max([visit.at, *(tap for tap in visit.taps if tap <= now)])
        if now + BEAT < min(visit.leaves, started + ASSUMED_ACTIVE):
            heappush(later, (now + BEAT, BEATS, next(iter(turn)), place, 0))

    def _call(self, visit: TrafficVisit, made: MadeCall) -> None:
        lease = self.shown.get(visit.visit)
        number = self.defaults[visit.source] if lease is None or lease.swapped else lease.number
        finding = self.attributor.attribute(
            InboundCall(number, made.caller, made.at, made.region), self.bindings[number]
        )
        self.attributor.remember(finding)
        self.calls.append(SimulatedCall(visit, made, finding))

    def _risk(self, lease: Lease, now: float) -> float:
        return at_stake(self.delays, self.memory, lease, now)

    def _use(self) -> dict[str, PoolUse]:
        use = {}
        for source in self.seen:
            taken = [lease for lease in self.leases.values() if lease.source == source and lease.ended is not None]
            early = sum((lease.ended or 0.0) - lease.active < FixedHold(0).idle_after for lease in taken)
            total, looks = self.held[source]
            use[source] = PoolUse(
                self.seen[source], self.covered[source], total / looks if looks else 0.0, len(taken), early
            )
        return use
