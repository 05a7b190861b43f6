"""The picture of this minute: which calls are open, and what each is doing. The books are the truth; AGI and AMI are quicker by a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final, Protocol

from bridge.core.desk.live import LiveCall, live_call, plan_of
from bridge.core.desk.situation import Alarm, Occupancy, PartState
from bridge.core.directory import Directory
from bridge.core.model import Call
from bridge.core.plan import Answer
from bridge.flows.ports import Clock

_TOLD_FOR: Final = timedelta(seconds=10)  #: the books know a call by then, if they can be written
_TOLD_AT_MOST: Final = timedelta(hours=1)


class Watch(Protocol):
    """What the desk sees of the running daemon."""

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls under way, the oldest first."""
        ...

    async def moved(self, seconds: float) -> None:
        """Returns when calls may have changed, after `seconds` at the latest."""
        ...

    def occupancy(self) -> list[Occupancy]: ...
    def parts(self) -> list[PartState]: ...
    def alarms(self) -> list[Alarm]: ...


class Unwatched:
    """A desk without a daemon around it."""

    def calls(self) -> tuple[LiveCall, ...]:
        return ()

    async def moved(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def occupancy(self) -> list[Occupancy]:
        return []

    def parts(self) -> list[PartState]:
        return []

    def alarms(self) -> list[Alarm]:
        return []


class Live:
    """`open_calls` are those of the books; `well` says whether they can be written now."""

    def __init__(
        self,
        open_calls: Callable[[], Iterable[Call]],
        well: Callable[[], bool],
        directory: Callable[[], Directory],
        clock: Clock,
    ) -> None:
        self._open_calls = open_calls
        self._well = well
        self._directory = directory
        self._clock = clock
        self._told: dict[str, Call] = {}  #: calls that the books do not know yet
        self._plans: dict[str, Answer] = {}
        self._moved = asyncio.Event()

    def began(self, call: Call) -> None:
        """AGI: a call got its answer."""
        self._told[call.id] = call
        self.hint()

    def heard(self, call_id: str) -> None:
        """AMI: a call may have ended. Only a call that the books do not have is taken away by it."""
        self._told.pop(call_id, None)
        self.hint()

    def hint(self) -> None:
        """Something may have changed."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def moved(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls under way, the oldest first."""
        now = self._clock()
        known = {call.id: call for call in self._open_calls()}
        patience = _TOLD_FOR if self._well() else _TOLD_AT_MOST
        for call in list(self._told.values()):
            if call.id in known or now - call.started_at > patience:
                del self._told[call.id]
        known |= self._told
        self._plans = {call.id: self._plans.get(call.id) or plan_of(self._directory(), call) for call in known.values()}
        ordered = sorted(known.values(), key=lambda call: (call.started_at, call.id))
        return tuple(live_call(call, self._plans[call.id], now) for call in ordered)
