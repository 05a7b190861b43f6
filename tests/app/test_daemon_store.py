"""The store locked, read-only, damaged, replaced, restored: every call is answered, and every call is booked once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pbx import Pbx

_LOCK = """
import sqlite3, sys
books = sqlite3.connect(sys.argv[1], isolation_level=None)
books.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


async def test_locked_by_another_process_under_calls(tmp_path: Path) -> None:
    async with Pbx(tmp_path) as pbx:
        await pbx.start()
        await pbx.call()
        await pbx.until_all_is_booked()
        other = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", _LOCK, str(pbx.store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdin
        assert other.stdout
        await asyncio.to_thread(other.stdout.readline)
        try:
            while pbx.health()["store"]["state"] == "ok":
                outcome = await pbx.call()
                assert outcome.variables["BRIDGE_ANSWER"].endswith(",1")
                await asyncio.sleep(0.2)
            assert "is locked by another program" in pbx.health()["store"]["detail"]
            assert len(pbx.booked()) == 1
        finally:
            other.communicate()
        await pbx.until_all_is_booked()
        await pbx.until(lambda: pbx.health()["state"] == "ok")


async def test_killed_while_the_store_is_locked(tmp_path: Path) -> None:
    """What AGI told is lost with the process; the journal has it."""
    async with Pbx(tmp_path) as pbx:
        await pbx.start()
        with subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", _LOCK, str(pbx.store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout
            await asyncio.to_thread(other.stdout.readline)
            for _ in range(5):
                await pbx.call()
            await asyncio.to_thread(pbx.daemon.kill9)
            for _ in range(3):
                assert not (await pbx.call()).variables, "nobody answers"
            other.communicate()
        await pbx.start()
        await pbx.until_all_is_booked()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mounted], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


async def test_a_disk_that_is_read_only_for_a_while(tmp_path: Path, small_disk: Path) -> None:
    async with Pbx(tmp_path, small_disk / "bridge.db") as pbx:
        await pbx.start()
        await pbx.call()
        await pbx.until_all_is_booked()
        await asyncio.to_thread(pbx.daemon.stop)
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)  # noqa: ASYNC221
        await pbx.start(well=False)
        for _ in range(3):
            assert (await pbx.call()).variables["BRIDGE_ANSWER"].endswith(",1")
        await pbx.until(lambda: pbx.health()["store"]["state"] == "degraded")
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)  # noqa: ASYNC221
        await pbx.until_all_is_booked()


async def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    async with Pbx(tmp_path, small_disk / "bridge.db") as pbx:
        await pbx.start()
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(9_000_000))
        while pbx.health()["store"]["state"] == "ok":
            assert (await pbx.call()).variables["BRIDGE_ANSWER"].endswith(",1")
            await asyncio.sleep(0.1)
        filler.unlink()
        await pbx.until_all_is_booked()


async def test_damaged_at_the_start_and_restored_while_the_daemon_answers(tmp_path: Path) -> None:
    async with Pbx(tmp_path) as pbx:
        await pbx.start()
        for _ in range(3):
            await pbx.call()
        await pbx.until_all_is_booked()
        copy = tmp_path / "copy.db"
        await asyncio.to_thread(pbx.daemon.cli, "backup", str(copy))
        await pbx.call()
        await pbx.until_all_is_booked()
        await asyncio.to_thread(pbx.daemon.stop)
        pbx.store.write_bytes(b"SQLite format 3\0" + os.urandom(50_000))
        await pbx.start(well=False)
        await pbx.until(lambda: pbx.health()["store"]["state"] == "degraded")
        assert "callbridge backup" in pbx.health()["store"]["detail"]
        for _ in range(2):
            assert (await pbx.call()).variables["BRIDGE_ANSWER"].endswith(",1")
        os.replace(copy, pbx.store)
        await pbx.until_all_is_booked()
        await pbx.until(lambda: pbx.health()["state"] == "ok")


async def test_a_file_put_in_the_place_of_the_open_one_is_the_one_that_is_written(tmp_path: Path) -> None:
    async with Pbx(tmp_path) as pbx:
        await pbx.start()
        await pbx.call()
        await pbx.until_all_is_booked()
        copy = tmp_path / "copy.db"
        await asyncio.to_thread(pbx.daemon.cli, "backup", str(copy))
        await pbx.call()
        await pbx.until_all_is_booked()
        for name in ("bridge.db-wal", "bridge.db-shm"):
            pbx.store.with_name(name).unlink(missing_ok=True)
        os.replace(copy, pbx.store)
        await pbx.call()
        await pbx.until_all_is_booked()


async def test_restored_from_a_copy_across_turned_over_journals(tmp_path: Path) -> None:
    async with Pbx(tmp_path) as pbx:
        await pbx.start()
        for _ in range(3):
            await pbx.call()
        await pbx.until_all_is_booked()
        copy = tmp_path / "copy.db"
        await asyncio.to_thread(pbx.daemon.cli, "backup", str(copy))
        for number in range(3):
            await pbx.call()
            await pbx.until_all_is_booked()
            pbx.journal.rename(pbx.journal.with_name(f"journal.psv.2026112{number}-000000"))
        await pbx.call()
        await asyncio.to_thread(pbx.daemon.stop)
        # as `callbridge backup --help` says
        for name in ("bridge.db", "bridge.db-wal", "bridge.db-shm"):
            pbx.store.with_name(name).unlink(missing_ok=True)
        copy.rename(pbx.store)
        assert len(pbx.booked()) == 3
        await pbx.start()
        await pbx.until_all_is_booked()


async def test_a_disk_nearly_full_stops_recording_and_not_the_calls(tmp_path: Path) -> None:
    limits = {"alarm_below": "99.99%", "stop_below": "99.9%"}
    async with Pbx(tmp_path, recordings={**limits, "without_notice": "record"}) as pbx:
        await pbx.start(well=False)
        await pbx.until(lambda: pbx.health()["recordings"]["state"] == "degraded")
        assert "nothing is recorded" in pbx.health()["recordings"]["detail"]
        outcome = await pbx.call()
        assert outcome.variables["BRIDGE_ANSWER"].split(",")[8] == "no"
        await pbx.until_all_is_booked()
        call = await asyncio.to_thread(pbx.daemon.call, pbx.made[0])
        assert call["recording"]["status"] == "off-disk"
        assert "of the disk is free" in call["recording"]["reason"]
