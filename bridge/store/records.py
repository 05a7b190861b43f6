"""Reading and writing whole call records over one connection. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.model import Call
from bridge.store.rows import call_from, call_row, ring_rows
from bridge.store.schema import calls, rings


def by_id(call_id: str) -> Select[Any]:
    """The query for one call."""
    return select(calls).where(calls.c.id == call_id)


async def load(connection: AsyncConnection, query: Select[Any]) -> list[Call]:
    """The calls of a query over all columns of `calls`, with their rings."""
    return await with_rings(connection, (await connection.execute(query)).mappings().all())


async def with_rings(connection: AsyncConnection, rows: Iterable[RowMapping]) -> list[Call]:
    """The calls of rows of `calls`."""
    rows = list(rows)
    rang = await _rings_of(connection, [row["id"] for row in rows])
    return [call_from(row, rang.get(row["id"], [])) for row in rows]


async def latest_revision(connection: AsyncConnection) -> int:
    """The number of the newest change; 0 while there are no calls."""
    return int((await connection.execute(select(func.coalesce(func.max(calls.c.revision), 0)))).scalar_one())


async def put(connection: AsyncConnection, call: Call) -> Call:
    """Makes the books say `call`, but for `first_time`. Writes nothing if they already do. Returns what they say now."""
    row, new_rings = call_row(call), ring_rows(call)
    old = (await connection.execute(by_id(call.id))).mappings().first()
    old_rings = (await _rings_of(connection, [call.id])).get(call.id, []) if old else []
    if old and old_rings == new_rings and all(old[key] == value for key, value in row.items()):
        return call_from(old, new_rings)

    moved = old is None or (old["caller"], old["started_at"]) != (row["caller"], row["started_at"])
    if moved:
        row["first_time"] = None if row["caller"] is None else False
    row["revision"] = await latest_revision(connection) + 1
    if old is None:
        await connection.execute(insert(calls).values(row))
    else:
        await connection.execute(update(calls).where(calls.c.id == call.id).values(row))
    if old_rings != new_rings:
        await connection.execute(delete(rings).where(rings.c.call_id == call.id))
        if new_rings:
            await connection.execute(insert(rings), new_rings)
    if moved:
        for caller in {row["caller"], old["caller"] if old else None} - {None}:
            await _settle_first_time(connection, caller)
    return (await load(connection, by_id(call.id)))[0]


async def _settle_first_time(connection: AsyncConnection, caller: str) -> None:
    """Gives the flag to the caller's earliest call, also when that one is booked last."""
    his = select(calls.c.id).where(calls.c.caller == caller)
    earliest = (await connection.execute(his.order_by(calls.c.started_at, calls.c.id).limit(1))).scalar_one_or_none()
    flagged = (await connection.execute(his.where(calls.c.first_time.is_(True)))).scalar_one_or_none()
    if earliest == flagged:
        return
    for call_id, value in ((flagged, False), (earliest, True)):
        if call_id is not None:
            revision = await latest_revision(connection) + 1
            await connection.execute(
                update(calls).where(calls.c.id == call_id).values(first_time=value, revision=revision)
            )


async def _rings_of(connection: AsyncConnection, call_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    if not call_ids:
        return found
    query = select(rings).where(rings.c.call_id.in_(call_ids)).order_by(rings.c.call_id, rings.c.seq)
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["call_id"], []).append(dict(row))
    return found
