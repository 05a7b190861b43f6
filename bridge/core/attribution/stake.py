"""What is lost with a visit's number: the calls that may still come from it and could not be bound to it any more."""

from __future__ import annotations

from bridge.core.attribution.delays import Delays
from bridge.core.attribution.memory import CallerMemory
from bridge.core.pools.lease import Lease

CALLED = 0.9  #: how much less it matters to lose a visitor who has called: he is known by his number


def at_stake(delays: Delays, memory: CallerMemory, lease: Lease, now: float) -> float:
    """First calls still to be expected from the visit, less what is known of its callers anyway. The allocator takes the least of it."""
    called = max(memory.callers(lease.person).values(), default=0.0)
    since_left = None if lease.left is None else now - lease.left
    return delays.remaining(now - lease.began, since_left) * (1 - CALLED * called)
