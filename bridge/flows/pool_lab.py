"""Work on the site's past that takes seconds: done beside the daemon, by a process of its own with little of the machine's time."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from bridge.core.desk.pools import Advised, Question, Replayed, TooFew

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 900.0
AGAIN_SECONDS: Final = 10.0  #: after a failure
MOST_WAITING: Final = 8
_KEPT: Final = 64

Answer: TypeAlias = Advised | Replayed | TooFew
#: Answers a question; tells how far it is. May raise LabError.
Ask: TypeAlias = Callable[[Question, Callable[[int, int], None]], Awaitable[Answer]]


class LabError(Exception):
    """A question could not be answered; the text says why."""


@dataclass(slots=True)
class Job:
    """One question under way, or answered: then `answer` or `problem` is there."""

    done: int = 0
    whole: int = 0
    answer: Answer | None = None
    problem: str = ""
    ended: float | None = None  #: when, on the loop's clock

    @property
    def share(self) -> float:
        return self.done / self.whole if self.whole else 0.0


class PoolLab:
    """One question at a time; answers are kept for a quarter of an hour."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._jobs: OrderedDict[Question, Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._one = asyncio.Lock()

    def job(self, question: Question) -> Job | None:
        """The question's job, begun if need be; None where too many others wait."""
        now = asyncio.get_running_loop().time()
        known = self._jobs.get(question)
        if known is not None:
            old = AGAIN_SECONDS if known.problem else FRESH_SECONDS
            if known.ended is None or now - known.ended < old:
                self._jobs.move_to_end(question)
                return known
        if len(self._tasks) >= MOST_WAITING:
            return None
        job = self._jobs[question] = Job()
        while len(self._jobs) > _KEPT:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(self._work(question, job), name="pool-lab")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, question: Question, job: Job) -> None:
        def progress(done: int, whole: int) -> None:
            job.done, job.whole = done, whole

        try:
            async with self._one:
                job.answer = await self._ask(question, progress)
        except LabError as error:
            job.problem = str(error)
        except Exception as error:
            log.exception("a question about the pool %s could not be answered", question.source)
            job.problem = type(error).__name__
        finally:
            job.ended = asyncio.get_running_loop().time()
