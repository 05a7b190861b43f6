"""Keeping up with who waits to be called back, over one connection. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.callbacks import HORIZON, Seen, settle
from bridge.core.model import Call, Reached
from bridge.store.callback_schema import reached
from bridge.store.schema import calls

_AT_ONCE: Final = 500
_SEEN: Final = (
    *("id", "caller", "started_at", "answered_at", "ended_at", "outcome", "spam"),
    *("wants_callback", "called_back_at", "called_back_by"),
)


async def note_reached(connection: AsyncConnection, facts: Sequence[Reached]) -> None:
    """Writes down whom the company reached, once each, and settles his calls."""
    if not facts:
        return
    rows = {
        (fact.number, fact.at): {"number": fact.number, "at": fact.at, "phone": fact.phone, "talk_ms": fact.talk_ms}
        for fact in facts
    }
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    table: Table = reached
    await connection.execute(insert(table).on_conflict_do_nothing(), list(rows.values()))
    await settle_callers(connection, {fact.number for fact in facts}, min(fact.at for fact in facts))


async def settle_calls(connection: AsyncConnection, changed: Sequence[Call]) -> None:
    """`settle_callers` for the callers of calls that have ended."""
    ended = [call for call in changed if call.caller is not None and call.ended_at is not None]
    if ended:
        await settle_callers(
            connection, {call.caller for call in ended if call.caller}, min(call.started_at for call in ended)
        )


async def settle_callers(connection: AsyncConnection, callers: Collection[str], at: datetime) -> None:
    """Says of the calls of these callers whether they want to be called back, or when and by whom that was done.

    Calls longer than HORIZON before `at`, which is when the earliest thing that is new happened, stay as they are.
    """
    since = at - HORIZON
    wanted = sorted(callers)
    changes = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        of: dict[str, tuple[list[Seen], list[datetime]]] = {caller: ([], []) for caller in some}
        mine = select(*(calls.c[name] for name in _SEEN)).where(calls.c.caller.in_(some), calls.c.started_at >= since)
        for row in await connection.execute(mine):
            of[row.caller][0].append(Seen(row.id, *row[2:]))
        talks = select(reached.c.number, reached.c.at).where(reached.c.number.in_(some), reached.c.at >= since)
        for row in await connection.execute(talks):
            of[row.number][1].append(row.at)
        changes += [change for seen, moments in of.values() for change in settle(seen, moments)]
    if changes:
        values = [
            {"_id": c.call_id, "wants": c.wants_callback, "at": c.called_back_at, "by": c.called_back_by}
            for c in changes
        ]
        await connection.execute(
            update(calls)
            .where(calls.c.id == bindparam("_id"))
            .values(wants_callback=bindparam("wants"), called_back_at=bindparam("at"), called_back_by=bindparam("by")),
            values,
        )
