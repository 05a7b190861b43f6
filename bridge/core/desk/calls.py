"""A call as lists show it, and what a change did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.core.desk.saying import Said


@dataclass(frozen=True, slots=True)
class Listed:
    """One row. `wait` and `talk` are seconds; `recorded`: there is a recording to listen to."""

    id: str
    started_at: datetime
    number: str
    caller: str | None
    caller_name: str | None
    first_time: bool | None
    source: str | None
    campaign: str | None
    keyword: str | None
    landing: str | None
    kind: str
    reason: str
    confidence: float
    line: str | None
    outcome: str | None
    wait: float | None
    talk: float | None
    answered_by: str | None
    recorded: bool
    spam: bool
    wants_callback: bool
    called_back_at: datetime | None
    score: float | None
    said: Said


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first, and the cursor of the next page (None: that was all)."""

    calls: tuple[Listed, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a change: the calls that say something else now, in one batch. `missing`: those that there are not."""

    batch: str
    calls: tuple[str, ...]
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """Of how many calls a change would say something else: by what they say now. `same`: those that say it already."""

    total: int
    before: Mapping[str, int]
    same: int


@dataclass(frozen=True, slots=True)
class View:
    """A filter somebody kept under a name. `query` is as in the calls' URL."""

    user: str
    name: str
    query: str
    shared: bool


class ChangedSinceError(Exception):
    """Something of a batch was changed again after it, so it is not undone. `by`: who did, last."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by
