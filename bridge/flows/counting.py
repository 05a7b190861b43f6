"""How much of each pool is in use, counted a little at a time: a hundred thousand numbers must not hold up whoever asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from bridge.core.pools.allocator import Allocator
from bridge.core.pools.lease import Pool

AT_ONCE: Final = 2000  #: numbers looked at in one step

#: Numbers in the pool, held by visits that may not be disturbed, held at all.
Use: TypeAlias = tuple[int, int, int]


class Occupancy:
    """By source, as of the last time its pool was gone through."""

    def __init__(self, allocator: Allocator) -> None:
        self._allocator = allocator
        self._use: dict[str, Use] = {}
        self._round: Iterator[None] = iter(())

    def step(self, pools: Mapping[str, Pool], now: float) -> None:
        """Go on counting. To be called once a second."""
        self._now = now
        if next(self._round, "over") == "over":
            self._round = self._count(list(pools.values()))

    def of(self, pools: Mapping[str, Pool]) -> dict[str, Use]:
        """The sources that have numbers."""
        return {
            source: self._use.get(source, (len(pool.numbers), 0, 0)) for source, pool in pools.items() if pool.numbers
        }

    def _count(self, pools: list[Pool]) -> Iterator[None]:
        looked = 0
        for pool in pools:
            busy = held = 0
            for start in range(0, len(pool.numbers), AT_ONCE):
                some = pool.numbers[start : start + AT_ONCE]
                if looked and looked + len(some) > AT_ONCE:
                    yield
                    looked = 0
                looked += len(some)
                some_busy, some_held = self._allocator.in_use(pool.source, some, self._now)
                busy, held = busy + some_busy, held + some_held
            self._use[pool.source] = (len(pool.numbers), busy, held)
