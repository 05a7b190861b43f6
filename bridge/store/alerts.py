"""Which missed calls somebody is to be told of, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal, or_, select, union_all
from sqlalchemy.dialects import postgresql, sqlite

from bridge.core.desk.alerts import Alert
from bridge.store.desk_schema import alerts
from bridge.store.engine import Database
from bridge.store.schema import calls

_CALL = ("caller", "caller_name", "number", "source", "campaign", "keyword", "line", "outcome", "started_at")


class AlertStore:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self,
        targets: Sequence[str],
        without: Sequence[str],
        missed_before: datetime,
        fresh: datetime,
        now: datetime,
        limit: int,
    ) -> list[Alert]:
        """Calls that still want to be called back, ended, missed before `missed_before` and after `fresh`, of which each target was not told
        yet, or is to be told again by `now`. The oldest first. Classes in `without` are left out.
        """
        wanted = union_all(*(select(literal(target).label("target")) for target in targets)).subquery()
        mine = and_(alerts.c.call_id == calls.c.id, alerts.c.target == wanted.c.target)
        where = [
            calls.c.wants_callback.is_(True),
            calls.c.started_at >= fresh,
            or_(
                and_(alerts.c.call_id.is_(None), calls.c.started_at <= missed_before),
                alerts.c.due_at <= now,
            ),
        ]
        if without:
            where.append(or_(calls.c["class"].is_(None), calls.c["class"].not_in(without)))
        query = (
            select(calls.c.id, wanted.c.target, alerts.c.attempts, *(calls.c[name] for name in _CALL))
            .select_from(calls)
            .join(wanted, literal(value=True))
            .outerjoin(alerts, mine)
            .where(*where)
            .order_by(calls.c.started_at, calls.c.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings()
            return [
                Alert(row["id"], row["target"], row["attempts"] or 0, **{name: row[name] for name in _CALL})
                for row in rows
            ]

    async def settle(
        self, alert: Alert, attempts: int, done_at: datetime | None, due_at: datetime | None, problem: str | None
    ) -> None:
        """What became of the try number `attempts`; `due_at` None: it is over."""
        row = {"attempts": attempts, "done_at": done_at, "due_at": due_at, "problem": problem}
        async with self._database.writing(durable=True) as connection:
            insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            adding = insert(alerts).values(call_id=alert.call_id, target=alert.target, **row)
            await connection.execute(
                adding.on_conflict_do_update(index_elements=[alerts.c.call_id, alerts.c.target], set_=row)
            )
