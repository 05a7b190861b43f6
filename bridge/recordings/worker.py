"""Finishing recordings beside the calls: in threads of low priority, with retries, never in the event loop.

Threads, because libsndfile and hashlib let go of the interpreter while they work.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from bridge.core.model import Call, Outcome, Recording, RecordingStatus
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.merge import discard, merge, pair_of
from bridge.recordings.remove import remove
from bridge.recordings.scan import Sweep, disk_space, sweep
from bridge.recordings.sidecar import wants_sidecar, write_sidecar

log = logging.getLogger(__name__)
T = TypeVar("T")

DELAYS: Final = (1.0, 2.0, 5.0, 15.0, 60.0)  #: seconds before each further try; then reconciliation takes over
_NICE = 15
_NOT_RECORDED = (
    RecordingStatus.UNNOTICED,
    RecordingStatus.DECLINED,
    RecordingStatus.OFF_DISK,
    RecordingStatus.DELETED,
)


@dataclass(slots=True)
class RecordingCounters:
    """Since the start, but for `waiting`: calls asked for and not finished yet."""

    waiting: int = 0
    kept: int = 0
    empty: int = 0
    missing: int = 0
    broken: int = 0
    retried: int = 0
    gave_up: int = 0
    seconds: float = 0.0  #: of audio kept


class RecordingWorker:
    """Makes recordings of finished calls. Use it from one event loop; `stop` it before the loop ends.

    `spool` is the folder Asterisk records into, `recordings` the one that is kept; `format` is a key of merge.FORMATS.
    """

    def __init__(
        self, spool: Path, recordings: Path, format: str = "wav", *, workers: int = 1, delays: Sequence[float] = DELAYS
    ) -> None:
        self.counters = RecordingCounters()
        self._spool = spool
        self._recordings = recordings
        self._format = format
        self._delays = tuple(delays)
        self._pool = ThreadPoolExecutor(workers, "recording", initializer=_be_humble)
        self._halt = threading.Event()
        self._stopping = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[Recording]] = {}

    async def finish(self, call: Call) -> Recording:
        """Merge the call's mono files and write its sidecar; gives what the books should say of the recording.

        The mono files stay until `discard`. May be asked twice for the same call, also at the same time. Raises
        RecordingRetry if it could not be done after all tries or the worker stops: the call stays pending, nothing is lost.
        """
        if call.recording.status in _NOT_RECORDED:
            return call.recording
        task = self._under_way.get(call.id)
        if task is None:
            task = asyncio.create_task(self._finish(call), name=f"recording {call.id}")
            self._under_way[call.id] = task
            task.add_done_callback(lambda _: self._under_way.pop(call.id, None))
        return await asyncio.shield(task)

    async def discard(self, call_id: str) -> bool:
        """Remove the call's mono files, after the books know its recording. True if none is left.

        Files whose audio is nowhere else stay. Raises RecordingRetry if the file system refuses.
        """
        return await self._in_pool(lambda: discard(pair_of(self._spool, call_id), self._recordings, call_id))

    async def describe(self, call: Call) -> None:
        """Write the call's sidecar anew, when the books know more. Nothing happens for a call that has none."""
        if wants_sidecar(call):
            await self._in_pool(lambda: write_sidecar(self._recordings, call))

    async def remove(self, call: Call, *, keep_sidecar: bool) -> None:
        """Delete the call's recording; its sidecar says so, or goes too. Raises RecordingRetry if the file system refuses."""
        await self._in_pool(lambda: remove(self._recordings, call, keep_sidecar=keep_sidecar))

    async def sweep(self) -> Sweep:
        """What lies in the spool. Raises RecordingRetry if it cannot be looked into."""
        return await self._in_pool(lambda: sweep(self._spool, time.time()))

    async def free(self) -> float:
        """The free share of the fuller of the two disks, the spool's and the recordings'. Raises OSError."""
        spaces = await asyncio.to_thread(lambda: [disk_space(folder) for folder in (self._spool, self._recordings)])
        return min(space.share for space in spaces)

    async def disk_bytes(self) -> int:
        """The size of the recordings' disk. Raises OSError."""
        return (await asyncio.to_thread(disk_space, self._recordings)).total

    async def stop(self) -> None:
        """Break off what is under way (it is begun anew at the next start) and wait for the threads."""
        self._halt.set()
        self._stopping.set()
        tasks = list(self._under_way.values())
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    async def _finish(self, call: Call) -> Recording:
        counters = self.counters
        counters.waiting += 1
        try:
            for delay in (*self._delays, None):
                try:
                    recording = await self._in_pool(lambda: self._once(call))
                except RecordingRetry as problem:
                    if delay is None or self._stopping.is_set():
                        counters.gave_up += 1
                        raise
                    counters.retried += 1
                    log.warning("recording of call %s not finished: %s; next try in %g s", call.id, problem, delay)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), delay)
                else:
                    self._count(recording)
                    return recording
            raise AssertionError("unreachable")
        finally:
            counters.waiting -= 1

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if self._stopping.is_set():
            raise RecordingRetry("the bridge is stopping")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _once(self, call: Call) -> Recording:
        merged = merge(pair_of(self._spool, call.id), self._recordings, call.id, self._format, self._halt)
        recording = judged(call, merged)
        finished = replace(call, recording=recording)
        if wants_sidecar(finished):
            write_sidecar(self._recordings, finished)
        return recording

    def _count(self, recording: Recording) -> None:
        counters = self.counters
        match recording.status:
            case RecordingStatus.KEPT:
                counters.kept += 1
                counters.seconds += recording.duration or 0.0
            case RecordingStatus.MISSING:
                counters.missing += 1
            case RecordingStatus.BROKEN:
                counters.broken += 1
            case _:
                counters.empty += 1


def judged(call: Call, recording: Recording) -> Recording:
    """What was found on disk, seen with what is known of the call.

    Asterisk tells nobody that it could not write: silence where people talked is a recording that is missing, and one
    much shorter than the talk says so in its reason. A call that was not to be recorded has none, and that is right.
    """
    talk = call.talk_seconds or 0.0
    wanted = call.recording.status is not RecordingStatus.NONE
    if recording.status is RecordingStatus.MISSING and not wanted:
        return call.recording
    if recording.status is RecordingStatus.MISSING and talk == 0.0 and call.ended_at is not None:
        return Recording(RecordingStatus.NONE)
    if recording.status is RecordingStatus.MISSING and call.outcome is Outcome.INTERRUPTED:
        return replace(recording, reason=f"{recording.reason}: it died during the call")
    if recording.status is RecordingStatus.NONE and wanted and talk >= 1.0:
        reason = f"Asterisk wrote no audio although people talked for {talk:.0f} s: was the disk full?"
        return Recording(RecordingStatus.MISSING, reason=reason)
    if recording.duration is not None and talk - recording.duration > max(2.0, talk / 10):
        short = f"{talk - recording.duration:.0f} s shorter than the talk"
        return replace(recording, reason="; ".join(filter(None, (recording.reason, short))))
    return recording


def _be_humble() -> None:
    # On Linux a thread has a priority of its own. Calls come first.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
