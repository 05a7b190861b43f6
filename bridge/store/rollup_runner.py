"""Plain SQL over either database in one piece of work, beside the event loop: SQLite's in a thread, over a connection of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection, text

from bridge.store.engine import Database
from bridge.store.errors import translated

T = TypeVar("T")
Rows: TypeAlias = Sequence[Sequence[Any]]


class Runner(Protocol):
    """Runs statements with ``:name`` placeholders in one consistent view. `dialect` is ``sqlite`` or ``postgresql``."""

    dialect: str

    def run(self, sql: str, values: Mapping[str, Any] | None = None) -> Rows: ...
    def many(self, sql: str, values: Sequence[Mapping[str, Any]]) -> None: ...

    def moment(self, value: Any) -> datetime:
        """A time that `run` gave."""
        ...

    def lock(self) -> None:
        """From here on statements may write; what was seen before may have changed meanwhile. Temporary tables stay."""
        ...


async def work_on(database: Database, work: Callable[[Runner], T]) -> T:
    """Does `work` in one transaction, two with `lock`. Raises StoreBusy or StoreUnavailable, and sqlite3.Error for mistakes."""
    if database.path is not None:
        database.require_file()
        with translated(database.name):
            return await asyncio.to_thread(_on_sqlite, database.path, database.busy_seconds, work)
    async with database.writing() as connection:
        return await connection.run_sync(lambda sync: work(_Postgres(sync)))


def _on_sqlite(path: Path, busy_seconds: float, work: Callable[[Runner], T]) -> T:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("BEGIN")
        try:
            result = work(_Sqlite(connection))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
        return result


class _Sqlite:
    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Mapping[str, Any] | None = None) -> Rows:
        return self._connection.execute(sql, _packed(values or {})).fetchall()

    def many(self, sql: str, values: Sequence[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, [_packed(one) for one in values])

    def moment(self, value: Any) -> datetime:
        return datetime.fromisoformat(value)

    def lock(self) -> None:
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN IMMEDIATE")


def _packed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _text(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class _Postgres:
    """All of it in one transaction that no other writer runs beside."""

    dialect = "postgresql"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Mapping[str, Any] | None = None) -> Rows:
        result = self._connection.execute(text(sql), dict(values or {}))
        return [tuple(row) for row in result] if result.returns_rows else []

    def many(self, sql: str, values: Sequence[Mapping[str, Any]]) -> None:
        if values:
            self._connection.execute(text(sql), [dict(one) for one in values])

    def moment(self, value: Any) -> datetime:
        found: datetime = value
        return found

    def lock(self) -> None:
        pass
