"""How much of the pools is in use: counted in steps that stay small, however many numbers there are."""

from __future__ import annotations

import pytest

from bridge.core.pools.allocator import Allocator
from bridge.core.pools.book import LeaseBook
from bridge.core.pools.hold import FixedHold
from bridge.core.pools.lease import Pool, VisitRequest
from bridge.flows.counting import Occupancy


def test_every_pool_is_counted_a_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.flows.counting.AT_ONCE", 3)
    pools = {
        "a": Pool("a", "+10", tuple(f"+1{n}" for n in range(1, 8))),
        "b": Pool("b", "+20", ("+21", "+22")),
        "c": Pool("c", "+30"),
    }
    allocator = Allocator(pools.values(), FixedHold(100.0, 50.0), LeaseBook())
    looked: list[int] = []
    in_use = allocator.in_use

    def counted(source: str, numbers: tuple[str, ...], now: float) -> tuple[int, int]:
        looked[-1] += len(numbers)
        return in_use(source, numbers, now)

    monkeypatch.setattr(allocator, "in_use", counted)
    for n, source in enumerate("aaab"):
        allocator.assign(VisitRequest(f"v{n}", source), 1000.0)
    allocator.assign(VisitRequest("late", "a"), 1190.0)
    occupancy = Occupancy(allocator)
    assert occupancy.of(pools) == {"a": (7, 0, 0), "b": (2, 0, 0)}
    for _ in range(8):
        looked.append(0)
        occupancy.step(pools, 1200.0)
    assert max(looked) <= 3
    assert occupancy.of(pools) == {"a": (7, 1, 4), "b": (2, 0, 1)} == {s: allocator.occupancy(s, 1200.0) for s in "ab"}
    del pools["a"]
    allocator.set_pools(pools.values(), 1300.0)
    occupancy.step(pools, 1300.0)  # in the middle of a round
    assert occupancy.of(pools) == {"b": (2, 0, 1)}
