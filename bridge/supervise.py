"""The daemon's parts: each runs by itself, and one that fails is started again without the others, so that calls go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
PAUSES: Final = (1.0, 2.0, 5.0, 15.0, 60.0)  #: seconds before each further start
STABLE_SECONDS: Final = 60.0  #: a part that ran so long is well again


class Parts:
    """`tell` is told of every change: what is wrong with the parts, in words, "" if nothing is."""

    def __init__(self, tell: Callable[[str], None], pauses: tuple[float, ...] = PAUSES) -> None:
        self.failures = 0  #: since the start
        self._tell = tell
        self._pauses = pauses
        self._problems: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Work) -> None:
        """Run ``work()`` for as long as the daemon runs; it is called anew after each failure."""
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def stop(self) -> None:
        """End all parts, the last first."""
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, name: str, work: Work) -> None:
        failed = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            well = loop.call_later(STABLE_SECONDS, self._say, name, "")
            try:
                await work()
                problem = "ended by itself"
            except Exception as error:
                log.exception("the part %s failed; the others go on", name)
                problem = f"failed ({type(error).__name__}: {error})"
            finally:
                well.cancel()
            failed = 0 if loop.time() - began > STABLE_SECONDS else failed
            pause = self._pauses[min(failed, len(self._pauses) - 1)]
            failed += 1
            self.failures += 1
            self._say(name, f"{name} {problem} and is started again")
            await asyncio.sleep(pause)

    def _say(self, name: str, problem: str) -> None:
        self._problems[name] = problem
        self._tell("; ".join(filter(None, self._problems.values())))
