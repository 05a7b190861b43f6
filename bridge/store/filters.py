"""Which calls are meant, and where a page of them ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_

from bridge.core.model import Call
from bridge.store.schema import calls


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls: all given fields must fit, any value of a field may.

    `since` is inclusive, `until` exclusive; None in `sources` stands for calls without a known source.
    """

    since: datetime | None = None
    until: datetime | None = None
    sources: tuple[str | None, ...] = ()
    numbers: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    spam: bool | None = None  #: None: spam or not

    def fits(self, call: Call) -> bool:
        """Whether `call` is meant."""
        return (
            (self.since is None or call.started_at >= self.since)
            and (self.until is None or call.started_at < self.until)
            and (not self.sources or call.attribution.source in self.sources)
            and (not self.numbers or call.number in self.numbers)
            and (not self.outcomes or call.outcome in self.outcomes)
            and (not self.callers or call.caller in self.callers)
            and (not self.lines or call.line in self.lines)
            and (self.spam is None or call.spam is self.spam)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL conditions over the table `calls`."""
        where: list[ColumnElement[bool]] = []
        if self.since is not None:
            where.append(calls.c.started_at >= self.since)
        if self.until is not None:
            where.append(calls.c.started_at < self.until)
        if self.sources:
            named = [source for source in self.sources if source is not None]
            any_of = [calls.c.source.in_(named)] if named else []
            any_of += [calls.c.source.is_(None)] if None in self.sources else []
            where.append(or_(*any_of))
        for column, values in (
            (calls.c.number, self.numbers),
            (calls.c.outcome, self.outcomes),
            (calls.c.caller, self.callers),
            (calls.c.line, self.lines),
        ):
            if values:
                where.append(column.in_(values))
        if self.spam is not None:
            where.append(calls.c.spam.is_(self.spam))
        return where


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first, and the cursor of the next page (None = that was all)."""

    calls: tuple[Call, ...]
    cursor: str | None


def write_cursor(call: Call) -> str:
    """The cursor of the page after the one that ends with `call`."""
    return f"{call.started_at.isoformat()}~{call.id}"


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The last call's time and id. ValueError if it is no cursor."""
    moment, tilde, call_id = cursor.partition("~")
    started_at = datetime.fromisoformat(moment)
    if not tilde or started_at.tzinfo is None:
        raise ValueError(f"not a cursor: {cursor!r}")
    return started_at, call_id
