"""What the books know of recordings as files: which are kept, how much they take, and which are on legal hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, tuple_, update

from bridge.core.model import Call, RecordingStatus
from bridge.core.retention import Kept
from bridge.store import records
from bridge.store.engine import Database
from bridge.store.schema import calls, holds

_KEPT = calls.c.recording_status == RecordingStatus.KEPT.value


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: the recording of `call_id` is not deleted, whatever its age."""

    call_id: str
    since: datetime
    reason: str


class KeepingStore:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def kept(self, after: Kept | None = None, limit: int = 1000) -> list[Kept]:
        """Recordings that are kept and not on hold, oldest first, from after the one given on."""
        query = (
            select(calls.c.id, calls.c.source, calls.c.started_at, calls.c.recording_size)
            .where(_KEPT, calls.c.id.not_in(select(holds.c.call_id)))
            .order_by(calls.c.started_at, calls.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(calls.c.started_at, calls.c.id) > (after.started_at, after.call_id))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [Kept(row.id, row.source, row.started_at, row.recording_size or 0) for row in rows]

    async def kept_bytes(self) -> int:
        """The size of all recordings that are kept, those on hold too."""
        async with self._database.reading() as connection:
            total = await connection.execute(select(func.sum(calls.c.recording_size)).where(_KEPT))
        return int(total.scalar_one() or 0)

    async def half_deleted(self) -> list[Call]:
        """Calls whose recording was given up and whose file may still be there."""
        gone = (calls.c.recording_status == RecordingStatus.DELETED.value) & calls.c.recording_path.is_not(None)
        async with self._database.reading() as connection:
            return await records.load(connection, select(calls).where(gone).limit(1000))

    async def hold(self, call_id: str, since: datetime, reason: str) -> str:
        """Put a recording on hold, or change the reason; gives the recording's status as it was at that moment."""
        async with self._database.writing(durable=True) as connection:
            status = await connection.execute(select(calls.c.recording_status).where(calls.c.id == call_id))
            changed = await connection.execute(update(holds).where(holds.c.call_id == call_id).values(reason=reason))
            if not changed.rowcount:
                await connection.execute(insert(holds).values(call_id=call_id, since=since, reason=reason))
            return str(status.scalar_one())

    async def release(self, call_id: str) -> bool:
        """End a hold; False if there was none."""
        async with self._database.writing(durable=True) as connection:
            return bool((await connection.execute(delete(holds).where(holds.c.call_id == call_id))).rowcount)

    async def holds(self) -> list[Hold]:
        """All holds, oldest call first."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(holds).order_by(holds.c.call_id))).all()
        return [Hold(row.call_id, row.since, row.reason) for row in rows]

    async def held(self, call_ids: Collection[str]) -> set[str]:
        """Those of the calls that are on hold."""
        found: set[str] = set()
        async with self._database.reading() as connection:
            for some in records.pieces(list(call_ids)):
                found |= set(
                    (await connection.execute(select(holds.c.call_id).where(holds.c.call_id.in_(some)))).scalars()
                )
        return found
