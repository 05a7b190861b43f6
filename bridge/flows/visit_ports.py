"""What the visits need of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bridge.core.model import Attribution
from bridge.core.pools.lease import Lease
from bridge.core.site import PageView, Visit
from bridge.core.sources.touch import Touch


@dataclass(frozen=True, slots=True)
class Note:
    """A call's attribution as it stood from `at` on. `by` is ``bridge`` or the person who corrected it; `candidates` are (visit, probability)."""

    call_id: str
    at: datetime
    attribution: Attribution
    by: str = "bridge"
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed since the last time. `leases` has the ended ones first, `pages` (visit, place, page)."""

    leases: Sequence[Lease] = ()
    visits: Sequence[Visit] = ()
    pages: Sequence[tuple[str, int, PageView]] = ()
    notes: Sequence[Note] = ()
    marks: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.leases or self.visits or self.pages or self.notes or self.marks)


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of a known caller that was bound to a visit."""

    caller: str
    number: str
    at: float
    visit: str
    person: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A lease in short, for what is learned of delays: when it began, when its page was closed, how often it was tapped; `shown_for` as of
    Lease.
    """

    began: float
    left: float | None
    mobile: bool | None
    taps: int
    shown_for: float | None = None


class VisitBook(Protocol):
    """The store as the visits need it. Every method may raise StoreDownError."""

    async def write(self, batch: Batch) -> None: ...
    async def latest_leases(self, per_number: int, since: datetime) -> list[Lease]: ...
    async def in_pool_since(self) -> dict[str, float]: ...
    async def moments(self, since: datetime) -> list[Moment]: ...
    async def recent_visits(self, since: datetime) -> list[Visit]: ...
    async def past_calls(self, since: datetime) -> list[PastCall]: ...
    async def corrected_calls(self, since: datetime) -> list[PastCall]: ...
    async def last_touch(self, visitor: str) -> Touch | None: ...
    async def get_mark(self, key: str) -> str | None: ...
    async def forget(self, before: datetime) -> int: ...
    async def sync(self) -> None: ...
    async def close(self) -> None: ...
