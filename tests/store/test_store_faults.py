"""Locked, read-only, full, damaged, missing, unreachable: what the books say, and that they go on afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from store_samples import a_call, answered

from bridge.store.calls import CallStore
from bridge.store.engine import Database, parse_url
from bridge.store.errors import StoreBusy, StoreUnavailable
from bridge.store.migrate import migrate, require_current


async def test_locked_by_another_program_is_busy_and_passes(sqlite: Database) -> None:
    store = CallStore(sqlite)
    with closing(sqlite3.connect(sqlite.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"bridge\.db is locked by another program"):
            await store.save(answered(1))
        assert (await store.find()).calls == ()  # reading goes on
        other.execute("COMMIT")
    assert await store.save(answered(1))


async def test_a_full_disk_is_said_and_passes(sqlite: Database) -> None:
    store = CallStore(sqlite)
    await store.save(answered(1))
    big = a_call(2, caller_name="x" * 5_000_000)
    async with sqlite.writing() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages + 5}"))
    with pytest.raises(StoreUnavailable, match="has no room left: free disk space"):
        await store.save(big, marks={"journal": "2"})
    assert await store.get_mark("journal") is None
    async with sqlite.writing() as connection:
        await connection.execute(text("PRAGMA max_page_count = 1000000"))
    await store.save(big, marks={"journal": "2"})
    assert len((await store.find()).calls) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield mounted
    subprocess.run(["umount", mounted], check=True)


async def test_a_really_full_disk(small_disk: Path) -> None:
    database = Database(f"sqlite:///{small_disk}/bridge.db")
    store = CallStore(database)
    await migrate(database)
    await store.save(answered(1))
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(2_000_000))
    with pytest.raises(StoreUnavailable, match=r"no room left|disk reports an error"):
        await store.save(a_call(2, caller_name="x" * 300_000))
    filler.unlink()
    await store.save(a_call(2))
    assert len((await store.find()).calls) == 2
    await database.check_integrity()
    await database.close()


def _remount(mounted: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", mounted], check=True)


async def test_a_disk_mounted_read_only(small_disk: Path) -> None:
    database = Database(f"sqlite:///{small_disk}/bridge.db")
    await migrate(database)
    await CallStore(database).save(answered(1))
    await database.close()
    _remount(small_disk, "ro")
    with pytest.raises(StoreUnavailable, match=r"cannot be (written|opened): look at .*the file and its folder"):
        await CallStore(database).save(answered(2))
    await database.close()
    elsewhere = Database(f"sqlite:///{small_disk}/new/bridge.db")
    with pytest.raises(StoreUnavailable, match="Read-only file system"):
        await migrate(elsewhere)


async def test_a_disk_that_is_read_only_at_the_start_and_writable_later(sqlite: Database, small_disk: Path) -> None:
    await CallStore(sqlite).save(answered(1))
    for file in Path(str(sqlite.path)).parent.glob("*.db*"):  # as a killed process leaves them, -wal and -shm too
        shutil.copy(file, small_disk / file.name)
    _remount(small_disk, "ro")
    database = Database(f"sqlite:///{small_disk}/{Path(str(sqlite.path)).name}")
    store = CallStore(database)
    assert len((await store.find()).calls) == 1
    with pytest.raises(StoreUnavailable):
        await store.save(answered(2))
    _remount(small_disk, "rw")
    await store.save(answered(2))
    assert len((await store.find()).calls) == 2
    await database.close()


async def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    path.touch(0o444)
    os.chmod(tmp_path, 0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere")
        for url, says in (
            (f"sqlite:///{path}", "cannot be written"),
            (f"sqlite:///{tmp_path}/new/b.db", "Permission denied"),
        ):
            database = Database(url)
            with pytest.raises(StoreUnavailable, match=says):
                await migrate(database)
            await database.close()
    finally:
        os.chmod(tmp_path, 0o700)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    path.write_text("this is a letter, not a database. " * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match=r"is damaged.*callbridge backup.*journal"):
        await migrate(database)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        await database.check_integrity()
    await database.close()


async def test_a_damaged_page_is_found_at_start(sqlite: Database) -> None:
    store = CallStore(sqlite)
    await store.save_all([answered(seq) for seq in range(200)])
    await sqlite.check_integrity()
    await sqlite.close()
    _spoil_pages(sqlite.path)
    with pytest.raises(StoreUnavailable, match=r"is damaged.*stop the daemon, put the newest copy"):
        await sqlite.check_integrity()


def _spoil_pages(path: Path) -> None:
    with path.open("r+b") as file:
        for offset in range(4096 * 4, file.seek(0, os.SEEK_END), 4096):
            file.seek(offset)
            file.write(b"\xff" * 600)


async def test_no_database_yet(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(
        StoreUnavailable, match=r"there is no database .*none\.db yet: `callbridge run` or `callbridge migrate`"
    ):
        await require_current(database)
    assert not (tmp_path / "none.db").exists()


async def test_no_tables_yet(url: str) -> None:
    database = Database(url)
    database.create_file()
    with pytest.raises(StoreUnavailable, match="has no tables yet: run `callbridge migrate`"):
        await CallStore(database).find()
    await database.close()


async def test_postgresql_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        database = Database(f"postgresql://me:secret@127.0.0.1:{taken.getsockname()[1]}/books")
        with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
            await CallStore(database).find()
        await database.close()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
@pytest.mark.postgres
async def test_postgresql_that_breaks_the_connection(url: str) -> None:
    database, other = Database(url), Database(url)
    await migrate(database)
    store = CallStore(database)

    async def write_over_a_connection_that_breaks() -> None:
        async with database.writing() as connection:
            mine = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with other.reading() as admin:
                await admin.execute(text(f"SELECT pg_terminate_backend({mine})"))
            await connection.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailable, match="cannot be used"):
        await write_over_a_connection_that_breaks()
    assert await store.save(answered(1))
    wrong = Database(url + "_none")
    with pytest.raises(StoreUnavailable, match="does not exist"):
        await CallStore(wrong).find()
    for each in (database, other, wrong):
        await each.close()


async def test_a_write_that_is_cancelled_is_whole_or_not_there(database: Database) -> None:
    store = CallStore(database)
    for turns in range(40):
        calls = [answered(turns * 2), answered(turns * 2 + 1)]
        writing = asyncio.create_task(store.save_all(calls, marks={"turn": str(turns)}))
        for _ in range(turns * 4):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        booked = [await store.get(call.id) for call in calls]
        assert (booked[0] is None) == (booked[1] is None)
        assert (await store.get_mark("turn") == str(turns)) == (booked[0] is not None)
    await store.save(answered(999))
    assert await store.get(answered(999).id)


async def test_a_mistake_of_the_bridge_is_not_taken_for_the_disks(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO marks (key) VALUES ('x')"))


async def test_readers_cannot_write(sqlite: Database) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        async with sqlite.reading() as connection:
            await connection.execute(text("DELETE FROM calls"))


async def test_pragmas(sqlite: Database) -> None:
    async def pragma(connection: object, name: str) -> object:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()

    async with sqlite.reading() as connection:
        assert await pragma(connection, "journal_mode") == "wal"
        assert await pragma(connection, "query_only") == 1
    for durable, level in ((False, 1), (True, 2)):
        async with sqlite.writing(durable=durable) as connection:
            assert await pragma(connection, "synchronous") == level
            assert await pragma(connection, "foreign_keys") == 1


async def test_modes_of_file_and_folder(sqlite: Database) -> None:
    assert sqlite.path.stat().st_mode & 0o777 == 0o640
    assert sqlite.path.parent.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a database URL"),
        ("bridge.db", "not a database URL"),
        ("mysql://x/y", "unknown database mysql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_urls_that_are_none(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_url(url)


_WRITER = """
import asyncio, sys
sys.path[:0] = [sys.argv[3]]
from store_samples import a_call, answered
from bridge.store.calls import CallStore
from bridge.store.engine import Database

async def main(url, first):
    database = Database(url)
    store = CallStore(database)
    async def one(seq):
        await store.begin(a_call(seq))
        await store.save(answered(seq), marks={f"seq-{seq}": "done"})
    await asyncio.gather(*(one(first + n) for n in range(25)))
    await database.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_two_processes_writing_lose_nothing(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    here = str(Path(__file__).parent)
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _WRITER, url, first, here) for first in ("0", "20")
    ]  # five calls are written by both
    assert [await writer.wait() for writer in writers] == [0, 0]
    store = CallStore(database)
    calls = (await store.find(limit=100)).calls
    assert len(calls) == 45
    assert [call.first_time for call in calls].count(True) == 1
    assert calls[-1].first_time
    assert [await store.get_mark(f"seq-{seq}") for seq in range(45)] == ["done"] * 45
