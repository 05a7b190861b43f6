"""How long recordings are kept, and what is done when the disk fills up. Ages are timedeltas, sizes bytes, shares 0 to 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording that may be deleted: it is kept, and under no legal hold."""

    call_id: str
    source: str | None
    started_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How old recordings become. `budget` None: they may take as much as there is."""

    default: timedelta = timedelta.max
    sources: Mapping[str, timedelta] = field(default_factory=dict)
    budget: int | None = None

    def age_of(self, source: str | None) -> timedelta:
        """How old a recording of `source` may become."""
        return self.sources.get(source or "", self.default)

    @property
    def shortest(self) -> timedelta:
        """Nothing younger is too old."""
        return min((self.default, *self.sources.values()))


def to_delete(kept: Iterable[Kept], retention: Retention, now: datetime, total: int) -> Iterator[tuple[Kept, str]]:
    """Those of `kept` (oldest first) that are to go, each with its reason.

    `total` is the size of all recordings, those on hold too: they count into the budget but never go.
    """
    over = 0 if retention.budget is None else total - retention.budget
    for recording in kept:
        age = now - recording.started_at
        if over <= 0 and age <= retention.shortest:
            return  # all that follow are younger
        limit = retention.age_of(recording.source)
        if age > limit:
            over -= recording.size
            yield recording, f"older than {limit.days} days"
        elif over > 0:
            over -= recording.size
            yield recording, "the recordings take more than their disk budget"


class DiskState(StrEnum):
    """How full the disk of the recordings is."""

    OK = "ok"
    ALARM = "alarm"
    STOP = "stop"  #: new calls are not recorded


_MARGIN: Final = 1.2  #: a state is left when there is so many times its limit free again, not at the limit itself


def disk_state(before: DiskState, free: float, stop_below: float, alarm_below: float) -> DiskState:
    """The state now; `free` is the free share of the disk."""
    if free < stop_below * (_MARGIN if before is DiskState.STOP else 1):
        return DiskState.STOP
    if free < alarm_below * (1 if before is DiskState.OK else _MARGIN):
        return DiskState.ALARM
    return DiskState.OK
