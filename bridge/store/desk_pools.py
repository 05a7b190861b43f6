"""Questions about pools, answered by a process of its own: it reads the site's past, plays it, and has the lowest priority.

As a program (``python -m bridge.store.desk_pools``) it takes one JSON object on standard input, with the database's URL and the question, and
writes JSON lines: ``{"done": 3, "whole": 10}`` now and then, and at last ``{"answer": ...}`` or ``{"problem": "..."}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.core.desk.pools import MOST_VISITS, Advised, Question, Replayed, Row, TooFew, answer
from bridge.flows.pool_lab import Answer, LabError
from bridge.store.engine import Database
from bridge.store.errors import StoreError
from bridge.store.traffic import Past

_KINDS: Final = {"Advised": Advised, "Replayed": Replayed, "TooFew": TooFew}
_SECONDS: Final = 120.0  #: at the most
_TELL_EVERY: Final = 0.2


class PoolAnswers:
    """Callable as `Ask` of flows/pool_lab.py."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, question: Question, progress: Callable[[int, int], None]) -> Answer:
        """Raises LabError."""
        url = self._database.url.render_as_string(hide_password=False)
        given = json.dumps({"url": url, "question": asdict(question)}) + "\n"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge.store.desk_pools"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=4 * 1024 * 1024,
        )
        if process.stdin is None or process.stdout is None:
            raise LabError("the process has no pipes")
        try:
            async with asyncio.timeout(_SECONDS):
                process.stdin.write(given.encode())
                await process.stdin.drain()
                process.stdin.close()
                async for line in process.stdout:
                    said = json.loads(line)
                    if "answer" in said:
                        return _answer(said["kind"], said["answer"])
                    if "problem" in said:
                        raise LabError(said["problem"])
                    progress(said["done"], said["whole"])
        except TimeoutError:
            raise LabError(f"it took longer than {_SECONDS:.0f} s") from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        raise LabError("the process ended without an answer; the log says more")


def _answer(kind: str, said: dict[str, Any]) -> Answer:
    if kind == "Advised":
        said["rows"] = [Row(**row) for row in said["rows"]]
    found: Answer = _KINDS[kind](**said)
    return found


def main() -> None:
    """The process."""
    os.nice(15)
    given = json.loads(sys.stdin.readline())
    question = Question(**given["question"])
    told = 0.0

    def progress(done: int, whole: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            _say({"done": done, "whole": whole})

    async def traffic() -> Any:
        database = Database(given["url"])
        try:
            since = datetime.now(UTC) - timedelta(days=question.days)
            return await Past(database).traffic(since, question.source, MOST_VISITS)
        finally:
            await database.close()

    try:
        found = answer(question, asyncio.run(traffic()), progress)
    except StoreError as error:
        _say({"problem": str(error)})
    except ValueError as error:
        _say({"problem": f"{question.source}: {error}"})
    else:
        _say({"kind": type(found).__name__, "answer": asdict(found)})


def _say(what: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)  # the desk has ended: nobody waits for the answer


if __name__ == "__main__":
    main()
