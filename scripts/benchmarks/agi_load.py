"""The load generator for FastAGI, in a process of its own: ``python -m benchmarks.agi_load PORT ...``; prints one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.agi_wire import environment, numbers_of
from benchmarks.figures import percentile
from benchmarks.journals import lines_of
from bridge.cli.run import _loop_factory

_DONE = b"200 result=1\n"


class Load:
    """Sessions one after another, each as Asterisk holds it: environment, answer, reply, until the server closes.

    With `journal` the calls are written there too, as if they ended at once, so that a daemon has them to book.
    """

    def __init__(self, port: int, numbers: int, first: int, journal: Path | None) -> None:
        self.milliseconds: list[float] = []  #: from the connect to the answer
        self.failed = 0
        self._port = port
        self._numbers = list(numbers_of(numbers))
        self._sequence = itertools.count(first)
        self._journal = journal.open("a") if journal else None

    async def session(self) -> None:
        sequence = next(self._sequence)
        number, at = self._numbers[sequence % len(self._numbers)], time.time()
        said = environment(sequence, number, at)
        self._write(list(lines_of(sequence, number, at))[:1])
        began = time.perf_counter()
        answered = False
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(said)
            while line := await reader.readline():
                if line.startswith(b'SET VARIABLE "BRIDGE_ANSWER"'):
                    self.milliseconds.append((time.perf_counter() - began) * 1000)
                    answered = True
                writer.write(_DONE)
            writer.close()
        except OSError:
            answered = False
        self.failed += not answered
        self._write(list(lines_of(sequence, number, at))[1:])

    def _write(self, lines: list[str]) -> None:
        if self._journal:
            self._journal.writelines(f"{line}\n" for line in lines)
            self._journal.flush()

    async def at_once(self, many: int, seconds: float) -> None:
        """`many` callers, each calling again as soon as it has been served."""
        end = time.perf_counter() + seconds

        async def caller() -> None:
            while time.perf_counter() < end:
                await self.session()

        await asyncio.gather(*(caller() for _ in range(many)))

    async def count(self, sessions: int, many: int) -> None:
        """So many sessions, `many` at a time."""
        left: Iterator[int] = iter(range(sessions))

        async def caller() -> None:
            for _ in left:
                await self.session()

        await asyncio.gather(*(caller() for _ in range(many)))

    async def paced(self, rate: float, seconds: float) -> None:
        """Calls come at `rate` a second whatever becomes of those before."""
        began = time.perf_counter()
        under_way = set()
        for number in range(round(rate * seconds)):
            if (wait := began + number / rate - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            under_way.add(asyncio.create_task(self.session()))
        await asyncio.gather(*under_way)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--numbers", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="the first call's sequence number")
    parser.add_argument("--many", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--count", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--journal", type=Path)
    args = parser.parse_args()
    load = Load(args.port, args.numbers, args.first, args.journal)
    began = time.perf_counter()
    if args.count:
        await load.count(args.count, args.many)
    elif args.rate:
        await load.paced(args.rate, args.seconds)
    else:
        await load.at_once(args.many, args.seconds)
    seconds = time.perf_counter() - began
    times = load.milliseconds
    print(
        json.dumps(
            {
                "sessions": len(times), "failed": load.failed, "per_second": len(times) / seconds,
                "p50": percentile(times, 0.5), "p99": percentile(times, 0.99), "worst": max(times, default=0.0),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())
