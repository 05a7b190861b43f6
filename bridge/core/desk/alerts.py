"""Telling somebody of missed callers: when, and how often what fails is tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: Between two tries of what could not be delivered; after the last one it is given up.
RETRIES: Final = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720))
#: Nobody is told of calls that are older, as when alerts are switched on.
FRESH: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Alert:
    """A missed call to be told of to `target` (``mail`` or ``webhook``), for the time number `attempts` + 1."""

    call_id: str
    target: str
    attempts: int
    caller: str
    caller_name: str | None
    number: str
    source: str | None
    campaign: str | None
    keyword: str | None
    line: str | None
    outcome: str | None
    started_at: datetime


def next_try(attempts: int, now: datetime) -> datetime | None:
    """When it is tried again after `attempts` failures; None: not at all."""
    return now + RETRIES[attempts - 1] if 1 <= attempts <= len(RETRIES) else None
