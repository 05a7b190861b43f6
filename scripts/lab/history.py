"""A made-up past, straight into an SQLite database: calls with rings, visits, pages, leases, attributions, and what people said of calls.

The same seed and end give the same rows. Forty calls a day over a quarter take a second or two; a million calls a few minutes.
Rollups know nothing of it: `await RollupKeeper(...).settle()`, or the daemon, makes them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from bridge.store.engine import Database
from bridge.store.migrate import migrate
from lab.history_maker import TABLES, History, Maker, Plan

__all__ = ["History", "Plan", "write_history"]


def write_history(path: Path, plan: Plan, say: Callable[[float], None] | None = None) -> History:
    """Makes up the past in the SQLite file, which is made and migrated if need be and must hold no calls yet. Blocks.

    `say` is told the share done, now and then. ValueError if there are calls already.
    """
    with ThreadPoolExecutor(1) as apart:  # whether or not an event loop runs here
        apart.submit(asyncio.run, _migrated(path)).result()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "PRAGMA journal_mode = OFF"
        )  # it is new: nobody else reads it, and if this fails it is thrown away
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM calls LIMIT 1").fetchone():
            raise ValueError(f"{path}: there are calls in it already")
        with _without_indexes(connection):
            maker = Maker(connection, plan)
            maker.make(say or (lambda _: None))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    maker.write_audio()
    return maker.done


async def _migrated(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await migrate(database)
    await database.close()


@contextmanager
def _without_indexes(connection: sqlite3.Connection) -> Iterator[None]:
    """Indexes are quicker made once over all rows."""
    kept = connection.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    indexes = [(name, sql) for name, table, sql in kept.fetchall() if table in TABLES]
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    for _, sql in indexes:
        connection.execute(sql)
