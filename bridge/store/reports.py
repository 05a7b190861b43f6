"""The questions of the reports. Periods come ready from `bridge.core.report`: no date arithmetic in SQL, daylight saving included."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, cast, column, distinct, func, not_, or_, select, values

from bridge.core.report import Period, Tally
from bridge.store.engine import Database
from bridge.store.filters import CallFilter
from bridge.store.schema import Instant, bindings, calls


@dataclass(frozen=True, slots=True)
class Row:
    """One period's tally: of one source (None: calls of unknown source), or of all of them if asked so."""

    period: Period
    source: str | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class Activity:
    """What a number has seen: its last call ever, and calls since the time asked for."""

    last_call: datetime
    calls: int


class Reports:
    """Reading questions over the books. Every method may raise StoreBusy or StoreUnavailable.

    `spam` says which classes, given by people, count as spam beside what the screening found.
    """

    def __init__(self, database: Database, spam: Callable[[], Collection[str]] = tuple) -> None:
        self._database = database
        self._spam = spam

    async def tallies(
        self, periods: Sequence[Period], wanted: CallFilter | None = None, *, by_source: bool = True
    ) -> list[Row]:
        """Tallies by period and, unless told otherwise, by source: the busiest source first. Empty groups are left out."""
        if not periods:
            return []
        spans = values(column("n", Integer), column("begin_at", Instant), column("end_at", Instant), name="spans").data(
            [(n, period.begin, period.end) for n, period in enumerate(periods)]
        )
        span = spans.cte("span")
        group = [span.c.n, calls.c.source] if by_source else [span.c.n]
        spam: ColumnElement[bool] = calls.c.spam.is_(True)
        if classes := self._spam():
            spam = or_(spam, func.coalesce(calls.c["class"], "").in_(classes))
        wished = not_(spam)
        counted = func.count().filter(wished).label("calls")
        query = (
            select(
                *group,
                counted,
                func.count(distinct(calls.c.caller)).filter(wished).label("unique"),
                func.sum(cast(calls.c.first_time, Integer)).filter(wished).label("first_time"),
                func.count(calls.c.answered_at).filter(wished).label("answered"),
                func.count()
                .filter(wished, calls.c.answered_at.is_(None), calls.c.ended_at.is_not(None))
                .label("missed"),
                func.sum(calls.c.talk_ms).filter(wished).label("talk_ms"),
                func.count().filter(spam).label("spam"),
            )
            .select_from(span)
            .join(calls, (calls.c.started_at >= span.c.begin_at) & (calls.c.started_at < span.c.end_at))
            .where(*(wanted or CallFilter()).conditions())
            .group_by(*group)
            .order_by(span.c.n, counted.desc(), *group[1:])
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            Row(
                period=periods[row["n"]],
                source=row["source"] if by_source else None,
                tally=Tally(
                    calls=row["calls"],
                    unique=row["unique"],
                    first_time=row["first_time"] or 0,
                    answered=row["answered"],
                    missed=row["missed"],
                    talk_ms=int(row["talk_ms"] or 0),
                    spam=row["spam"],
                ),
            )
            for row in rows
        ]

    async def activity(self, since: datetime) -> dict[str, Activity]:
        """Every number that was ever called: its last call, and how many since `since`."""
        last = select(calls.c.number, func.max(calls.c.started_at).label("last_call")).group_by(calls.c.number)
        recent = (
            select(calls.c.number, func.count().label("calls"))
            .where(calls.c.started_at >= since)
            .group_by(calls.c.number)
        )
        async with self._database.reading() as connection:
            counts = {row.number: row.calls for row in (await connection.execute(recent)).all()}
            rows = (await connection.execute(last)).all()
        return {row.number: Activity(row.last_call, counts.get(row.number, 0)) for row in rows}

    async def call_times(self, number: str, limit: int = 10_000) -> list[datetime]:
        """When `number` was called, in order; of more than `limit` calls the newest."""
        newest = (
            select(calls.c.started_at).where(calls.c.number == number).order_by(calls.c.started_at.desc()).limit(limit)
        )
        async with self._database.reading() as connection:
            return list(reversed((await connection.execute(newest)).scalars().all()))

    async def watched_since(self, number: str) -> datetime | None:
        """Since when the books know `number`: from its first binding or call; None if not at all."""
        bound = select(func.min(bindings.c.valid_from)).where(bindings.c.number == number)
        called = select(func.min(calls.c.started_at)).where(calls.c.number == number)
        async with self._database.reading() as connection:
            known = [(await connection.execute(query)).scalar_one() for query in (bound, called)]
        return min((moment for moment in known if moment is not None), default=None)
