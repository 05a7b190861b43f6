"""Lists of calls for the desk, page by page; views people kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

from sqlalchemy import RowMapping, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.calls import CallPage, Listed, View
from bridge.core.desk.query import CallQuery
from bridge.core.desk.saying import Said
from bridge.core.model import RecordingStatus
from bridge.store.desk_query import Position, conditions, found_ids
from bridge.store.desk_schema import checks, tags, views
from bridge.store.engine import Database
from bridge.store.filters import read_cursor
from bridge.store.records import pieces
from bridge.store.schema import calls

MOST_PER_PAGE: Final = 2000
_COLUMNS: Final = (
    "id", "started_at", "number", "caller", "caller_name", "first_time", "source", "campaign", "keyword", "landing", "line", "outcome",
    "answered_by", "spam", "wants_callback", "called_back_at", "score",
)  # fmt: skip
_ALSO: Final = (
    "attribution_kind",
    "attribution_reason",
    "attribution_confidence",
    "wait_ms",
    "talk_ms",
    "recording_status",
    "class",
    "comment",
    "value",
)
#: One step in the index for every tag, however many calls have it.
_LOOSE_TAGS: Final = text(
    "WITH RECURSIVE known(tag) AS (SELECT min(tag) FROM tags"
    " UNION ALL SELECT (SELECT min(tags.tag) FROM tags WHERE tags.tag > known.tag) FROM known WHERE known.tag IS NOT NULL)"
    " SELECT tag FROM known WHERE tag IS NOT NULL LIMIT :most"
)
_SELECTED: Final = [calls.c[name] for name in (*_COLUMNS, *_ALSO)]


class CallLists:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: CallQuery, zone: tzinfo, limit: int = 50, cursor: str | None = None) -> CallPage:
        """At most `limit` calls, newest first; `cursor` is the page before's. ValueError if that is none."""
        after = None if cursor is None else read_cursor(cursor)
        async with self._database.reading() as connection:
            found = await _ids(connection, query, zone, min(limit, MOST_PER_PAGE) + 1, after)
            listed = await _listed(connection, [call_id for _, call_id in found[:limit]])
        last = found[limit - 1] if len(found) > limit else None
        return CallPage(tuple(listed), f"{last[0].isoformat()}~{last[1]}" if last else None)

    async def listed(self, query: CallQuery, zone: tzinfo, ids: Sequence[str]) -> list[Listed]:
        """Those of the calls that the query finds, newest first."""
        async with self._database.reading() as connection:
            return await _listed(connection, await _those_of(connection, query, zone, ids))

    async def ids(self, query: CallQuery, zone: tzinfo, most: int) -> list[str]:
        """At most `most` calls, newest first."""
        async with self._database.reading() as connection:
            return [call_id for _, call_id in await _ids(connection, query, zone, most)]

    async def ids_of(self, query: CallQuery, zone: tzinfo, ids: Sequence[str]) -> list[str]:
        """Those of the ids that the query finds, newest first."""
        async with self._database.reading() as connection:
            return await _those_of(connection, query, zone, ids)

    async def count(self, query: CallQuery, zone: tzinfo, most: int | None = None) -> int:
        """How many calls there are; counted up to `most` only."""
        async with self._database.reading() as connection:
            if most is None and not query.text:
                counted = select(func.count()).select_from(calls).where(*conditions(query, zone))
            else:
                counted = select(func.count()).select_from(found_ids(query, zone, most or 10**9).subquery())
            return int((await connection.execute(counted)).scalar_one())

    async def known_tags(self, most: int = 200) -> list[str]:
        """Tags that calls have, by name."""
        async with self._database.reading() as connection:
            return list((await connection.execute(_LOOSE_TAGS, {"most": most})).scalars())

    # --- views ----------------------------------------------------------------------------------------------------------

    async def views(self, user: str) -> list[View]:
        """His own, then those others share, by name."""
        query = select(views).where(or_(views.c.user == user, views.c.shared.is_(True)))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = [View(row["user"], row["name"], row["query"], row["shared"]) for row in rows]
        return sorted(found, key=lambda view: (view.user != user, view.name.casefold(), view.user))

    async def keep_view(self, view: View) -> None:
        """Keeps it, in the place of the one of that name."""
        mine = (views.c.user == view.user) & (views.c.name == view.name)
        async with self._database.writing(durable=True) as connection:
            changed = await connection.execute(update(views).where(mine).values(query=view.query, shared=view.shared))
            if not changed.rowcount:
                row = {"user": view.user, "name": view.name, "query": view.query, "shared": view.shared}
                await connection.execute(insert(views), row)

    async def drop_view(self, user: str, name: str) -> bool:
        """Whether there was one."""
        async with self._database.writing(durable=True) as connection:
            gone = await connection.execute(delete(views).where(views.c.user == user, views.c.name == name))
            return bool(gone.rowcount)


async def _ids(
    connection: AsyncConnection, query: CallQuery, zone: tzinfo, limit: int, after: Position | None = None
) -> list[tuple[datetime, str]]:
    rows = await connection.execute(found_ids(query, zone, limit, after))
    return [(row.started_at, row.id) for row in rows]


async def _those_of(connection: AsyncConnection, query: CallQuery, zone: tzinfo, ids: Sequence[str]) -> list[str]:
    where = conditions(query, zone)
    found: list[tuple[datetime, str]] = []
    for some in pieces(list(dict.fromkeys(ids))):
        rows = await connection.execute(select(calls.c.started_at, calls.c.id).where(calls.c.id.in_(some), *where))
        found += [(row.started_at, row.id) for row in rows]
    return [call_id for _, call_id in sorted(found, reverse=True)]


async def _listed(connection: AsyncConnection, ids: Sequence[str]) -> list[Listed]:
    """The calls of these ids, in their order."""
    found: dict[str, Listed] = {}
    for some in pieces(ids):
        rows = (await connection.execute(select(*_SELECTED).where(calls.c.id.in_(some)))).mappings().all()
        tagged = await said_tags(connection, some)
        judged = await said_checks(connection, some)
        for row in rows:
            found[row["id"]] = _listed_from(row, said_of(row, tagged, judged))
    return [found[call_id] for call_id in ids if call_id in found]


def _listed_from(row: RowMapping, said: Said) -> Listed:
    return Listed(
        **{name: row[name] for name in _COLUMNS},
        kind=row["attribution_kind"],
        reason=row["attribution_reason"],
        confidence=row["attribution_confidence"],
        wait=_seconds(row["wait_ms"]),
        talk=_seconds(row["talk_ms"]),
        recorded=row["recording_status"] == RecordingStatus.KEPT,
        said=said,
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


async def said_tags(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[str]]:
    """The tags of calls, by call; `ids` fit into one statement."""
    found: dict[str, list[str]] = {}
    query = select(tags.c.call_id, tags.c.tag).where(tags.c.call_id.in_(ids)).order_by(tags.c.call_id, tags.c.tag)
    for row in await connection.execute(query):
        found.setdefault(row.call_id, []).append(row.tag)
    return found


async def said_checks(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, bool]]:
    """The judged items of calls, by call; `ids` fit into one statement."""
    found: dict[str, dict[str, bool]] = {}
    for row in await connection.execute(select(checks).where(checks.c.call_id.in_(ids)).order_by(checks.c.item)):
        found.setdefault(row.call_id, {})[row.item] = row.passed
    return found


def said_of(row: RowMapping, tagged: dict[str, list[str]], judged: dict[str, dict[str, bool]]) -> Said:
    """What is said of the call of a row with `id`, `class`, `comment` and `value`."""
    call_id = row["id"]
    return Said(
        row["class"],
        tuple(sorted(tagged.get(call_id, ()))),
        row["comment"] or "",
        row["value"],
        judged.get(call_id, {}),
    )
