"""Reading and writing whole call records over one connection. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeAlias

from sqlalchemy import RowMapping, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.model import Call
from bridge.store.credit import CREDITED, credits_of, mark_changed
from bridge.store.rows import call_from, call_row, ring_rows
from bridge.store.schema import calls, rings

AT_ONCE: Final = 500  #: values in one list of a statement; every database takes more
_Row: TypeAlias = dict[str, Any]


def by_id(call_id: str) -> Select[Any]:
    """The query for one call."""
    return select(calls).where(calls.c.id == call_id)


async def load(connection: AsyncConnection, query: Select[Any]) -> list[Call]:
    """The calls of a query over all columns of `calls`, with their rings."""
    return await with_rings(connection, (await connection.execute(query)).mappings().all())


async def load_many(connection: AsyncConnection, call_ids: Iterable[str]) -> list[Call]:
    """The calls of those ids that there are."""
    return [
        call
        for some in pieces(list(call_ids))
        for call in await load(connection, select(calls).where(calls.c.id.in_(some)))
    ]


async def with_rings(connection: AsyncConnection, rows: Iterable[RowMapping]) -> list[Call]:
    """The calls of rows of `calls`."""
    rows = list(rows)
    rang = await _rings_of(connection, [row["id"] for row in rows])
    return [call_from(row, rang.get(row["id"], [])) for row in rows]


async def latest_revision(connection: AsyncConnection) -> int:
    """The number of the newest change; 0 while there are no calls."""
    return int((await connection.execute(select(func.coalesce(func.max(calls.c.revision), 0)))).scalar_one())


async def put(connection: AsyncConnection, call: Call) -> Call:
    """`put_all` for one call."""
    return (await put_all(connection, [call]))[0]


async def put_all(connection: AsyncConnection, given: Sequence[Call]) -> list[Call]:
    """Makes the books say `given`, but for `first_time`. Writes only what is new. Returns what they say now.

    A few statements for all of them together: catching up after a night costs seconds. Of one id given twice the later counts.
    """
    rows = {call.id: call_row(call) for call in given}
    rang = {call.id: ring_rows(call) for call in given}
    old: dict[str, Mapping[Any, Any]] = {}
    for some in pieces(list(rows)):
        found = (await connection.execute(select(calls).where(calls.c.id.in_(some)))).mappings()
        old |= {row["id"]: row for row in found}
    old_rings = await _rings_of(connection, list(old))
    await _credit(connection, rows, old)

    changed, moved, rerung = [], [], []
    for call_id, row in rows.items():
        before = old.get(call_id)
        row["first_time"] = before["first_time"] if before else None
        if before is None or (before["caller"], before["started_at"]) != (row["caller"], row["started_at"]):
            row["first_time"] = None if row["caller"] is None else False
            moved.append(call_id)
        if old_rings.get(call_id, []) != rang[call_id]:
            rerung.append(call_id)
        if before is None or call_id in rerung or any(before[key] != value for key, value in row.items()):
            changed.append(call_id)

    revisions = count(await latest_revision(connection) + 1) if changed else count()
    left = await _flag_first(connection, rows, moved, old, revisions)
    for call_id in changed:
        rows[call_id]["revision"] = next(revisions)
    if new := [rows[call_id] for call_id in changed if call_id not in old]:
        await connection.execute(insert(calls), new)
    if again := [{**rows[call_id], "_id": call_id} for call_id in changed if call_id in old]:
        await connection.execute(update(calls).where(calls.c.id == bindparam("_id")), again)
    for some in pieces([call_id for call_id in rerung if call_id in old_rings]):
        await connection.execute(delete(rings).where(rings.c.call_id.in_(some)))
    if new_rings := [ring for call_id in rerung for ring in rang[call_id]]:
        await connection.execute(insert(rings), new_rings)
    for caller in left:
        rows |= await _settle_first_time(connection, caller, rows, revisions)
    await mark_changed(connection, [(old.get(call_id), rows[call_id]) for call_id in changed])
    return [call_from(rows[call.id], rang[call.id]) for call in given]


async def _credit(connection: AsyncConnection, rows: Mapping[str, _Row], old: Mapping[str, Mapping[Any, Any]]) -> None:
    """Adds the columns CREDITED to the rows: of the visits they are booked on, or as they were where that visit is not in the books."""
    known = await credits_of(connection, {row["visit"] for row in rows.values() if row["visit"] is not None})
    for call_id, row in rows.items():
        before = old.get(call_id)
        same = before if before is not None and before["visit"] == row["visit"] else {}
        row |= known.get(row["visit"]) or {name: same.get(name) for name in CREDITED}


def pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """`values` in parts that fit into one statement."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


async def _flag_first(
    connection: AsyncConnection,
    rows: Mapping[str, _Row],
    moved_ids: Sequence[str],
    old: Mapping[str, Mapping[Any, Any]],
    revisions: Iterator[int],
) -> set[str]:
    """Sets `first_time` in the rows to be written that are a caller's earliest, and takes it from those that were.

    Returns the callers of whom that cannot be told from these rows: their earliest call is about to move away.
    """
    moved = [rows[call_id] for call_id in moved_ids]
    left = {old[row["id"]]["caller"] for row in moved if row["id"] in old and old[row["id"]]["first_time"]} - {None}
    best: dict[str, _Row] = {}
    for row in moved:
        caller = row["caller"]
        if caller is not None and caller not in left and (caller not in best or _order(row) < _order(best[caller])):
            best[caller] = row
    beaten = []
    for some in pieces(list(best)):
        query = select(calls.c.id, calls.c.caller, calls.c.started_at)
        flagged = await connection.execute(query.where(calls.c.caller.in_(some), calls.c.first_time.is_(True)))
        for first in flagged.mappings():
            if _order(first) < _order(best[first["caller"]]):
                del best[first["caller"]]
            else:
                beaten.append({"_id": first["id"], "first_time": False, "revision": next(revisions)})
                if first["id"] in rows:
                    rows[first["id"]]["first_time"] = False
    if beaten:
        await connection.execute(update(calls).where(calls.c.id == bindparam("_id")), beaten)
    for row in best.values():
        row["first_time"] = True
    return left


def _order(row: Mapping[Any, Any]) -> tuple[Any, str]:
    return (row["started_at"], row["id"])


async def _settle_first_time(
    connection: AsyncConnection, caller: str, rows: Mapping[str, _Row], revisions: Iterator[int]
) -> dict[str, _Row]:
    """Gives the flag to the caller's earliest call; returns those of `rows` that this changed."""
    his = select(calls.c.id).where(calls.c.caller == caller)
    earliest = (await connection.execute(his.order_by(calls.c.started_at, calls.c.id).limit(1))).scalar_one_or_none()
    flagged = (await connection.execute(his.where(calls.c.first_time.is_(True)))).scalar_one_or_none()
    changed: dict[str, _Row] = {}
    if earliest == flagged:
        return changed
    for call_id, value in ((flagged, False), (earliest, True)):
        if call_id is None:
            continue
        new = {"first_time": value, "revision": next(revisions)}
        await connection.execute(update(calls).where(calls.c.id == call_id).values(new))
        if call_id in rows:
            changed[call_id] = {**rows[call_id], **new}
    return changed


async def _rings_of(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for some in pieces(call_ids):
        query = select(rings).where(rings.c.call_id.in_(some)).order_by(rings.c.call_id, rings.c.seq)
        for row in (await connection.execute(query)).mappings():
            found.setdefault(row["call_id"], []).append(dict(row))
    return found
