"""Visits, leases and the history of attributions in the books."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.model import BindingKind
from bridge.core.pools.lease import Lease
from bridge.core.site import Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Batch, Moment, Note, PastCall
from bridge.store import history
from bridge.store.bulk import BulkWriter, Statement, as_json, upserts
from bridge.store.credit import (
    CREDITED,
    MARK_CALL,
    credit_visits,
    credits_of,
    mark_changed,
    mark_dirty,
    visit_statements,
)
from bridge.store.engine import Database
from bridge.store.errors import translated
from bridge.store.records import latest_revision, pieces
from bridge.store.schema import bindings, calls, marks
from bridge.store.visit_rows import (
    When,
    credited_from,
    instant,
    instant_text,
    lease_from,
    lease_row,
    note_from,
    note_row,
    page_row,
    storable,
    visit_from,
    visit_row,
)
from bridge.store.visit_schema import attributions, leases, pages, visits

BRIDGE = "bridge"  #: who books calls, where it was no person
_AT_ONCE = 2000  #: visits forgotten in one transaction


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of where a call came from. `notes` is its attributions, oldest first."""

    visit: Visit | None
    notes: tuple[Note, ...]


class VisitStore:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bulk = BulkWriter(database.path, database.busy_seconds) if database.path else None

    async def write(self, batch: Batch) -> None:
        """All of `batch`, or nothing, the visits before their pages. IntegrityError where another visit holds a number.

        What is written outlives this process at once, and a power cut as soon as `sync` was done.
        """
        if self._bulk is not None:
            statements = list(_statements(batch))
            with translated(self._database.name):
                await self._bulk.write(statements)
            return
        async with self._database.writing(durable=True) as connection:
            await _upsert(connection, visits, [storable(visit_row(visit, instant)) for visit in batch.visits])
            known = await _known_visits(connection, {visit for visit, _, _ in batch.pages})
            rows = [storable(page_row(*page, instant)) for page in batch.pages if page[0] in known]
            await _upsert(connection, pages, rows)
            await _upsert(connection, leases, [storable(row) for row in _ended_first(batch, instant)])
            for note in batch.notes:
                await _add_note(connection, note)
            await credit_visits(connection, *_touched(batch))
            await mark_dirty(connection, {note.call_id for note in batch.notes})
            await history.set_marks(connection, batch.marks)

    async def sync(self) -> None:
        """What was written outlives a power cut."""
        if self._bulk is not None:
            with translated(self._database.name):
                await self._bulk.sync()

    async def close(self) -> None:
        """Close what `write` has opened."""
        if self._bulk is not None:
            await self._bulk.close()

    async def latest_leases(self, per_number: int, since: datetime) -> list[Lease]:
        """The latest leases of every number that were held after `since`, and those still held, by their beginning."""
        place = func.row_number().over(partition_by=leases.c.number, order_by=leases.c.began_at.desc()).label("place")
        recent = or_(leases.c.ended_at.is_(None), leases.c.active_at >= since)
        latest = select(leases, place).where(recent).subquery()
        query = select(latest).where(latest.c.place <= per_number).order_by(latest.c.began_at)
        async with self._database.reading() as connection:
            return [lease_from(row) for row in (await connection.execute(query)).mappings()]

    async def in_pool_since(self) -> dict[str, float]:
        """Since when (epoch seconds) each number of a pool has been its source's without a break."""
        query = select(bindings).order_by(bindings.c.number, bindings.c.valid_from)
        found: dict[str, float] = {}
        before = None
        async with self._database.reading() as connection:
            for row in await connection.execute(query):
                came = row.valid_from.timestamp()
                same = before is not None and (before.number, before.kind, before.source) == (
                    row.number,
                    row.kind,
                    row.source,
                )
                goes_on = same and before is not None and before.valid_to == row.valid_from  # another name of the pool
                if row.kind != BindingKind.POOL.value:
                    found.pop(row.number, None)
                elif not goes_on:
                    found[row.number] = came
                before = row
        return found

    async def moments(self, since: datetime) -> list[Moment]:
        """All leases that began after `since`, in short, by their beginning."""
        query = (
            select(*(leases.c[name] for name in ("began_at", "left_at", "mobile", "taps", "ended_at", "swapped")))
            .where(leases.c.began_at >= since)
            .order_by(leases.c.began_at)
        )
        async with self._database.reading() as connection:
            return [
                Moment(
                    row.began_at.timestamp(),
                    row.left_at and row.left_at.timestamp(),
                    row.mobile,
                    len(row.taps),
                    (row.ended_at - row.began_at).total_seconds() if row.swapped and row.ended_at else None,
                )
                for row in await connection.execute(query)
            ]

    async def recent_visits(self, since: datetime) -> list[Visit]:
        """Visits with a sign of life since then, the latest one last, with what their pages were told as far as it is known."""
        query = select(visits).where(visits.c.active_at >= since).order_by(visits.c.active_at)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
            seen = await _pages_of(connection, [row["id"] for row in rows])
            found = [visit_from(row, seen.get(row["id"], ())) for row in rows]
            shown = await _shown_to(connection, [visit.id for visit in found])
        for visit in found:
            visit.told |= shown.get(visit.id, set())
        return found

    async def past_calls(self, since: datetime) -> list[PastCall]:
        """Calls of known callers to numbers of pools that were booked on a visit, oldest first."""
        return await self._past(calls.c.started_at >= since, calls.c.binding == BindingKind.POOL.value)

    async def corrected_calls(self, since: datetime) -> list[PastCall]:
        """Calls that a person has booked on a visit since then."""
        mine = attributions.c.call_id == calls.c.id
        return await self._past(exists().where(mine, attributions.c.at >= since, attributions.c.by != BRIDGE))

    async def _past(self, *conditions: Any) -> list[PastCall]:
        query = (
            select(
                calls.c.caller,
                calls.c.number,
                calls.c.started_at,
                calls.c.visit,
                calls.c.attribution_confidence,
                visits.c.visitor,
            )
            .select_from(calls.outerjoin(visits, visits.c.id == calls.c.visit))
            .where(calls.c.visit.is_not(None), calls.c.caller.is_not(None), *conditions)
            .order_by(calls.c.started_at)
        )
        async with self._database.reading() as connection:
            return [
                PastCall(
                    row.caller,
                    row.number,
                    row.started_at.timestamp(),
                    row.visit,
                    row.visitor or f"visit:{row.visit}",
                    row.attribution_confidence,
                )
                for row in await connection.execute(query)
            ]

    async def last_touch(self, visitor: str) -> Touch | None:
        """What the visitor's last visit was booked on; None for a new one."""
        query = select(visits).where(visits.c.visitor == visitor).order_by(visits.c.began_at.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else credited_from(row)

    async def get_mark(self, key: str) -> str | None:
        """The value of a mark."""
        async with self._database.reading() as connection:
            return (await connection.execute(select(marks.c.value).where(marks.c.key == key))).scalar_one_or_none()

    async def forget(self, before: datetime) -> int:
        """Deletes visits without a sign of life since then, with pages and leases, but for those that a call came from. How many."""
        called = exists().where(calls.c.visit == visits.c.id)
        old = select(visits.c.id).where(visits.c.active_at < before, ~called).limit(_AT_ONCE)
        total = 0
        while True:
            async with self._database.writing() as connection:
                gone = (await connection.execute(old)).scalars().all()
                for some in pieces(gone):
                    await connection.execute(delete(pages).where(pages.c.visit.in_(some)))
                    await connection.execute(delete(visits).where(visits.c.id.in_(some)))
                if not gone:
                    wanted = exists().where(visits.c.id == leases.c.visit)
                    stale = and_(leases.c.ended_at.is_not(None), leases.c.active_at < before, ~wanted)
                    await connection.execute(delete(leases).where(stale))
            total += len(gone)
            if len(gone) < _AT_ONCE:
                if gone:
                    continue
                return total

    async def visit(self, visit_id: str) -> Visit | None:
        """The visit of that id, with its pages."""
        async with self._database.reading() as connection:
            return await _visit(connection, visit_id)

    async def story(self, call_id: str) -> Story:
        """Where a call came from: its visit, and how its attribution came about."""
        query = select(attributions).where(attributions.c.call_id == call_id).order_by(attributions.c.seq)
        async with self._database.reading() as connection:
            notes = [note_from(row) for row in (await connection.execute(query)).mappings()]
            visit_id = (await connection.execute(select(calls.c.visit).where(calls.c.id == call_id))).scalar()
            return Story(await _visit(connection, visit_id) if visit_id else None, tuple(notes))

    async def correct(self, before: Note, note: Note) -> None:
        """Books a call otherwise, by a person's word: `calls` says it, and both stand in the history. `before` is what it said."""
        found = note.attribution
        async with self._database.writing(durable=True) as connection:
            known = await connection.execute(
                select(func.count()).select_from(attributions).where(attributions.c.call_id == note.call_id)
            )
            if not known.scalar_one():
                await _add_note(connection, before)
            await _add_note(connection, note)
            row = {
                "attribution_kind": found.kind.value,
                "attribution_reason": found.reason,
                "attribution_confidence": found.confidence,
                "source": found.source,
                "visit": found.visit,
                "revision": await latest_revision(connection) + 1,
            }
            credited = await credits_of(connection, [found.visit] if found.visit else [])
            row |= credited.get(found.visit or "") or dict.fromkeys(CREDITED)
            call = (await connection.execute(select(calls).where(calls.c.id == note.call_id))).mappings().one()
            await connection.execute(update(calls).where(calls.c.id == note.call_id).values(row))
            await mark_changed(connection, [(call, {**call, **row})])


def _ended_first(batch: Batch, when: When) -> list[dict[str, Any]]:
    rows = [lease_row(lease, when) for lease in batch.leases]
    return sorted(rows, key=lambda row: row["ended_at"] is None)


def _touched(batch: Batch) -> tuple[list[str], list[str]]:
    """Visits that are written, and visits that have new pages."""
    return [visit.id for visit in batch.visits], sorted({visit for visit, _, _ in batch.pages})


def _statements(batch: Batch) -> Iterator[Statement]:
    """`write` for SQLite."""
    yield from upserts(visits, [_fit(visit_row(visit, instant_text), "touch", "ids") for visit in batch.visits])
    own = {visit.id for visit in batch.visits}
    rows = [_fit(page_row(*page, instant_text)) for page in batch.pages]
    yield from upserts(pages, [row for row in rows if row["visit"] in own])
    for row in rows:
        if row["visit"] not in own:
            yield _PAGE, row
    yield from upserts(leases, [_fit(row, "taps") for row in _ended_first(batch, instant_text)])
    for note in batch.notes:
        yield _NOTE, _fit({**note_row(note, 0), "at": instant_text(note.at.timestamp())}, "candidates")
        yield MARK_CALL, {"call_id": note.call_id}
    yield from visit_statements(*_touched(batch))
    for key, value in batch.marks.items():
        yield _MARK, {"key": key, "value": value}


def _fit(row: dict[str, Any], *as_text: str) -> dict[str, Any]:
    """`row` as SQLite takes it, with these columns as JSON."""
    for name, value in row.items():
        if name in as_text:
            row[name] = as_json(storable(value))
        elif value.__class__ is str and not value.isprintable():
            row[name] = storable(value)
    return row


#: A page of a visit that is not forgotten yet.
_PAGE = (
    "INSERT INTO pages (visit, seq, at, url) SELECT :visit, :seq, :at, :url WHERE EXISTS (SELECT 1 FROM visits WHERE id = :visit)"
    " ON CONFLICT (visit, seq) DO UPDATE SET at = excluded.at, url = excluded.url"
)
_NOTE = (
    "INSERT INTO attributions (call_id, at, kind, source, visit, confidence, reason, by, candidates, seq)"
    " SELECT :call_id, :at, :kind, :source, :visit, :confidence, :reason, :by, :candidates, coalesce(max(seq) + 1, 0)"
    " FROM attributions WHERE call_id = :call_id"
)
_MARK = "INSERT INTO marks (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


async def _upsert(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Writes the rows, new or known. All of them have every column of `table`."""
    if not rows:
        return
    statement = postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), list(rows))


async def _known_visits(connection: AsyncConnection, wanted: set[str]) -> set[str]:
    """Those there are: a visit may have been forgotten while its page was on its way."""
    found: set[str] = set()
    for some in pieces(sorted(wanted)):
        found |= set((await connection.execute(select(visits.c.id).where(visits.c.id.in_(some)))).scalars())
    return found


async def _add_note(connection: AsyncConnection, note: Note) -> None:
    query = select(func.coalesce(func.max(attributions.c.seq) + 1, 0)).where(attributions.c.call_id == note.call_id)
    seq = (await connection.execute(query)).scalar_one()
    await connection.execute(attributions.insert().values(storable(note_row(note, seq))))


async def _visit(connection: AsyncConnection, visit_id: str) -> Visit | None:
    row = (await connection.execute(select(visits).where(visits.c.id == visit_id))).mappings().first()
    if row is None:
        return None
    return visit_from(row, (await _pages_of(connection, [visit_id])).get(visit_id, ()))


async def _pages_of(connection: AsyncConnection, visit_ids: Sequence[str]) -> dict[str, list[dict[Any, Any]]]:
    found: dict[str, list[dict[Any, Any]]] = {}
    for some in pieces(visit_ids):
        query = select(pages).where(pages.c.visit.in_(some)).order_by(pages.c.visit, pages.c.seq)
        for row in (await connection.execute(query)).mappings():
            found.setdefault(row["visit"], []).append(dict(row))
    return found


async def _shown_to(connection: AsyncConnection, visit_ids: Sequence[str]) -> dict[str, set[str]]:
    """The numbers of pools that visits were shown."""
    found: dict[str, set[str]] = {}
    for some in pieces(visit_ids):
        query = select(leases.c.visit, leases.c.number).where(leases.c.visit.in_(some))
        for row in await connection.execute(query):
            found.setdefault(row.visit, set()).add(row.number)
    return found
