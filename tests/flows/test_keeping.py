"""Sweeping, holding and pruning over real files and a real database."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "recordings"))  # the samples

from recording_samples import CALLER_HZ, COMPANY_HZ, a_call, tone, write_mono

from bridge.core.directory import Directory, Line
from bridge.core.model import Call, Outcome, Recording, RecordingStatus
from bridge.core.plan import Leg
from bridge.core.retention import DiskState, Retention
from bridge.flows.books import Books
from bridge.flows.keeping import Keeper, doomed
from bridge.journal import JournalReader
from bridge.recordings.worker import RecordingWorker
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.keeping import KeepingStore
from bridge.store.migrate import migrate

NOW = datetime(2027, 11, 22, 12, 0, tzinfo=UTC)
DIRECTORY = Directory("office", {"office": Line("office", "Office", (Leg("PJSIP/101"),), 30)})
DAY = timedelta(days=1)


class House:
    def __init__(self, folder: Path) -> None:
        self.spool, self.recordings = folder / "rec", folder / "recordings"
        self.spool.mkdir()
        self.recordings.mkdir()
        self.database = Database(f"sqlite:///{folder}/bridge.db")
        self.store = CallStore(self.database)
        self.keeping = KeepingStore(self.database)
        self.worker = RecordingWorker(self.spool, self.recordings, delays=())
        self.books = Books(self.store, JournalReader(folder / "journal.psv"), self.worker, DIRECTORY, lambda: NOW)
        self.keeper = Keeper(self.keeping, self.store, self.worker, self.books, lambda: NOW)

    def audio(self, call_id: str, age: float = 7200, seconds: float = 3.0) -> None:
        for name, hertz in (("caller", CALLER_HZ), ("company", COMPANY_HZ)):
            path = write_mono(self.spool / f"{call_id}-{name}.wav", tone(hertz, seconds))
            os.utime(path, (time.time() - age,) * 2)

    async def kept(self, day: int, source: str = "radio") -> Call:
        """A call of 2026-11-`day` with its recording finished."""
        call_id = f"202611{day:02}-093000-{day}-123456"
        began = datetime(2026, 11, day, 9, 30, tzinfo=UTC)
        call = a_call(call_id=call_id)
        call = replace(
            call,
            started_at=began,
            answered_at=began + timedelta(seconds=5),
            ended_at=began + timedelta(seconds=8),
            attribution=replace(call.attribution, source=source),
        )
        self.audio(call_id)
        await self.store.save(call)
        self.books.finish_recording(call)
        return await self.until(call_id, RecordingStatus.KEPT)

    async def until(self, call_id: str, status: RecordingStatus) -> Call:
        async with asyncio.timeout(10):
            while True:
                call = await self.store.get(call_id)
                if call is not None and call.recording.status is status:
                    return call
                await asyncio.sleep(0.01)

    def files(self) -> set[str]:
        return {path.name for path in self.recordings.rglob("*") if path.is_file()}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await migrate(house.database)
    await house.books.start()
    task = asyncio.create_task(house.books.run())
    yield house
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await house.books.stop()
    await house.worker.stop()
    await house.database.close()


async def test_files_in_the_spool_find_their_call(house: House) -> None:
    lost = replace(a_call(), recording=Recording(RecordingStatus.MISSING, reason="Asterisk left no recording file"))
    await house.store.save(lost)
    house.audio(lost.id)
    await house.keeper.sweep()
    assert (await house.until(lost.id, RecordingStatus.KEPT)).recording.duration == pytest.approx(3.0, abs=0.1)
    async with asyncio.timeout(10):
        while list(house.spool.iterdir()):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_a_recording_cut_by_a_crash_is_repaired_and_kept(house: House) -> None:
    call = replace(a_call(), outcome=Outcome.INTERRUPTED)
    await house.store.save(call)
    for name in ("caller", "company"):
        path = write_mono(house.spool / f"{call.id}-{name}.wav", tone(440, 2.0), declared=0)
        os.utime(path, (1, 1))
    await house.keeper.sweep()
    found = await house.until(call.id, RecordingStatus.KEPT)
    assert found.recording.duration == pytest.approx(2.0, abs=0.1)


async def test_an_interrupted_call_without_a_file_says_why(house: House) -> None:
    call = replace(a_call(), outcome=Outcome.INTERRUPTED)
    await house.store.save(call)
    house.books.finish_recording(call)
    found = await house.until(call.id, RecordingStatus.MISSING)
    assert found.recording.reason == "Asterisk left no recording file: it died during the call"


async def test_orphans_are_said_once_and_stay(house: House, caplog: pytest.LogCaptureFixture) -> None:
    unknown, young, unnoticed = (f"20261122-093000-{n}-123456" for n in (1, 2, 3))
    await house.store.save(a_call(RecordingStatus.UNNOTICED, call_id=unnoticed))
    for call_id in (unknown, unnoticed):
        house.audio(call_id)
    house.audio(young, age=120)
    before = sorted(house.spool.iterdir())
    for _ in range(2):
        await house.keeper.sweep()
    assert house.keeper.counters.orphans == 2
    assert caplog.text.count(unknown) == caplog.text.count(unnoticed) == 1
    assert young not in caplog.text
    assert sorted(house.spool.iterdir()) == before


async def test_pruning_by_age_marks_when_and_why(house: House) -> None:
    old, new = await house.kept(1), await house.kept(20)
    rules = Retention(NOW - new.started_at + DAY)
    assert await house.keeper.prune(rules, keep_sidecars=False) == 1
    gone = await house.until(old.id, RecordingStatus.DELETED)
    assert gone.recording.reason == f"2027-11-22T12:00:00+00:00: older than {rules.default.days} days"
    assert (gone.recording.path, gone.recording.sha256) == (None, old.recording.sha256)
    assert house.files() == {f"{new.id}.wav", f"{new.id}.json"}
    assert not (house.recordings / "2026/11/01").exists(), "empty folders go too"
    assert await house.keeper.prune(rules, keep_sidecars=False) == 0


async def test_a_sidecar_may_stay_and_says_so(house: House) -> None:
    old = await house.kept(1)
    await house.keeper.prune(Retention(DAY), keep_sidecars=True)
    assert house.files() == {f"{old.id}.json"}
    text = (house.recordings / "2026/11/01" / f"{old.id}.json").read_text()
    assert '"status": "deleted"' in text
    assert "older than 1 days" in text


async def test_what_is_on_hold_is_never_deleted(house: House) -> None:
    held, other = await house.kept(1), await house.kept(2)
    assert await house.keeping.hold(held.id, NOW, "case 17") == "kept"
    assert await house.keeper.prune(Retention(DAY, budget=0), keep_sidecars=False) == 1
    assert (await house.until(held.id, RecordingStatus.KEPT)).recording == held.recording
    await house.until(other.id, RecordingStatus.DELETED)
    assert f"{held.id}.wav" in house.files()
    assert [(x.call_id, x.reason) for x in await house.keeping.holds()] == [(held.id, "case 17")]
    assert await house.keeping.release(held.id)
    assert not await house.keeping.release(held.id)
    assert await house.keeper.prune(Retention(DAY), keep_sidecars=False) == 1


async def test_a_hold_put_at_the_last_moment_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    call = await house.kept(1)
    true_caught_up = house.books.caught_up

    async def hold_meanwhile() -> None:
        await house.keeping.hold(call.id, NOW, "just now")
        await true_caught_up()

    monkeypatch.setattr(house.books, "caught_up", hold_meanwhile)
    assert await house.keeper.prune(Retention(DAY), keep_sidecars=False) == 0
    assert (await house.until(call.id, RecordingStatus.KEPT)).recording == call.recording
    assert f"{call.id}.wav" in house.files()
    assert house.keeper.counters.held == 1


async def test_a_deletion_broken_off_is_finished(house: House) -> None:
    call = await house.kept(1)
    await house.store.save(replace(call, recording=replace(call.recording, status=RecordingStatus.DELETED)))
    await house.keeper.prune(Retention(), keep_sidecars=False)
    await house.books.caught_up()
    assert house.files() == set()
    assert (await house.until(call.id, RecordingStatus.DELETED)).recording.path is None


async def test_reading_the_journal_again_does_not_bring_a_deleted_recording_back(house: House) -> None:
    call = await house.kept(1)
    await house.keeper.prune(Retention(DAY), keep_sidecars=False)
    gone = await house.until(call.id, RecordingStatus.DELETED)
    house.books.finish_recording(gone)
    await house.books.caught_up()
    assert (await house.until(call.id, RecordingStatus.DELETED)).recording == gone.recording


async def test_a_dry_run_over_many_pages_says_what_would_go(house: House) -> None:
    calls = [await house.kept(day, "radio" if day % 2 else "tv") for day in (1, 2, 3, 4)]
    small = house.keeping.kept

    class Small:
        kept_bytes = house.keeping.kept_bytes

        async def kept(self, after: object = None) -> object:
            return await small(after, limit=1)  # type: ignore[arg-type]

    rules = Retention(timedelta.max, {"radio": DAY}, budget=3 * (calls[0].recording.size or 0))
    chosen = [(one.call_id, why) async for one, why in doomed(Small(), rules, NOW)]  # type: ignore[arg-type]
    assert chosen == [(calls[0].id, "older than 1 days"), (calls[2].id, "older than 1 days")]


async def test_the_disk_is_looked_at(house: House, caplog: pytest.LogCaptureFixture) -> None:
    assert await house.keeper.look_at_disk(0.0, 0.0) == ""
    assert "nothing is recorded" in await house.keeper.look_at_disk(1.1, 1.1)
    assert house.keeper.disk is DiskState.STOP
    assert await house.keeper.look_at_disk(0.0, 0.0) == ""
    assert "there is room again" in caplog.text
