"""Many rows into SQLite by few steps, in a thread of their own.

Every step of a statement gives the interpreter's lock away and gets it back only when the busy event loop lets go of it, some milliseconds later;
so does every turn of an asynchronous driver. Sixty rows one by one then take a third of a second. So up to AT_ONCE rows go in by one step,
and a whole transaction is one piece of work for its thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import JSON, Table

AT_ONCE: Final = 64

#: SQL and its values.
Statement: TypeAlias = tuple[str, Sequence[Any]]


def write_at_once(path: Path, busy_seconds: float, statements: Sequence[Statement], *, durable: bool) -> None:
    """All statements in one transaction, `durable` as in `Database.writing`. Blocks. Raises sqlite3.Error.

    The connection is made anew: that costs a fraction of a millisecond, and a file that was replaced meanwhile is never written to.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            for sql, values in statements:
                connection.execute(sql, values)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise


def bulk_upserts(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
    """Statements with their values. Times must be aware; every row has every column of `table`."""
    names = [column.name for column in table.columns]
    as_json = {column.name for column in table.columns if isinstance(column.type, JSON)}
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        values = tuple(packed(row[name], as_text=name in as_json) for row in some for name in names)
        yield _upsert(table, len(some)), values


@lru_cache(maxsize=8 * AT_ONCE)
def _upsert(table: Table, count: int) -> str:
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    quoted = ", ".join(f'"{name}"' for name in names)
    row = f"({', '.join('?' * len(names))})"
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    conflict = ", ".join(f'"{name}"' for name in keys)
    return (
        f'INSERT INTO "{table.name}" ({quoted}) VALUES {", ".join([row] * count)}'  # noqa: S608 - names of our own tables
        f" ON CONFLICT ({conflict}) DO UPDATE SET {changes}"
    )


def packed(value: Any, *, as_text: bool = False) -> Any:
    """A value as the columns' types would write it; `as_text`: of a JSON column."""
    if as_text:
        return json.dumps(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
