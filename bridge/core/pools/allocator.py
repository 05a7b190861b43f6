"""Shows every visit a number of its own while there are numbers, and its source's default number when there are not.

Pure: time comes in as `now` (epoch seconds, never going back), every change comes out as leases to write (`drain`). What was written
can be put back with `restore`, so a killed process goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from math import inf

from bridge.core.pools.book import LeaseBook
from bridge.core.pools.hold import HoldPolicy
from bridge.core.pools.lease import MAX_TAPS, Lease, Pool, Shown, Slot, VisitRequest
from bridge.core.pools.queue import PoolQueue

#: How likely the holder of a lease is still to call (any scale, smaller is safer to take), at a time.
Risk = Callable[[Lease, float], float]
IDLE_FOR_OWNER = 900.0  #: a returning visitor takes his old number back only from somebody gone for this long (seconds)
MAX_VISITORS = 200_000  #: whose last number is remembered


class Allocator:
    """The pools of one site. A number belongs to one pool, and at most one lease of it is open at any time."""

    def __init__(
        self,
        pools: Iterable[Pool],
        policy: HoldPolicy,
        book: LeaseBook,
        risk: Risk | None = None,
        weighs: Callable[[str], bool] = lambda source: True,
    ) -> None:
        """`weighs` says of which sources the risk counts; of the others the number unused for longest goes on."""
        self.policy = policy
        self.book = book
        self._risk = risk
        self._weighs = weighs
        self._pools: dict[str, Pool] = {}
        self._queues: dict[str, PoolQueue] = {}
        self._home: dict[str, str] = {}  #: number -> source whose pool it is in
        self._held: dict[str, Lease] = {}  #: visit -> the lease it holds now
        self._last: dict[
            tuple[str, str], str
        ] = {}  #: (visitor, source) -> the number he was shown last, latest visitor last
        self._changed: dict[int, Lease] = {}
        self.set_pools(pools, now=-inf)

    # -- pools ---------------------------------------------------------------------------------------------------------

    def set_pools(self, pools: Iterable[Pool], now: float, quarantine: float = 0.0) -> None:
        """Take over a new set of pools. A number that leaves its pool ends its lease; one that changes its source, or comes back
        after a visit held it, is not shown to anybody for `quarantine` seconds after it was last held.

        Raises ValueError if a number is in two pools, or in a pool and a default number at once.
        """
        wanted = {pool.source: pool for pool in pools}
        _check(list(wanted.values()))
        for source, queue in self._queues.items():
            keep = set(wanted[source].numbers) if source in wanted else set()
            for number in [number for number in queue.slots if number not in keep]:
                self._retire(queue, number, now)
        for source, pool in wanted.items():
            queue = self._queues.setdefault(source, PoolQueue(self.policy.ready))
            for number in pool.numbers:
                if number not in queue.slots:
                    queue.add(number, self._rested(number, quarantine))
                    self._home[number] = source
        self._pools = wanted

    def _retire(self, queue: PoolQueue, number: str, now: float) -> None:
        slot = queue.remove(number)
        self._home.pop(number, None)
        if slot is not None and slot.holder is not None:
            self._end(slot.holder, now, swap=True)

    def _rested(self, number: str, quarantine: float) -> float:
        last = self.book.last_held(number)
        return -inf if last is None or quarantine <= 0 else last + quarantine

    # -- visits --------------------------------------------------------------------------------------------------------

    def assign(self, request: VisitRequest, now: float) -> Shown:
        """The number this page is to show. Raises KeyError for a source that has neither pool nor default number."""
        pool = self._pools[request.source]
        held = self._held.get(request.visit)
        if held is not None and held.source == request.source:
            held.active = max(held.active, now)
            held.left = None
            self._touch(held)
            return Shown(held.number, held)
        if held is not None:
            self._end(held, now, swap=False)  # the same visit came again from another source: its number stays behind
        self.policy.saw(request.source, now)
        queue = self._queues[request.source]
        slot = self._own(request, queue, now) or self._choose(request.source, queue, now)
        if slot is None:
            return Shown(pool.default, None)
        return Shown(slot.number, self._give(slot, queue, request, now))

    def shown(self, visit: str) -> str | None:
        """The number the visit's page shows now; None where no number of a pool was ever shown to it."""
        held = self._held.get(visit)
        if held is not None:
            return held.number
        last = self.book.of_visit(visit)
        if last is None:
            return None
        return self._pools[last.source].default if last.swapped and last.source in self._pools else last.number

    def beat(self, visit: str, now: float) -> bool:
        """The visitor did something. False if his page no longer holds a number and is to show the default one."""
        held = self._held.get(visit)
        if held is None:
            return False
        held.active = max(held.active, now)
        held.left = None
        self._touch(held)
        return True

    def leave(self, visit: str, now: float) -> None:
        """The page was closed. The number stays with the visit for the hold time."""
        lease = self._held.get(visit)
        if lease is None:
            lease = self.book.of_visit(visit)
            if lease is None or lease.left is not None:
                return
            lease.left = now
            self._touch(lease)
            return
        if lease.left is None:
            self.policy.closed(lease.source, max(0.0, now - lease.began))
        lease.left = now
        lease.active = max(lease.active, now)
        self._touch(lease)
        self._queues[lease.source].released_early(lease.number)

    def tap(self, visit: str, at: float) -> Lease | None:
        """The phone link was tapped or the number copied, at `at` (it may be reported late). The lease it was seen on, if any."""
        lease = self._held.get(visit) or self.book.of_visit(visit)
        if lease is None:
            return None
        lease.taps = tuple(sorted((*lease.taps, at)))[-MAX_TAPS:]
        if lease.ended is None:
            lease.active = max(lease.active, at)
        self._touch(lease)
        return lease

    # -- state ---------------------------------------------------------------------------------------------------------

    def drain(self) -> list[Lease]:
        """The leases changed since the last call, the ended ones first: write them in this order."""
        changed = sorted(self._changed.values(), key=lambda lease: lease.ended is None)
        self._changed = {}
        return changed

    def restore(
        self, leases: Iterable[Lease], since: Mapping[str, float] | None = None, quarantine: float = 0.0
    ) -> None:
        """Put back what was written, in the order it began. Call once, before anything else.

        A number found open twice keeps its later lease; the earlier one is ended (and drained as changed). `since` is when numbers came
        into the pool they are in: one that was held before, for it or for another, is not shown to anybody for `quarantine` seconds.
        """
        for lease in sorted(leases, key=lambda lease: lease.began):
            self.book.add(lease)
            self._remember(lease)
            if lease.ended is not None:
                continue
            queue = self._queues.get(lease.source)
            slot = queue.slots.get(lease.number) if queue is not None else None
            if queue is None or slot is None:
                self._finish(lease, max(lease.active, lease.began), swap=lease.left is None)
                continue
            for other in (slot.holder, self._held.get(lease.visit)):
                if other is not None:
                    self._end(other, lease.began, swap=False)
            self._held[lease.visit] = lease
            queue.hold(lease.number, lease)
        for source, queue in self._queues.items():
            for slot in list(queue.slots.values()):
                history = self.book.history(slot.number) if slot.holder is None else None
                last = history.leases[-1] if history is not None and history.leases else None
                if last and (last.source != source or last.began < (since or {}).get(slot.number, -inf)):
                    queue.rest(slot.number, self._rested(slot.number, quarantine))

    def occupancy(self, source: str, now: float) -> tuple[int, int, int]:
        """(numbers in the pool, held by visits that may not be disturbed, held at all) of a source at `now`."""
        numbers = self._queues[source].slots
        return len(numbers), *self.in_use(source, numbers, now)

    def in_use(self, source: str, numbers: Iterable[str], now: float) -> tuple[int, int]:
        """(held by visits that may not be disturbed, held at all) of these numbers of a source's pool at `now`."""
        queue = self._queues.get(source)
        if queue is None:
            return 0, 0
        extra = self.policy.extra(source, now)
        slots = (queue.slots.get(number) for number in numbers)
        held = [slot for slot in slots if slot is not None and slot.holder is not None]
        return sum(not queue.takeable(slot, now, extra) for slot in held), len(held)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _own(self, request: VisitRequest, queue: PoolQueue, now: float) -> Slot | None:
        """The number a returning visitor had last, if he still holds it or nobody else needs it."""
        if request.visitor is None:
            return None
        number = self._last.get((request.visitor, request.source))
        slot = queue.slots.get(number) if number is not None else None
        if slot is None:
            return None
        if slot.holder is not None and slot.holder.visitor == request.visitor:
            return slot
        return slot if queue.takeable(slot, now, max(IDLE_FOR_OWNER, self.policy.extra(request.source, now))) else None

    def _choose(self, source: str, queue: PoolQueue, now: float) -> Slot | None:
        extra = self.policy.extra(source, now)
        first = queue.first(now, extra)
        if first is None or first.holder is None or self._risk is None or not self._weighs(source):
            return first
        risk = self._risk
        return min(queue.free(now, extra), key=lambda slot: -inf if slot.holder is None else risk(slot.holder, now))

    def _give(self, slot: Slot, queue: PoolQueue, request: VisitRequest, now: float) -> Lease:
        holder = slot.holder
        if holder is not None:
            same_person = holder.visitor is not None and holder.visitor == request.visitor
            self._end(holder, now, swap=holder.left is None and not same_person)
        lease = Lease(
            number=slot.number,
            source=request.source,
            visit=request.visit,
            visitor=request.visitor,
            began=now,
            active=now,
            mobile=request.mobile,
            region=request.region,
        )
        self._held[lease.visit] = lease
        self._remember(lease)
        self.book.add(lease)
        self._touch(lease)
        queue.hold(slot.number, lease)
        return lease

    def _remember(self, lease: Lease) -> None:
        if lease.visitor is None:
            return
        key = (lease.visitor, lease.source)
        self._last.pop(key, None)
        self._last[key] = lease.number
        if len(self._last) > MAX_VISITORS:
            del self._last[next(iter(self._last))]

    def _end(self, lease: Lease, now: float, *, swap: bool) -> None:
        self._held.pop(lease.visit, None)
        self._finish(lease, now, swap=swap)
        queue = self._queues.get(lease.source)
        slot = queue.slots.get(lease.number) if queue is not None else None
        if queue is not None and slot is not None and slot.holder is lease:
            queue.hold(lease.number, None)

    def _finish(self, lease: Lease, now: float, *, swap: bool) -> None:
        lease.ended = max(now, lease.began)
        lease.swapped = swap
        self._touch(lease)

    def _touch(self, lease: Lease) -> None:
        self._changed[id(lease)] = lease


def _check(pools: Collection[Pool]) -> None:
    seen: dict[str, str] = {}
    for pool in pools:
        for number in pool.numbers:
            if number in seen:
                raise ValueError(
                    f"{number} is in the pools of {seen[number]} and {pool.source}: a number belongs to one pool"
                )
            seen[number] = pool.source
    for pool in pools:
        if pool.default in seen:
            raise ValueError(
                f"{pool.default} is the default number of {pool.source} and in the pool of {seen[pool.default]}"
            )
