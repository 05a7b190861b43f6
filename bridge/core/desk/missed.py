"""Missed callers: who waits, for how long, and how quickly others were called back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller nobody has talked to since. `call_id`, and what follows, of his last try."""

    caller: str
    tries: int
    first_at: datetime
    call_id: str
    last_at: datetime
    caller_name: str | None
    number: str
    source: str | None
    campaign: str | None
    keyword: str | None
    line: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """A missed call that is done with."""

    call_id: str
    caller: str
    caller_name: str | None
    started_at: datetime
    source: str | None
    line: str | None
    called_back_at: datetime
    called_back_by: str  #: ``caller``, ``company``, or a person's name


@dataclass(frozen=True, slots=True)
class Promptness:
    """Of the callers missed in some time: how many were talked to since, and how long half of those waited at most."""

    missed: int
    done: int
    half_within: timedelta | None


def promptness(calls: Iterable[tuple[datetime, datetime | None]]) -> Promptness:
    """Of missed calls: when they came, and when they were done with."""
    waits: list[float] = []  # seconds
    missed = 0
    for started_at, done_at in calls:
        missed += 1
        if done_at is not None:
            waits.append((done_at - started_at).total_seconds())
    return Promptness(missed, len(waits), timedelta(seconds=median(waits)) if waits else None)
