"""The numbers of one pool, in the order in which they may be given away: the one unused for longest first."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf

from bridge.core.pools.lease import Lease, Slot

CONSIDERED = 24  #: how many of the longest unused numbers are weighed against each other


class PoolQueue:
    """A heap of numbers by the time from which each is unused, corrected lazily: a beat of a visit costs nothing here."""

    def __init__(self, ready: Callable[[Lease], float]) -> None:
        self._ready = ready
        self._heap: list[tuple[float, int, str]] = []
        self._turn = 0
        self.slots: dict[str, Slot] = {}

    def add(self, number: str, not_before: float = -inf) -> None:
        """A number joins the pool; it is not given away before `not_before`."""
        slot = self.slots[number] = Slot(number, not_before=not_before)
        self._push(slot, self._key(slot))

    def remove(self, number: str) -> Slot | None:
        """A number leaves the pool; what was queued for it is dropped when met."""
        return self.slots.pop(number, None)

    def hold(self, number: str, lease: Lease | None) -> None:
        """The number is held by `lease` from now on (None: by nobody)."""
        slot = self.slots[number]
        slot.holder = lease
        self._push(slot, self._key(slot))

    def rest(self, number: str, until: float) -> None:
        """A number that nobody holds is not given away before `until`."""
        slot = self.slots[number]
        slot.not_before = until
        self._push(slot, self._key(slot))

    def released_early(self, number: str) -> None:
        """The holder's page was closed: the number may be wanted earlier than queued."""
        slot = self.slots.get(number)
        if slot is not None and self._key(slot) < slot.queued_at:
            self._push(slot, self._key(slot))

    def first(self, now: float, extra: float) -> Slot | None:
        """The number unused for longest, if it may be given away at `now`. It stays queued."""
        while self._heap:
            key, _, number = self._heap[0]
            slot = self.slots.get(number)
            if slot is None or key != slot.queued_at:
                heappop(self._heap)  # left the pool, or was queued anew
            elif (ready := self._key(slot)) > key:
                heappop(self._heap)
                self._push(slot, ready)
            elif slot.not_before > now or (slot.holder is not None and key + extra > now):
                return None
            else:
                return slot
        return None

    def free(self, now: float, extra: float) -> list[Slot]:
        """Up to CONSIDERED numbers that may be given away at `now`, longest unused first. They stay queued."""
        found: list[Slot] = []
        while len(found) < CONSIDERED and (slot := self.first(now, extra)) is not None:
            heappop(self._heap)
            found.append(slot)
        for slot in found:
            self._push(slot, slot.queued_at)
        return found

    def takeable(self, slot: Slot, now: float, extra: float) -> bool:
        """Whether this very number may be given away at `now`."""
        if slot.not_before > now:
            return False
        return slot.holder is None or self._ready(slot.holder) + extra <= now

    def _key(self, slot: Slot) -> float:
        return slot.not_before if slot.holder is None else max(slot.not_before, self._ready(slot.holder))

    def _push(self, slot: Slot, key: float) -> None:
        slot.queued_at = key
        self._turn += 1
        heappush(self._heap, (key, self._turn, slot.number))
        if len(self._heap) > 4 * len(self.slots) + 64:
            self._heap = [entry for entry in self._heap if self._current(entry)]
            heapify(self._heap)

    def _current(self, entry: tuple[float, int, str]) -> bool:
        slot = self.slots.get(entry[2])
        return slot is not None and slot.queued_at == entry[0]
