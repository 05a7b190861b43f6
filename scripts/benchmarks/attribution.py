"""Milliseconds to attribute a call to a number that 10 000 visits were shown, and to hand out a number of a pool of any size.

Run alone, it prints one JSON object: ``python scripts/benchmarks/attribution.py``.
"""

from __future__ import annotations

import json
import statistics
from time import perf_counter, thread_time

from bridge.core.attribution.attributor import Attributor
from bridge.core.attribution.delays import Delays
from bridge.core.attribution.finding import InboundCall
from bridge.core.attribution.memory import CallerMemory
from bridge.core.model import Binding, BindingKind
from bridge.core.pools.allocator import Allocator
from bridge.core.pools.book import LeaseBook
from bridge.core.pools.hold import AutoHold
from bridge.core.pools.lease import Lease, Pool, VisitRequest
from bridge.siteside import seldom_collect

NUMBER = "+78001000001"
START = 1_767_225_600.0


def attribution(leases: int = 10_000, calls: int = 2_000) -> dict[str, float]:
    """Milliseconds per call, attributed and learned from, with so many past leases of its number.

    ``..._cpu_...`` is what the calls themselves cost; on a busy machine the others have waiting for the processor in them.
    """
    book, delays = LeaseBook(), Delays()
    for n in range(leases):
        began = START + 300.0 * n
        left = began + 90.0
        book.add(Lease(NUMBER, "s", f"v{n}", f"c{n}", began, left, n % 2 == 0, None, left, began + 300.0))
        delays.visit_began(began, n % 2 == 0)
        delays.page_closed(left, 90.0, n % 2 == 0)
    by = Attributor(book, delays, CallerMemory())
    seldom_collect()  # as the daemon does once it has loaded
    binding = Binding(NUMBER, BindingKind.POOL, "s", "s")
    asked, learned, cpu, cpu_learned = [], [], [], []
    for n in range(calls):
        call = InboundCall(NUMBER, f"+7916{n:07d}", START + 300.0 * leases + n)
        begin, spent = perf_counter(), thread_time()
        finding = by.attribute(call, binding)
        asked.append(1000 * (perf_counter() - begin))
        cpu.append(1000 * (thread_time() - spent))
        by.remember(finding)
        learned.append(1000 * (perf_counter() - begin))
        cpu_learned.append(1000 * (thread_time() - spent))
    return {
        "attribute_ms": _median(asked),
        "attribute_p99_ms": _p99(asked),
        "attribute_cpu_p99_ms": _p99(cpu),
        "with_learning_ms": _median(learned),
        "with_learning_p99_ms": _p99(learned),
        "with_learning_cpu_p99_ms": _p99(cpu_learned),
    }


def allocation(numbers: int, visits: int = 20_000) -> dict[str, float]:
    """Milliseconds per visit that asks for a number, with its change set, on a pool of so many numbers."""
    pool = Pool("s", "+78009999999", tuple(f"+7800{n:07d}" for n in range(numbers)))
    delays = Delays()

    def risk(lease: Lease, now: float) -> float:
        return delays.remaining(now - lease.began, None)

    allocator = Allocator(
        [pool],
        AutoHold({"s": numbers}, delays.share_within),
        LeaseBook(),
        lambda lease, now: delays.remaining(now - lease.began, None),
    )
    took = []
    for n in range(visits):
        now = START + 2.0 * n
        begin = perf_counter()
        allocator.assign(VisitRequest(f"v{n}", "s", f"c{n}"), now)
        allocator.drain()
        took.append(1000 * (perf_counter() - begin))
        allocator.leave(f"v{n}", now + 1.0)
    return {"assign_ms": _median(took), "assign_p99_ms": _p99(took)}


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 4)


def _p99(values: list[float]) -> float:
    return round(sorted(values)[int(0.99 * len(values))], 4)


def measure() -> dict[str, object]:
    """All figures."""
    return {
        "attribution_10000_leases": attribution(),
        "allocation_1000_numbers": allocation(1_000),
        "allocation_100000_numbers": allocation(100_000),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
