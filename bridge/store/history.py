"""What numbers were bound to, over time, and marks; over one connection. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.model import Binding
from bridge.store.records import pieces
from bridge.store.rows import binding_from
from bridge.store.schema import bindings, marks


async def record_bindings(connection: AsyncConnection, now: datetime, current: Iterable[Binding]) -> int:
    """Ends what changed and begins what is new, at `now`. Returns of how many numbers."""
    wanted = {binding.number: binding for binding in current}
    rows = (await connection.execute(select(bindings).where(bindings.c.valid_to.is_(None)))).mappings().all()
    known = {row["number"]: binding_from(row) for row in rows}
    for row in rows:
        if wanted.get(row["number"]) == known[row["number"]]:
            continue
        this = (bindings.c.number == row["number"]) & (bindings.c.valid_from == row["valid_from"])
        if row["valid_from"] >= now:  # replaced at once, or the clock went back: it was never in force
            await connection.execute(delete(bindings).where(this))
        else:
            await connection.execute(update(bindings).where(this).values(valid_to=now))
    begun = [
        {
            "number": binding.number,
            "valid_from": now,
            "kind": binding.kind.value,
            "source": binding.source,
            "pool": binding.pool,
            "since": binding.since,
        }
        for number, binding in wanted.items()
        if known.get(number) != binding
    ]
    if begun:
        # The clock went back over an entry that has ended since: what is said now goes.
        for new in begun:
            later = (bindings.c.number == new["number"]) & (bindings.c.valid_from >= now)
            await connection.execute(delete(bindings).where(later))
        await connection.execute(insert(bindings), begun)
    return len({new["number"] for new in begun} | (known.keys() - wanted.keys()))


async def binding_at(connection: AsyncConnection, number: str, at: datetime) -> Binding | None:
    """What `number` was bound to at that time."""
    query = (
        select(bindings)
        .where(bindings.c.number == number, bindings.c.valid_from <= at)
        .order_by(bindings.c.valid_from.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return _in_force(row, at)


async def bindings_at(connection: AsyncConnection, asked: Collection[tuple[str, datetime]]) -> list[Binding | None]:
    """What each number was bound to at its time."""
    spans: dict[str, list[RowMapping]] = {}
    for some in pieces(sorted({number for number, _ in asked})):
        query = select(bindings).where(bindings.c.number.in_(some)).order_by(bindings.c.number, bindings.c.valid_from)
        for row in (await connection.execute(query)).mappings():
            spans.setdefault(row["number"], []).append(row)
    found = []
    for number, at in asked:
        begun = [row for row in spans.get(number, []) if row["valid_from"] <= at]
        found.append(_in_force(begun[-1] if begun else None, at))
    return found


def _in_force(row: RowMapping | None, at: datetime) -> Binding | None:
    """The binding of the last row that began before `at`, if it lasted so long."""
    if row is None or (row["valid_to"] is not None and row["valid_to"] <= at):
        return None
    return binding_from(row)


async def set_marks(connection: AsyncConnection, values: Mapping[str, str]) -> None:
    """Sets marks, new or known."""
    for key, value in values.items():
        changed = await connection.execute(update(marks).where(marks.c.key == key).values(value=value))
        if not changed.rowcount:
            await connection.execute(insert(marks).values(key=key, value=value))
