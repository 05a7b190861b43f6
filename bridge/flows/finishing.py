"""Recordings of calls that have ended: finished beside the books, and let go once the books know them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from bridge.core.model import Call, Recording
from bridge.flows.ports import RecordingDesk, RecordingLaterError

log = logging.getLogger(__name__)

_Work: TypeAlias = Callable[[], Coroutine[Any, Any, object]]


class Finishing:
    """One piece of work per call at a time. `found` is told what became of a recording, for the books."""

    def __init__(self, desk: RecordingDesk, found: Callable[[str, Recording], None]) -> None:
        self._desk = desk
        self._found = found
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def finish(self, call: Call) -> None:
        """Look what Asterisk wrote of `call` and make its recording."""
        self._later(call.id, partial(self._finish, call))

    def let_go(self, call: Call) -> None:
        """The books know the recording: the sidecar says what they say, and the raw files may go."""
        self._later(call.id, partial(self._let_go, call))

    def describe(self, call: Call) -> None:
        """The books have learned more of a call whose recording was finished before."""
        self._later(call.id, partial(self._desk.describe, call))

    async def stop(self) -> None:
        """Leave what is unfinished for the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish(self, call: Call) -> None:
        recording = await self._desk.finish(call)
        if recording != call.recording:
            self._found(call.id, recording)
        else:
            await self._desk.discard(call.id)

    async def _let_go(self, call: Call) -> None:
        await self._desk.describe(call)
        await self._desk.discard(call.id)

    def _later(self, call_id: str, work: _Work) -> None:
        task = asyncio.create_task(_quietly(call_id, work))
        self._tasks[call_id] = task
        task.add_done_callback(
            lambda done: self._tasks.pop(call_id, None) if self._tasks.get(call_id) is done else None
        )


async def _quietly(call_id: str, work: _Work) -> None:
    try:
        await work()
    except RecordingLaterError as error:
        log.warning("the recording of call %s waits: %s", call_id, error)
    except Exception:
        log.exception("the recording of call %s failed", call_id)
