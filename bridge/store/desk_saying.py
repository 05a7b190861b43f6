"""What people say of calls, written down with its trace: who changed what from what to what, in which batch; and taking a batch back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.calls import ChangedSinceError, Done, Preview
from bridge.core.desk.saying import Change, Entry, Said, What, changed, what_of
from bridge.store.credit import mark_dirty
from bridge.store.desk_calls import said_checks, said_of, said_tags
from bridge.store.desk_schema import changes, checks, tags
from bridge.store.engine import Database
from bridge.store.records import latest_revision, pieces
from bridge.store.rows import storable_text
from bridge.store.schema import calls
from bridge.store.words import index_comments

#: What a batch may be of to be taken back here.
UNDOABLE: Final = tuple(What)


class SayingStore:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def said(self, ids: Sequence[str]) -> dict[str, Said]:
        """What is said of the calls, by call; those that there are not are left out."""
        async with self._database.reading() as connection:
            return {call_id: said for call_id, (_, said) in (await _said(connection, ids)).items()}

    async def say(self, ids: Sequence[str], change: Change, by: str, at: datetime, batch: str) -> Done:
        """Changes what is said of the calls, in one transaction: the last to speak has it. ValueError where a call would have too many tags."""
        async with self._database.writing(durable=True) as connection:
            known = await _said(connection, ids)
            wanted = {call_id: (begun, said, changed(said, change)) for call_id, (begun, said) in known.items()}
            done = await _write(connection, wanted, {what_of(change)}, by, at, batch)
        return Done(batch, done, len(set(ids)) - len(known))

    async def preview(self, ids: Sequence[str], change: Change) -> Preview:
        """What `say` would do: what the calls say now, and how many of each. ValueError where a call would have too many tags."""
        async with self._database.reading() as connection:
            known = await _said(connection, ids)
        before: dict[str, int] = {}
        same = 0
        for _, said in known.values():
            after = changed(said, change)
            if after == said:
                same += 1
                continue
            now = said.about(what_of(change))
            name = ", ".join(now) if isinstance(now, list) else str(now or "")
            before[name] = before.get(name, 0) + 1
        return Preview(len(known), before, same)

    async def batch(self, batch: str) -> list[Entry]:
        """The changes of a batch."""
        async with self._database.reading() as connection:
            return await _entries(connection, changes.c.batch == batch)

    async def history(self, call_id: str) -> list[Entry]:
        """Every change of a call, the newest first; also those that others than this store write down."""
        async with self._database.reading() as connection:
            return (await _entries(connection, changes.c.call_id == call_id))[::-1]

    async def undo(self, batch: str, by: str, at: datetime, new_batch: str) -> Done:
        """Makes the calls say what they said before the batch, or does nothing: ChangedSinceError where one was changed since.

        This is written down as changes of `new_batch`, which may be undone too. LookupError: nothing of the batch can be undone.
        """
        async with self._database.writing(durable=True) as connection:
            entries = [e for e in await _entries(connection, changes.c.batch == batch) if e.what in UNDOABLE]
            if not entries:
                raise LookupError(batch)
            known = await _said(connection, [entry.call_id for entry in entries])
            wanted: dict[str, tuple[datetime, Said, Said]] = {}
            for entry in reversed(entries):
                begun, said = known[entry.call_id]
                after = wanted[entry.call_id][2] if entry.call_id in wanted else said
                what = What(entry.what)
                if after.about(what) != entry.after:
                    raise ChangedSinceError(await _last_by(connection, entry))
                wanted[entry.call_id] = (begun, said, after.with_(what, entry.before))
            done = await _write(connection, wanted, {What(entry.what) for entry in entries}, by, at, new_batch)
        return Done(new_batch, done)


async def _said(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[datetime, Said]]:
    """When each call began and what is said of it, in the order of `ids`."""
    columns = [calls.c[name] for name in ("id", "started_at", "class", "comment", "value")]
    found: dict[str, tuple[datetime, Said]] = {}
    for some in pieces(list(dict.fromkeys(ids))):
        tagged, judged = await said_tags(connection, some), await said_checks(connection, some)
        rows = (await connection.execute(select(*columns).where(calls.c.id.in_(some)))).mappings()
        by_id = {row["id"]: (row["started_at"], said_of(row, tagged, judged)) for row in rows}
        found |= {call_id: by_id[call_id] for call_id in some if call_id in by_id}
    return found


async def _write(
    connection: AsyncConnection,
    wanted: Mapping[str, tuple[datetime, Said, Said]],
    whats: set[What],
    by: str,
    at: datetime,
    batch: str,
) -> tuple[str, ...]:
    """Writes what is new of (begun, before, after) by call, and its trace. Returns the calls that say something else now."""
    new = {call_id: one for call_id, one in wanted.items() if one[1] != one[2]}
    if not new:
        return ()
    await _write_columns(connection, new)
    for what, write in _WRITERS.items():
        if what in whats:
            await write(connection, new)
    seqs = await _next_seqs(connection, list(new))
    rows = []
    for call_id, (_, before, after) in new.items():
        for what in What:
            if before.about(what) != after.about(what):
                trace = {"what": what.value, "before": before.about(what), "after": after.about(what)}
                rows.append({"call_id": call_id, "seq": seqs[call_id], "at": at, "by": by, "batch": batch, **trace})
                seqs[call_id] += 1
    await connection.execute(insert(changes), rows)
    if whats & {What.CLASS, What.VALUE, What.CHECKLIST}:
        await mark_dirty(connection, list(new))
    return tuple(new)


async def _write_columns(connection: AsyncConnection, new: Mapping[str, tuple[datetime, Said, Said]]) -> None:
    revision = await latest_revision(connection)
    rows = [
        {
            "_id": call_id,
            "_class": after.call_class,
            "_comment": storable_text(after.comment) or None,
            "_value": after.value,
            "_score": after.score,
            "_revision": revision + place,
        }
        for place, (call_id, (_, _, after)) in enumerate(new.items(), 1)
    ]
    values: dict[str, Any] = {
        name: bindparam(f"_{name}") for name in ("class", "comment", "value", "score", "revision")
    }
    await connection.execute(update(calls).where(calls.c.id == bindparam("_id")).values(values), rows)


async def _write_tags(connection: AsyncConnection, new: Mapping[str, tuple[datetime, Said, Said]]) -> None:
    for some in pieces(list(new)):
        await connection.execute(delete(tags).where(tags.c.call_id.in_(some)))
    rows = [
        {"call_id": call_id, "tag": storable_text(tag), "started_at": begun}
        for call_id, (begun, _, after) in new.items()
        for tag in after.tags
    ]
    if rows:
        await connection.execute(insert(tags), rows)


async def _write_checks(connection: AsyncConnection, new: Mapping[str, tuple[datetime, Said, Said]]) -> None:
    for some in pieces(list(new)):
        await connection.execute(delete(checks).where(checks.c.call_id.in_(some)))
    rows = [
        {"call_id": call_id, "item": item, "passed": passed}
        for call_id, (_, _, after) in new.items()
        for item, passed in after.checks.items()
    ]
    if rows:
        await connection.execute(insert(checks), rows)


async def _write_words(connection: AsyncConnection, new: Mapping[str, tuple[datetime, Said, Said]]) -> None:
    await index_comments(connection, [(call_id, begun, after.comment) for call_id, (begun, _, after) in new.items()])


_WRITERS: Final[Mapping[What, Callable[..., Any]]] = {
    What.TAGS: _write_tags,
    What.CHECKLIST: _write_checks,
    What.COMMENT: _write_words,
}


async def _next_seqs(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, int]:
    found = dict.fromkeys(ids, 0)
    for some in pieces(ids):
        last = select(changes.c.call_id, func.max(changes.c.seq).label("seq")).where(changes.c.call_id.in_(some))
        for row in await connection.execute(last.group_by(changes.c.call_id)):
            found[row.call_id] = row.seq + 1
    return found


async def _entries(connection: AsyncConnection, which: Any) -> list[Entry]:
    rows = await connection.execute(select(changes).where(which).order_by(changes.c.call_id, changes.c.seq))
    names = tuple(Entry.__dataclass_fields__)
    return [Entry(**{name: row[name] for name in names}) for row in rows.mappings()]


async def _last_by(connection: AsyncConnection, entry: Entry) -> str:
    """Who changed the same of the call last."""
    later = select(changes.c.by).where(changes.c.call_id == entry.call_id, changes.c.what == entry.what)
    return str((await connection.execute(later.order_by(changes.c.seq.desc()).limit(1))).scalar_one())
