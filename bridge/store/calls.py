"""The books themselves: one record per call, whoever tells of it, however often and in whatever order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import literal_column, select, tuple_

from bridge.core.model import Binding, Call, Reached, RecordingStatus
from bridge.store import callbacks, history, records
from bridge.store.engine import Database
from bridge.store.filters import CallFilter, Page, read_cursor, write_cursor
from bridge.store.schema import calls, marks

MOST_PER_PAGE = 1000


class CallStore:
    """Calls, bindings and marks in a database. Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, call: Call) -> Call:
        """Writes `call` down if its id is not in the books yet; returns what they say now, with `first_time`."""
        async with self._database.writing() as connection:
            known = await records.load(connection, records.by_id(call.id))
            return known[0] if known else await records.put(connection, call)

    async def save(self, call: Call, *, marks: Mapping[str, str] | None = None) -> Call:
        """Makes the books say exactly `call` (but for `first_time`, which they know better), and sets `marks`, in one transaction.

        Saving the same twice changes nothing. Returns what the books say now.
        """
        return (await self.save_all([call], marks=marks))[0]

    async def save_all(
        self, saved: Sequence[Call], *, marks: Mapping[str, str] | None = None, reached: Sequence[Reached] = ()
    ) -> list[Call]:
        """`save` for many calls, and notes whom the company `reached` meanwhile, in one transaction: all or nothing."""
        durable = bool(marks) or any(call.ended_at for call in saved)
        async with self._database.writing(durable=durable) as connection:
            result = await records.put_all(connection, saved)
            await callbacks.note_reached(connection, reached)
            await callbacks.settle_calls(connection, result)
            await history.set_marks(connection, marks or {})
        return result

    async def get(self, call_id: str) -> Call | None:
        """The call of that id."""
        async with self._database.reading() as connection:
            found = await records.load(connection, records.by_id(call_id))
        return found[0] if found else None

    async def get_many(self, call_ids: Collection[str]) -> list[Call]:
        """The calls of those ids, as far as the books have them, in no order."""
        async with self._database.reading() as connection:
            return await records.load_many(connection, call_ids)

    async def get_by_prefix(self, prefix: str, limit: int = 10) -> list[Call]:
        """The first `limit` calls, by id, whose id begins with `prefix`."""
        after = prefix + "\U0010ffff"
        query = select(calls).where(calls.c.id >= prefix, calls.c.id < after).order_by(calls.c.id).limit(limit)
        async with self._database.reading() as connection:
            return await records.load(connection, query)

    async def open_calls(self) -> list[Call]:
        """The calls that have not ended, oldest first."""
        query = select(calls).where(calls.c.ended_at.is_(None)).order_by(calls.c.started_at, calls.c.id)
        async with self._database.reading() as connection:
            return await records.load(connection, query)

    async def pending_recordings(self) -> list[Call]:
        """The calls whose recording waits to be finished, oldest first."""
        pending = calls.c.recording_status == literal_column(
            f"'{RecordingStatus.PENDING.value}'"
        )  # as the index says it
        query = select(calls).where(pending).order_by(calls.c.started_at, calls.c.id)
        async with self._database.reading() as connection:
            return await records.load(connection, query)

    async def is_first_call(self, caller: str, before: datetime) -> bool:
        """Whether the books hold no call of `caller` from before that time."""
        earlier = select(calls.c.id).where(calls.c.caller == caller, calls.c.started_at < before).limit(1)
        async with self._database.reading() as connection:
            return (await connection.execute(earlier)).first() is None

    async def find(self, wanted: CallFilter | None = None, limit: int = 50, cursor: str | None = None) -> Page:
        """A page of at most `limit` calls (1 to 1000), newest first; `cursor` is the page before's. ValueError if that is none."""
        limit = min(max(limit, 1), MOST_PER_PAGE)
        query = select(calls).where(*(wanted or CallFilter()).conditions())
        if cursor is not None:
            query = query.where(tuple_(calls.c.started_at, calls.c.id) < read_cursor(cursor))
        query = query.order_by(calls.c.started_at.desc(), calls.c.id.desc()).limit(limit + 1)
        async with self._database.reading() as connection:
            found = await records.load(connection, query)
        return Page(tuple(found[:limit]), write_cursor(found[limit - 1]) if len(found) > limit else None)

    async def latest_revision(self) -> int:
        """The number of the newest change; 0 while the books are empty."""
        async with self._database.reading() as connection:
            return await records.latest_revision(connection)

    async def changed_after(
        self, revision: int, wanted: CallFilter | None = None, limit: int = 100
    ) -> tuple[list[Call], int]:
        """Calls changed after `revision`, in the order of their last change, and the revision to go on from."""
        fits = (wanted or CallFilter()).conditions()
        query = select(calls).where(calls.c.revision > revision, *fits).order_by(calls.c.revision).limit(limit)
        async with self._database.reading() as connection:
            newest = await records.latest_revision(connection)
            rows = (await connection.execute(query)).mappings().all()
            found = await records.with_rings(connection, rows)
        return found, rows[-1]["revision"] if len(rows) == limit else max(revision, newest)

    async def record_bindings(self, now: datetime, current: Iterable[Binding]) -> int:
        """Notes what every number is bound to from `now` on; a number not in `current` is bound to nothing. Returns how many changed."""
        async with self._database.writing(durable=True) as connection:
            return await history.record_bindings(connection, now, current)

    async def binding_at(self, number: str, at: datetime) -> Binding | None:
        """What `number` was bound to at that time; None if nothing, or from before the bridge kept books."""
        async with self._database.reading() as connection:
            return await history.binding_at(connection, number, at)

    async def bindings_at(self, asked: Collection[tuple[str, datetime]]) -> list[Binding | None]:
        """`binding_at` for many numbers and times together, in their order."""
        async with self._database.reading() as connection:
            return await history.bindings_at(connection, asked)

    async def get_mark(self, key: str) -> str | None:
        """The value of a mark, such as how far the journal has been read."""
        async with self._database.reading() as connection:
            return (await connection.execute(select(marks.c.value).where(marks.c.key == key))).scalar_one_or_none()

    async def set_marks(self, values: Mapping[str, str]) -> None:
        """Sets marks alone; `save` sets them together with calls."""
        async with self._database.writing(durable=True) as connection:
            await history.set_marks(connection, values)
