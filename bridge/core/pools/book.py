"""What is remembered of the leases: per number the latest ones in full, the older ones as the time they began."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field

from bridge.core.pools.lease import Lease

KEPT = (
    64  #: leases kept in full per number; a call is practically never from an older one (they still count as a whole)
)
OLDER = 20_000


@dataclass(slots=True)
class NumberHistory:
    """The past holders of one number, oldest first."""

    leases: deque[Lease] = field(default_factory=lambda: deque(maxlen=KEPT))
    #: when the leases before `leases` began, ascending: those not known to be mobile, and the mobile ones; without those that went back
    #: to the default number
    older: tuple[array[float], array[float]] = field(default_factory=lambda: (array("d"), array("d")))


class LeaseBook:
    """All leases still of use, by number and by visit. Shared by the allocator, which writes it, and the attributor, which reads it."""

    def __init__(self) -> None:
        self._numbers: dict[str, NumberHistory] = {}
        self._visits: dict[str, Lease] = {}

    def add(self, lease: Lease) -> None:
        """A lease began. Leases of one number come in the order they began."""
        history = self._numbers.get(lease.number)
        if history is None:
            history = self._numbers[lease.number] = NumberHistory()
        if len(history.leases) == KEPT:
            dropped = history.leases[0]
            if self._visits.get(dropped.visit) is dropped:
                del self._visits[dropped.visit]
            if not dropped.swapped:
                older = history.older[bool(dropped.mobile)]
                older.append(dropped.began)
                if len(older) > OLDER:
                    del older[: OLDER // 2]
        history.leases.append(lease)
        self._visits[lease.visit] = lease

    def history(self, number: str) -> NumberHistory | None:
        """The past and present holders of a number; None if no visit was ever shown it."""
        return self._numbers.get(number)

    def of_visit(self, visit: str) -> Lease | None:
        """The latest lease of a visit, if it is still kept in full."""
        return self._visits.get(visit)

    def last_held(self, number: str) -> float | None:
        """When the number was last shown or its page last active (epoch seconds); None if never."""
        history = self._numbers.get(number)
        if history is None or not history.leases:
            return None
        last = history.leases[-1]
        return max(last.active, last.ended or last.active)
