"""Opening the database, and the two ways into it: `writing` (one at a time) and `reading`.

SQLite: WAL; a write takes the lock at its beginning (BEGIN IMMEDIATE), because a transaction that first reads and then writes
would otherwise lose updates without a word; reading has connections of its own that cannot write. ``synchronous`` is NORMAL,
where a power cut may take the last commits with it but never the file. A write that says a call has ended asks for FULL
(`writing(durable=True)`): one fsync per call, and what the books said once stays said even where the PBX's journal, which
Asterisk does not sync, lost its end.

PostgreSQL: writers queue on one advisory lock, so that both databases give the same promise; commits are durable anyway.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bridge.store.errors import StoreUnavailable, damaged, translated

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_WRITERS_LOCK = 0x63616C6C  # any constant; "call"


def parse_url(url: str) -> URL:
    """`url` with its async driver. ValueError for anything that is not SQLite with a file, or PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("not a database URL: use sqlite:////path/to/file or postgresql://user@host/name") from None
    driver = _DRIVERS.get(parsed.drivername.partition("+")[0])
    if driver is None:
        raise ValueError(f"unknown database {parsed.drivername}: use sqlite or postgresql")
    if driver.startswith("sqlite") and parsed.database in (None, "", ":memory:"):
        raise ValueError("the database needs a file: sqlite:////path/to/file")
    return parsed.set(drivername=driver)


class Database:
    """A database of the bridge. Nothing is opened until first used; `close` when done.

    `busy_seconds` is how long a write waits for another program's lock before StoreBusy.
    """

    def __init__(self, url: str, *, busy_seconds: float = 5.0) -> None:
        self.url = parse_url(url)
        self.path = Path(self.url.database or "") if self.url.drivername.startswith("sqlite") else None
        #: how texts speak of it: the file, or the URL without its password
        self.name = str(self.path) if self.path else self.url.render_as_string(hide_password=True)
        self.busy_seconds = busy_seconds
        self._file: tuple[int, int] | None = None  #: device and inode of the SQLite file that is open
        self._writers = self._sqlite(reads_only=False) if self.path else self._postgres()
        self._readers = self._sqlite(reads_only=True) if self.path else self._writers

    def create_file(self) -> None:
        """Makes a missing SQLite file (mode 0640) and its folder (0750). StoreUnavailable if it cannot."""
        if self.path is None or self.path.exists():
            return
        with translated(self.name):
            self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640))

    def require_file(self) -> None:
        """StoreUnavailable if there is no SQLite file to read."""
        if self.path is not None and not self.path.exists():
            raise StoreUnavailable(
                f"there is no database {self.name} yet: `callbridge run` or `callbridge migrate` makes it"
            )

    async def check_integrity(self) -> None:
        """StoreUnavailable, saying how to restore, if SQLite finds the file damaged. Reads the whole file."""
        if self.path is None:
            return
        async with self.reading() as connection:
            found = (await connection.execute(text("PRAGMA quick_check(1)"))).scalar_one()
        if found != "ok":
            raise damaged(self.name, " ".join(str(found).split()))

    @asynccontextmanager
    async def writing(self, *, durable: bool = False) -> AsyncIterator[AsyncConnection]:
        """One write transaction; no other write runs beside it. Raises StoreBusy or StoreUnavailable."""
        try:
            with translated(self.name):
                self._require_same_file()
                async with self._writers.connect() as connection:
                    await connection.execution_options(bridge_writes=True, bridge_durable=durable)
                    async with connection.begin():
                        yield connection
        except StoreUnavailable:
            # SQLite opens a file that it may not write for reading, and stays with that when the disk is writable again
            await self.close()
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One read transaction: a consistent view that blocks nobody. Raises StoreBusy or StoreUnavailable."""
        with translated(self.name):
            async with self._readers.connect() as connection, connection.begin():
                yield connection

    async def close(self) -> None:
        """Closes all connections; what lies there is opened anew at the next use."""
        self._file = None
        await self._readers.dispose()
        await self._writers.dispose()

    def _require_same_file(self) -> None:
        """A file put in the place of the one that is open (a restore) is opened anew: writes into the old one would be lost."""
        if self.path is None:
            return
        try:
            about = os.stat(self.path)
            found = (about.st_dev, about.st_ino)
        except FileNotFoundError:
            found = None
        known, self._file = self._file, found
        if known not in (None, found):
            what = "was taken away" if found is None else "was replaced by another and is opened anew"
            raise StoreUnavailable(f"database {self.name} {what}")
        if found is None:
            self.require_file()

    def _sqlite(self, *, reads_only: bool) -> AsyncEngine:
        pool = {"pool_size": 4} if reads_only else {"pool_size": 1, "max_overflow": 0}
        engine = create_async_engine(self.url, pool_timeout=30, connect_args={"timeout": self.busy_seconds}, **pool)

        @event.listens_for(engine.sync_engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # the driver's own BEGIN comes too late
            cursor = connection.cursor()
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA query_only = ON" if reads_only else "PRAGMA journal_mode = WAL")
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def _begun(connection: Connection) -> None:
            if reads_only:
                connection.exec_driver_sql("BEGIN")
                return
            durable = connection.get_execution_options().get("bridge_durable", True)
            connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def _postgres(self) -> AsyncEngine:
        settings = {"application_name": "callbridge", "lock_timeout": str(int(self.busy_seconds * 1000))}
        engine = create_async_engine(
            self.url,
            pool_size=4,
            pool_timeout=30,
            pool_pre_ping=True,
            connect_args={"timeout": 5, "server_settings": settings},
        )

        @event.listens_for(engine.sync_engine, "begin")
        def _begun(connection: Connection) -> None:
            if connection.get_execution_options().get("bridge_writes"):
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")

        return engine
