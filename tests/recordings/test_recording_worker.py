# ruff: noqa: ASYNC110, ASYNC240 - a test may look at a folder and wait for a counter
from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recording_samples import CALL_ID, a_call, header, tone, write_mono

from bridge.core.model import Recording, RecordingStatus
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.worker import RecordingWorker, judged

KEPT, NONE, MISSING, PENDING = (
    RecordingStatus.KEPT,
    RecordingStatus.NONE,
    RecordingStatus.MISSING,
    RecordingStatus.PENDING,
)


@pytest.fixture
async def worker(spool: Path, recordings: Path) -> AsyncIterator[RecordingWorker]:
    worker = RecordingWorker(spool, recordings, delays=(0.01, 0.01))
    yield worker
    await worker.stop()


def both(spool: Path, seconds: float = 3.0, call_id: str = CALL_ID) -> None:
    write_mono(spool / f"{call_id}-caller.wav", tone(440, seconds))
    write_mono(spool / f"{call_id}-company.wav", tone(1000, seconds))


async def test_a_call_is_finished_and_the_mono_files_wait_for_the_books(
    worker: RecordingWorker, spool: Path, recordings: Path
) -> None:
    both(spool)
    found = await worker.finish(a_call())
    assert (found.status, found.duration, found.reason) == (KEPT, 3.0, None)
    sidecar = json.loads((recordings / f"2026/11/22/{CALL_ID}.json").read_text())
    assert sidecar["recording"]["sha256"] == found.sha256
    assert len(list(spool.iterdir())) == 2
    assert await worker.discard(CALL_ID)
    assert list(spool.iterdir()) == []
    assert await worker.finish(a_call()) == found
    assert (worker.counters.kept, worker.counters.waiting) == (2, 0)
    assert worker.counters.seconds == 6.0


async def test_asked_twice_at_once_it_works_once(worker: RecordingWorker, spool: Path) -> None:
    both(spool)
    first, second = await asyncio.gather(worker.finish(a_call()), worker.finish(a_call()))
    assert first == second
    assert worker.counters.kept == 1


async def test_many_calls_at_once(spool: Path, recordings: Path) -> None:
    worker = RecordingWorker(spool, recordings, "mp3", workers=2)
    ids = [f"20261122-0930{n:02d}-{n}-123456" for n in range(20)]
    for call_id in ids:
        both(spool, 0.5, call_id)
    found = await asyncio.gather(*(worker.finish(a_call(call_id=call_id)) for call_id in ids))
    assert {one.status for one in found} == {KEPT}
    assert all([await worker.discard(call_id) for call_id in ids])
    assert list(spool.iterdir()) == []
    await worker.stop()


async def test_a_later_try_succeeds(worker: RecordingWorker, spool: Path, recordings: Path) -> None:
    both(spool)
    recordings.rmdir()
    task = asyncio.create_task(worker.finish(a_call()))
    while worker.counters.retried == 0:
        await asyncio.sleep(0.001)
    recordings.mkdir()
    assert (await task).status is KEPT


async def test_in_the_end_it_gives_up_and_keeps_everything(
    worker: RecordingWorker, spool: Path, recordings: Path
) -> None:
    both(spool)
    recordings.rmdir()
    with pytest.raises(RecordingRetry):
        await worker.finish(a_call())
    assert (worker.counters.retried, worker.counters.gave_up, worker.counters.waiting) == (2, 1, 0)
    assert len(list(spool.iterdir())) == 2
    assert not await worker.discard(CALL_ID)
    recordings.mkdir()
    assert (await worker.finish(a_call())).status is KEPT


async def test_stop_ends_a_waiting_retry_and_a_merge_under_way(spool: Path, recordings: Path) -> None:
    worker = RecordingWorker(spool, recordings, "mp3", delays=(3600.0,))
    other = "20261122-093001-18-123456"
    write_mono(spool / f"{CALL_ID}-caller.wav", np.tile(tone(440, 60), 60))
    os.utime(write_mono(spool / f"{other}-caller.wav", tone(440, 1), declared=0))  # seems to be open yet
    tasks = [asyncio.create_task(worker.finish(a_call(call_id=call_id))) for call_id in (other, CALL_ID)]
    while worker.counters.retried == 0:
        await asyncio.sleep(0.001)
    await worker.stop()
    for task in tasks:
        with pytest.raises(RecordingRetry):
            await task
    assert not [path for path in recordings.rglob("*") if path.is_file()]
    with pytest.raises(RecordingRetry, match="stopping"):
        await worker.finish(a_call())


async def test_the_loop_stays_free_and_the_thread_is_humble(
    worker: RecordingWorker, spool: Path, recordings: Path
) -> None:
    write_mono(spool / f"{CALL_ID}-caller.wav", np.tile(tone(440, 60), 20))
    task = asyncio.create_task(worker.finish(a_call(talk=1200)))
    turns, niceness = 0, set()
    while not task.done():
        turns += 1
        niceness |= {os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in os.listdir("/proc/self/task")}
        await asyncio.sleep(0.001)
    assert (await task).status is KEPT
    assert turns > 3
    assert max(niceness) >= 15
    assert os.getpriority(os.PRIO_PROCESS, 0) < 15


async def test_describe_rewrites_the_sidecar(worker: RecordingWorker, recordings: Path) -> None:
    call = replace(a_call(), recording=Recording(KEPT, path="x"), answered_by="PJSIP/101")
    await worker.describe(call)
    await worker.describe(a_call(RecordingStatus.NONE, call_id="20261122-093001-18-123456"))
    assert [path.name for path in (recordings / "2026/11/22").iterdir()] == [f"{CALL_ID}.json"]


@pytest.mark.parametrize("status", [RecordingStatus.UNNOTICED, RecordingStatus.DECLINED])
async def test_what_was_not_to_be_recorded_is_left_alone(
    worker: RecordingWorker, spool: Path, recordings: Path, status: RecordingStatus
) -> None:
    both(spool)
    assert (await worker.finish(a_call(status))).status is status
    assert list(recordings.iterdir()) == []


@pytest.mark.parametrize("status", [NONE, PENDING])
async def test_an_unanswered_call_leaves_nothing(
    worker: RecordingWorker, spool: Path, recordings: Path, status: RecordingStatus
) -> None:
    for name in ("caller", "company"):
        (spool / f"{CALL_ID}-{name}.wav").write_bytes(header(0))
    assert await worker.finish(a_call(status, talk=0)) == Recording(NONE)
    assert await worker.discard(CALL_ID)
    assert list(spool.iterdir()) == list(recordings.iterdir()) == []
    assert await worker.finish(a_call(status, talk=0)) == Recording(NONE)


async def test_no_audio_of_a_talk_is_missing_and_has_a_sidecar(
    worker: RecordingWorker, spool: Path, recordings: Path
) -> None:
    (spool / f"{CALL_ID}-caller.wav").write_bytes(header(0))
    found = await worker.finish(a_call(talk=42))
    assert found == Recording(
        MISSING, reason="Asterisk wrote no audio although people talked for 42 s: was the disk full?"
    )
    assert json.loads((recordings / f"2026/11/22/{CALL_ID}.json").read_text())["recording"]["status"] == "missing"
    (spool / f"{CALL_ID}-caller.wav").unlink()
    assert (await worker.finish(a_call(talk=42))).status is MISSING


def test_a_recording_much_shorter_than_the_talk_says_so() -> None:
    kept = Recording(KEPT, duration=30.0, reason="x")
    assert judged(a_call(talk=60), kept).reason == "x; 30 s shorter than the talk"
    assert judged(a_call(talk=31), kept) == kept


async def test_an_unclosed_file_is_waited_for(spool: Path, recordings: Path) -> None:
    worker = RecordingWorker(spool, recordings, delays=(0.01,) * 500)
    path = write_mono(spool / f"{CALL_ID}-caller.wav", tone(440, 3), declared=0)
    task = asyncio.create_task(worker.finish(a_call()))
    while worker.counters.retried < 2:
        await asyncio.sleep(0.001)
    past = time.time() - 60
    os.utime(path, (past, past))
    found = await task
    assert found.status is KEPT
    assert "not closed by Asterisk" in str(found.reason)
    await worker.stop()
