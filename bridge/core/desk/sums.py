"""What reports of the desk say: groups of calls by where they came from, and their tallies; hours, operators, pools.

A group is named by its path: ``()`` is all calls, ``("avito",)`` a source, then campaign, keyword and landing page; None in it: unknown, or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from bridge.core.desk.days import Days
from bridge.core.report import Tally

GroupPath: TypeAlias = tuple[str | None, ...]
Order: TypeAlias = Literal[
    "calls", "first_time", "answered", "missed", "target", "sure", "expected", "spam", "talk_ms", "wait_ms", "value"
]
ORDERS: Final[tuple[Order, ...]] = (
    "calls", "first_time", "answered", "missed", "target", "sure", "expected", "spam", "talk_ms", "wait_ms", "value"
)  # fmt: skip


class Level(IntEnum):
    """What a group is; its path has as many parts."""

    TOTAL = 0
    SOURCE = 1
    CAMPAIGN = 2
    KEYWORD = 3
    LANDING = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One group and its tally."""

    path: GroupPath
    tally: Tally


@dataclass(frozen=True, slots=True)
class Series:
    """Each group's tallies, one per period."""

    periods: tuple[Days, ...]
    tallies: Mapping[GroupPath, tuple[Tally, ...]]


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the weekday. `mos` is the mean opinion score of its calls, from 1 to 4.5; None where none was measured."""

    calls: int = 0
    answered: int = 0
    missed: int = 0
    wait_ms: int = 0
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """Answered calls of one phone on one line in a period. `waits`: answered within 5, 10, 20, 30, 60 seconds, and later."""

    period: Days
    line: str | None
    answered_by: str | None
    calls: int
    target: int
    talk_ms: int
    wait_ms: int
    waits: tuple[int, int, int, int, int, int]
    score: float | None  #: on average, of those that have one
    scored: int
    mos: float | None
    measured: int = 0  #: calls that `mos` is the mean of


@dataclass(frozen=True, slots=True)
class Occupancy:
    """A pool in the hour or day from `at` on. `busy`: numbers held by visits under way, on average; `early`: of those `taken`, too soon."""

    source: str
    at: datetime
    visits: int
    covered: int
    peak: int
    busy: float
    taken: int
    early: int
