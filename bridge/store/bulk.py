"""Many rows into SQLite by one step, in a thread of their own.

Every step of a statement gives the interpreter's lock away and gets it back only when the busy event loop lets go of it, some milliseconds later;
so does every turn of an asynchronous driver. Sixty rows one by one then take a third of a second. So many rows go in by one step of a statement
that was compiled before, over a connection that stays open, and a single statement needs no transaction around it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain, repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic_core import to_json
from sqlalchemy import Table

#: SQL and its values.
Statement: TypeAlias = tuple[str, Sequence[Any] | Mapping[str, Any]]
MOST_ROWS: Final = 256  #: by one step
_SIZES: Final = (1, 2, 4, 8, *range(16, MOST_ROWS + 1, 16))
_PAGES_BEFORE_CHECKPOINT: Final = 4000  #: 16 MB: each one holds up what waits for its transaction


class BulkWriter:
    """Writes to the SQLite file at `path`; nothing is opened until first used. Every method may raise sqlite3.Error or OSError."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  #: device and inode of what is open

    async def write(self, statements: Sequence[Statement]) -> None:
        """All statements, or none of them. The death of this process takes nothing back, a power cut may until `sync` was done."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "visits")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, statements)

    async def sync(self) -> None:
        """What was written is on the disk."""
        await asyncio.to_thread(_sync, self._path.with_name(f"{self._path.name}-wal"))

    async def close(self) -> None:
        """Close what is open; the next write opens it anew."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown()

    def _write(self, statements: Sequence[Statement]) -> None:
        try:
            connection = self._opened()
            if len(statements) == 1:
                connection.execute(*statements[0])
                return
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(*statement)
            connection.execute("COMMIT")
        except BaseException:
            self._close()  # which rolls back; SQLite stays with a file that it could only read, so it is opened anew
            raise

    def _opened(self) -> sqlite3.Connection:
        """The connection; another one where another file lies there now: what is written into the old one would be lost."""
        about = os.stat(self._path)
        if self._connection is None or self._file != (about.st_dev, about.st_ino):
            self._close()
            uri = f"{self._path.absolute().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(
                uri, uri=True, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_BEFORE_CHECKPOINT}")
            self._file = (about.st_dev, about.st_ino)
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def upserts(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[Statement]:
    """The rows, new or known, each with all columns of `table` as SQLite has them (`as_json`). Few rows are one statement.

    Statements are made for some numbers of rows only, so that they stay compiled; the last row is said again until it fits.
    """
    values_of = itemgetter(*table.columns.keys())
    for start in range(0, len(rows), MOST_ROWS):
        some = rows[start : start + MOST_ROWS]
        filled = next(size for size in _SIZES if size >= len(some))
        values = [values_of(row) for row in (*some, *repeat(some[-1], filled - len(some)))]
        yield _upsert(table, filled), list(chain.from_iterable(values))


def as_json(value: Any) -> str:
    """What a JSON column has."""
    return to_json(value).decode() if value else "[]" if isinstance(value, (list, tuple)) else "{}"


@cache
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


def _sync(path: Path) -> None:
    """The write-ahead log holds all that is not in the file itself. It carries no lock that closing it could drop."""
    try:
        log = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # the last one who had the file open has put everything into it, synced
        return
    try:
        os.fsync(log)
    finally:
        os.close(log)
