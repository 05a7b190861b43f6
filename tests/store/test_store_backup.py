"""A copy while the daemon writes, and the way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from store_samples import answered

from bridge.store.backup import backup
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.errors import StoreUnavailable
from bridge.store.migrate import require_current


async def test_the_copy_is_whole_although_somebody_writes(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.store.backup._PAGES", 5)
    store = CallStore(sqlite)
    await store.save_all([answered(seq) for seq in range(300)])
    target, seen, stop = tmp_path / "copy.db", [], threading.Event()

    def write_on() -> None:
        with closing(sqlite3.connect(sqlite.path, isolation_level=None)) as other:
            while not stop.is_set():
                other.execute("INSERT INTO marks VALUES ('n', '1') ON CONFLICT DO UPDATE SET value = value + 1")

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        size = backup(sqlite, target, lambda done, total: seen.append((done, total)))
    finally:
        stop.set()
        writer.join()
    assert len(seen) > 10
    assert seen == sorted(seen)  # it never began again
    assert seen[-1][0] == seen[-1][1]
    assert size == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["books", "copy.db"]
    copy = Database(f"sqlite:///{target}")
    await copy.check_integrity()
    assert len((await CallStore(copy).find(limit=1000)).calls) == 300
    await copy.close()


async def test_restore_as_the_help_says(sqlite: Database, tmp_path: Path) -> None:
    store = CallStore(sqlite)
    await store.save(answered(1), marks={"journal": "1"})
    backup(sqlite, tmp_path / "copy.db")
    await store.save(answered(2), marks={"journal": "2"})
    await sqlite.close()
    sqlite.path.write_bytes(b"\0" * 20000)
    for old in sqlite.path.parent.glob("bridge.db*"):
        old.rename(tmp_path / f"damaged-{old.name}")
    shutil.copy(tmp_path / "copy.db", sqlite.path)
    await require_current(sqlite)
    await sqlite.check_integrity()
    assert await store.get_mark("journal") == "1"  # from here the journal is read again
    await store.save(answered(2), marks={"journal": "2"})
    assert len((await store.find()).calls) == 2


async def test_a_copy_never_overwrites(sqlite: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(FileExistsError, match="never overwrites"):
        backup(sqlite, target)
    assert target.read_text() == "precious"


async def test_a_copy_that_fails_leaves_nothing(sqlite: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        backup(sqlite, tmp_path / "nowhere" / "copy.db")
    await CallStore(sqlite).save(answered(1))
    await sqlite.close()
    _spoil(sqlite.path)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        backup(sqlite, tmp_path / "copy.db")
    assert os.listdir(tmp_path) == ["books"]


def test_postgresql_has_its_own_tool(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pg_dump"):
        backup(Database("postgresql://me@127.0.0.1/books"), tmp_path / "copy.db")


def _spoil(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8000)
