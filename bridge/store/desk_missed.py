"""Who waits to be called back, for the desk; and a person's word that it is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, insert, select, update

from bridge.core.desk.missed import Done, Promptness, Waiting, promptness
from bridge.store.callbacks import settle_callers
from bridge.store.desk_schema import changes
from bridge.store.engine import Database
from bridge.store.schema import calls

WHAT: Final = "called-back"
_c = calls.c
_LAST: Final = ("id", "started_at", "caller_name", "number", "source", "campaign", "keyword", "line", "outcome")
_DONE: Final = ("id", "caller", "caller_name", "started_at", "source", "line", "called_back_at", "called_back_by")


class MissedStore:
    """Every method may raise StoreBusy or StoreUnavailable. `line` None: of all lines; `without`: classes of calls left out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, line: str | None, without: Sequence[str], limit: int) -> list[Waiting]:
        """Callers who wait, the one who called last first."""
        place = func.row_number().over(partition_by=_c.caller, order_by=(_c.started_at.desc(), _c.id.desc()))
        numbered = (
            select(
                _c.caller,
                *(_c[name] for name in _LAST),
                place.label("place"),
                func.count().over(partition_by=_c.caller).label("tries"),
                func.min(_c.started_at).over(partition_by=_c.caller).label("first_at"),
            )
            .where(_c.wants_callback.is_(True), *_which(line, without))
            .subquery()
        )
        query = select(numbered).where(numbered.c.place == 1).order_by(numbered.c.started_at.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [
                Waiting(row.caller, row.tries, row.first_at, *(getattr(row, name) for name in _LAST))
                for row in await connection.execute(query)
            ]

    async def count(self, line: str | None, without: Sequence[str]) -> int:
        """How many callers wait."""
        query = select(func.count(func.distinct(_c.caller))).where(_c.wants_callback.is_(True), *_which(line, without))
        async with self._database.reading() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def done(self, line: str | None, limit: int) -> list[Done]:
        """Missed calls that are done with, the latest call first."""
        query = select(*(_c[name] for name in _DONE)).where(_c.called_back_at.is_not(None), *_which(line, ()))
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(_c.started_at.desc(), _c.id.desc()).limit(limit))
            return [Done(*row) for row in rows]

    async def promptness(self, line: str | None, since: datetime) -> Promptness:
        """Of the calls missed since then."""
        query = select(_c.started_at, _c.called_back_at).where(
            _c.started_at >= since, _c.wants_callback.is_(True) | _c.called_back_at.is_not(None), *_which(line, ())
        )
        async with self._database.reading() as connection:
            return promptness([(row.started_at, row.called_back_at) for row in await connection.execute(query)])

    async def mark_done(self, caller: str, line: str | None, by: str, at: datetime, batch: str) -> int:
        """A person says that a caller need not be called back any more. Returns how many of his calls waited."""
        async with self._database.writing(durable=True) as connection:
            mine = (_c.caller == caller, _c.wants_callback.is_(True), *_which(line, ()))
            ids = (await connection.execute(select(_c.id).where(*mine))).scalars().all()
            if not ids:
                return 0
            said = {"wants_callback": False, "called_back_at": at, "called_back_by": by}
            await connection.execute(update(calls).where(_c.id.in_(ids)).values(said))
            await _trace(connection, [(call_id, None, by) for call_id in ids], by, at, batch)
        return len(ids)

    async def take_back(self, batch: str, by: str, at: datetime, new_batch: str) -> int:
        """Undoes `mark_done`: the caller waits again, unless somebody talked to him meanwhile. Returns of how many calls."""
        async with self._database.writing(durable=True) as connection:
            query = select(changes.c.call_id, changes.c.after).where(changes.c.batch == batch, changes.c.what == WHAT)
            said = {row.call_id: row.after for row in await connection.execute(query)}
            rows = (
                await connection.execute(
                    select(_c.id, _c.caller, _c.started_at, _c.called_back_by).where(_c.id.in_(said))
                )
            ).all()
            mine = [row for row in rows if row.called_back_by == said[row.id] and said[row.id] is not None]
            if not mine:
                return 0
            cleared = {"called_back_at": None, "called_back_by": None, "wants_callback": False}
            await connection.execute(update(calls).where(_c.id.in_([row.id for row in mine])).values(cleared))
            await settle_callers(connection, {row.caller for row in mine}, min(row.started_at for row in mine))
            await _trace(connection, [(row.id, row.called_back_by, None) for row in mine], by, at, new_batch)
        return len(mine)


def _which(line: str | None, without: Sequence[str]) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [_c.caller.is_not(None)]
    if line is not None:
        where.append(_c.line == line)
    if without:
        where.append(_c["class"].is_(None) | _c["class"].not_in(without))
    return where


async def _trace(
    connection: Any, said: Sequence[tuple[str, str | None, str | None]], by: str, at: datetime, batch: str
) -> None:
    seq = func.coalesce(func.max(changes.c.seq), -1) + 1
    for call_id, before, after in said:
        number = (await connection.execute(select(seq).where(changes.c.call_id == call_id))).scalar_one()
        row = {"call_id": call_id, "seq": number, "at": at, "by": by, "what": WHAT, "before": before, "after": after}
        await connection.execute(insert(changes), {**row, "batch": batch})
