"""A consistent copy of the SQLite books while the daemon writes on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bridge.store.engine import Database
from bridge.store.errors import damaged, translated

_PAGES = 4096  # per step: 16 MiB


def backup(database: Database, target: Path, progress: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Copies `database` to `target`, checks the copy, and only then gives it its name; returns its size in bytes.

    `progress` gets pages done and pages in all. Blocks: meant for a command, not for the event loop. FileExistsError if there is
    something at `target`; ValueError for PostgreSQL; StoreBusy or StoreUnavailable if it cannot be made, and then nothing is left behind.
    """
    if database.path is None:
        raise ValueError("this copies SQLite only: a PostgreSQL database is copied by `pg_dump --format=custom`")
    database.require_file()
    if target.exists():
        raise FileExistsError(f"{target} exists: a copy never overwrites a file")
    part = target.with_name(target.name + ".part")
    with translated(str(target)):
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640))
    try:
        _copy(database.path, part, progress)
        with translated(str(target)):
            _check(part)
            os.link(part, target)  # unlike a rename, never over a file that appeared meanwhile
    finally:
        part.unlink()
    return target.stat().st_size


def _copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        with translated(str(source)):
            reading.execute("PRAGMA query_only = ON")
            # One read transaction over all steps: writers go on, and do not make the copy begin again.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with translated(str(target)):
            reading.backup(writing, pages=_PAGES, progress=lambda _status, left, total: progress(total - left, total))
            # In one file, without WAL beside it; whoever opens it for writing turns that on again.
            writing.execute("PRAGMA journal_mode = DELETE")


def _check(copy: Path) -> None:
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as reading:
        found = reading.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(str(copy), found)
    descriptor = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
