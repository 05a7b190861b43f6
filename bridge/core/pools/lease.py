"""A number held by a visit, and the pool it came from. Times are epoch seconds (float)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

MAX_TAPS = 8


@dataclass(frozen=True, slots=True)
class Pool:
    """The dynamic numbers of one source and its default number (E.164). A source without a pool has no `numbers`."""

    source: str
    default: str
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VisitRequest:
    """A page asks which number to show. `visitor` is the first-party id over visits, None where there is none."""

    visit: str
    source: str
    visitor: str | None = None
    mobile: bool | None = None
    region: str | None = None


@dataclass(slots=True)
class Lease:
    """A number held by a visit from `began` until `ended` (None = still held).

    Mutable on purpose: the allocator's own record, handed out only through `Allocator.drain`, to be written at once.
    """

    number: str
    source: str
    visit: str
    visitor: str | None
    began: float
    active: float  #: last sign of life: page opened, moved, tapped, closed
    mobile: bool | None = None
    region: str | None = None
    left: float | None = None  #: the page was closed; None = open as far as known
    ended: float | None = None
    swapped: bool = (
        False  #: its page was open but idle when the number was taken, and now shows the source's default number
    )
    taps: tuple[float, ...] = ()  #: phone link tapped or number copied, the last MAX_TAPS of them

    @property
    def person(self) -> str:
        """Who stands behind the visit, as far as the site can know: the visitor, or the visit itself."""
        return self.visitor if self.visitor is not None else f"visit:{self.visit}"

    @property
    def shown_for(self) -> float | None:
        """Seconds that an open page showed the number before it went back to the default one; None where it did not."""
        return self.ended - self.began if self.swapped and self.ended is not None else None

    def open_at(self, at: float) -> bool:
        """Whether the page was open at `at`."""
        return self.left is None or self.left > at

    def tapped_before(self, at: float) -> float | None:
        """Seconds between the last tap or copy and `at`; None if there was none yet."""
        for tap in reversed(self.taps):
            if tap <= at:
                return at - tap
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is to show. `lease` is None where it is the source's default number."""

    number: str
    lease: Lease | None


@dataclass(slots=True)
class Slot:
    """One number of a pool: who holds it, and from when it may be handed out at all (quarantine)."""

    number: str
    holder: Lease | None = None
    not_before: float = -inf
    queued_at: float = field(default=-inf)  #: the key under which it waits in its pool's queue
