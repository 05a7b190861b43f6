"""Calls know the campaign, keyword and landing page of the visit they are booked on; and days whose sums a change makes wrong are marked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.store.rollup_schema import rollup_dirty
from bridge.store.schema import calls
from bridge.store.visit_schema import visits

CREDITED: Final = ("campaign", "keyword", "landing")
#: What decides which caller's call is whose next one.
_OF_CALLERS: Final = ("caller", "started_at", "spam", "source", *CREDITED)
_AT_ONCE: Final = 500
_Row: TypeAlias = Mapping[Any, Any]


def page_of(url: str) -> str:
    """A page's address without query and fragment."""
    return re.split("[?#]", url, maxsplit=1)[0]


def bare_page(column: str, dialect: str) -> str:
    """`page_of` as SQL."""
    if dialect == "postgresql":
        return f"split_part(split_part({column}, '?', 1), '#', 1)"
    ends = (f"coalesce(nullif(instr({column}, '{mark}'), 0), 1000000)" for mark in "?#")
    return f"substr({column}, 1, min({', '.join(ends)}) - 1)"


async def credits_of(connection: AsyncConnection, visit_ids: Collection[str]) -> dict[str, dict[str, str | None]]:
    """The columns CREDITED of calls that are booked on these visits, by visit. Those the books do not have are left out."""
    wanted = sorted(visit_ids)
    found: dict[str, dict[str, str | None]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(visits.c.id, visits.c.campaign, visits.c.keyword, visits.c.landing)
        for row in await connection.execute(query.where(visits.c.id.in_(wanted[start : start + _AT_ONCE]))):
            found[row.id] = {"campaign": row.campaign, "keyword": row.keyword, "landing": page_of(row.landing)}
    return found


async def mark_changed(connection: AsyncConnection, changes: Iterable[tuple[_Row | None, _Row]]) -> None:
    """Marks the days of calls that were (None: new) and are now so, and those of the callers' later calls where these count otherwise now."""
    moments: set[datetime] = set()
    since: dict[str, datetime] = {}  #: by caller, from when on
    for before, after in changes:
        rows = [after] if before is None else [before, after]
        moments |= {row["started_at"] for row in rows}
        if before is None or any(before[name] != after[name] for name in _OF_CALLERS):
            for row in rows:
                if row["caller"] is not None:
                    since[row["caller"]] = min(since.get(row["caller"], row["started_at"]), row["started_at"])
    if moments:
        await connection.execute(insert(rollup_dirty), [{"at": moment} for moment in sorted(moments)])
    if since:
        later = select(calls.c.started_at).where(
            calls.c.caller == bindparam("_caller"), calls.c.started_at > bindparam("_since")
        )
        marking = insert(rollup_dirty).from_select(["at"], later)
        await connection.execute(marking, [{"_caller": caller, "_since": at} for caller, at in sorted(since.items())])


async def mark_dirty(connection: AsyncConnection, call_ids: Collection[str]) -> None:
    """Marks the days of calls whose class, value, score or attribution changes in this transaction, and those of their callers' later calls:
    a class may count as spam, whose callers are counted nowhere.
    """
    wanted = sorted(call_ids)
    later = calls.alias("later")
    for start in range(0, len(wanted), _AT_ONCE):
        meant = calls.c.id.in_(wanted[start : start + _AT_ONCE])
        followed = (later.c.caller == calls.c.caller) & (later.c.started_at > calls.c.started_at)
        for moments in (select(calls.c.started_at), select(later.c.started_at).join_from(calls, later, followed)):
            await connection.execute(insert(rollup_dirty).from_select(["at"], moments.where(meant).distinct()))


async def credit_visits(connection: AsyncConnection, written: Sequence[str], paged: Sequence[str]) -> None:
    """`visit_statements` for PostgreSQL, done."""
    ids = "(SELECT jsonb_array_elements_text(cast(:ids AS jsonb)))"
    if written:
        for sql in _statements(ids, "postgresql"):
            await connection.execute(text(sql), {"ids": json.dumps(list(written))})
    if paged:
        await connection.execute(text(_marks_of(ids)), {"ids": json.dumps(list(paged))})


def visit_statements(written: Sequence[str], paged: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """For SQLite: calls booked on visits that were written only now take over where these came from; their days are marked, and those of calls
    that visits with new pages led to.
    """
    if written:
        for sql in _SQLITE:
            yield sql, {"ids": json.dumps(list(written))}
    if paged:
        yield _marks_of(_SQLITE_IDS), {"ids": json.dumps(list(paged))}


#: For SQLite: `mark_dirty` for one call, where only its candidates changed.
MARK_CALL: Final = "INSERT INTO rollup_dirty (at) SELECT started_at FROM calls WHERE id = :call_id"


def _marks_of(ids: str) -> str:
    return f"INSERT INTO rollup_dirty (at) SELECT started_at FROM calls WHERE visit IN {ids}"  # noqa: S608 - our own text


def _statements(ids: str, dialect: str) -> tuple[str, str]:
    """The days of calls, and of their callers' later ones, that are booked on these visits and say otherwise; then the calls themselves."""
    landing = bare_page("v.landing", dialect)
    differs = " OR ".join(
        f"coalesce(c.{name}, '') <> coalesce({landing if name == 'landing' else f'v.{name}'}, '')" for name in CREDITED
    )
    found = f"FROM calls c JOIN visits v ON v.id = c.visit WHERE c.visit IN {ids} AND ({differs})"
    marks = (
        f"INSERT INTO rollup_dirty (at) SELECT c.started_at {found}"  # noqa: S608 - our own text
        f" UNION SELECT n.started_at FROM calls n JOIN (SELECT c.caller, c.started_at {found}) o"
        " ON n.caller = o.caller AND n.started_at > o.started_at"
    )
    taken = (
        "UPDATE calls SET campaign = o.campaign, keyword = o.keyword, landing = o.landing, revision = o.latest + o.place"  # noqa: S608
        f" FROM (SELECT c.id, v.campaign, v.keyword, {landing} AS landing, row_number() OVER (ORDER BY c.id) AS place,"
        f" (SELECT max(revision) FROM calls) AS latest {found}) AS o WHERE calls.id = o.id"
    )
    return marks, taken


_SQLITE_IDS: Final = "(SELECT value FROM json_each(:ids))"
_SQLITE: Final = _statements(_SQLITE_IDS, "sqlite")
