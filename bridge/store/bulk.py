"""Many rows into SQLite by one step of one statement.

A statement run once per row gives the interpreter's lock away at every row and gets it back only when the busy event loop lets go of it, some
milliseconds later: sixty rows then take a third of a second. So up to AT_ONCE rows go in together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import JSON, Table

AT_ONCE: Final = 64


def bulk_upserts(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Statements with their values. Times must be aware; every row has every column of `table`."""
    names = [column.name for column in table.columns]
    as_json = {column.name for column in table.columns if isinstance(column.type, JSON)}
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        values = tuple(_packed(row[name], as_text=name in as_json) for row in some for name in names)
        yield _statement(table, len(some)), values


@lru_cache(maxsize=8 * AT_ONCE)
def _statement(table: Table, count: int) -> str:
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


def _packed(value: Any, *, as_text: bool) -> Any:
    """As the columns' types would write it."""
    if as_text:
        return json.dumps(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
