"""The daemon without Asterisk: decisions a second against a bare asyncio server, the whole daemon at work, its start, its books."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.asterisk import Asterisk
from lab.conf import Endpoint
from lab.daemon import Daemon, bridge_config
from lab.ports import LOOPBACK, Ports
from lab.tones import tone, write_wav
from lab.tools import Tools

from benchmarks.agi_wire import environment, numbers_of
from benchmarks.figures import Spread
from benchmarks.machine import resident_megabytes
from benchmarks.processes import BenchError, serving, told

Say = Callable[[str], None]
SERVERS = ("bare", "bridge")
_FEW = 2  #: numbers, for what a start costs without them


@dataclass(slots=True)
class Decided:
    """What the load generator saw: by the server's name and callers at once, or by calls per second. Milliseconds."""

    at_once: dict[tuple[str, int], list[dict[str, float]]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)  #: each number's first call, which AstDB is told of too
    whole: dict[float, list[dict[str, float]]] = field(default_factory=dict)  #: `callbridge run`, booking meanwhile

    def spread(self, server: str, many: int, what: str) -> Spread:
        return Spread.of(x[what] for x in self.at_once[server, many])


def decide(numbers: int, many: tuple[int, ...], rounds: int, seconds: float, say: Say) -> Decided:
    """The server alone, in a process of its own, with `numbers` bound; `many` callers at once. The two servers take turns."""
    result = Decided()
    with ExitStack() as ends:
        ports = {kind: ends.enter_context(serving("agi_serve", kind, numbers))[0] for kind in SERVERS}
        result.first = _load(ports["bridge"], numbers, "--count", numbers, "--many", 16)
        say(f"{numbers} numbers called for the first time: {_words(result.first)}")
        for _ in range(rounds):
            for callers in many:
                for kind in SERVERS:
                    got = _load(ports[kind], numbers, "--many", callers, "--seconds", seconds)
                    say(f"{kind:6} {callers:3} callers at once: {_words(got)}")
                    result.at_once.setdefault((kind, callers), []).append(got)
    return result


class WholeDaemon:
    """`callbridge run` with `numbers` bound and no Asterisk beside it."""

    def __init__(self, folder: Path, tools: Tools, numbers: int) -> None:
        folder.mkdir(parents=True)
        self._ports = Ports.free()
        asterisk = Asterisk(folder / "asterisk", self._ports, tools, [Endpoint("101", "127.0.0.11", 5060)])
        asterisk.write()
        notice, secret = folder / "notice.wav", folder / "ami.secret"
        write_wav(notice, tone(1400, 1.0))
        secret.touch(0o600)
        secret.write_text(asterisk.secret)
        config: dict[str, Any] = bridge_config(folder, asterisk, notice, secret)
        config["sources"] = {f"s{place}": {"title": f"Source {place}"} for place in range(100)}
        config["numbers"] = {number: {"source": f"s{place % 100}"} for place, number in enumerate(numbers_of(numbers))}
        config["log"]["level"] = "info"
        self.journal = asterisk.journal
        self.port = self._ports.agi
        self._daemon = Daemon(folder, self._ports, config)

    @contextmanager
    def running(self) -> Iterator[float]:
        """Start it and wait until it has answered a call; gives the seconds that took."""
        began = time.perf_counter()
        self._daemon.start(wait=False)
        try:
            while not self._answers():
                if time.perf_counter() - began > 60:
                    raise BenchError(f"callbridge run did not answer within 60 s\n{self._daemon.log_tail()}")
                time.sleep(0.02)
            yield time.perf_counter() - began
        finally:
            self._daemon.stop()

    @property
    def megabytes(self) -> float:
        return resident_megabytes(self._daemon.pid)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=2) as call:
            call.sendall(environment(0, next(numbers_of(1)), time.time()))
            return call.recv(100).startswith(b"SET VARIABLE")
        return False


def at_work(folder: Path, tools: Tools, numbers: int, rates: tuple[float, ...], seconds: float, say: Say) -> Decided:
    """The whole daemon while calls come at a rate, each booked from the journal too."""
    result = Decided()
    whole = WholeDaemon(folder, tools, numbers)
    first = 1
    with whole.running():
        time.sleep(2.0)  # the store takes in the bindings; then calls that nobody measures load the rest
        _load(whole.port, numbers, "--rate", 20, "--seconds", 3, "--journal", whole.journal, "--first", 900_000)
        for rate in rates:
            got = _load(
                whole.port, numbers, "--rate", rate, "--seconds", seconds, "--journal", whole.journal, "--first", first
            )
            first += round(rate * seconds)
            say(f"callbridge run, {rate:g} calls/s: {_words(got)}")
            result.whole.setdefault(rate, []).append(got)
    return result


def starts(folder: Path, tools: Tools, numbers: int, rounds: int, say: Say) -> dict[int, tuple[Spread, float]]:
    """By the count of numbers bound: seconds until the first call is answered, and the megabytes held then."""
    found: dict[int, list[tuple[float, float]]] = {_FEW: [], numbers: []}
    for turn in range(rounds):
        for count, seen in found.items():
            whole = WholeDaemon(folder / f"{count}-{turn}", tools, count)
            with whole.running() as seconds:
                seen.append((seconds, whole.megabytes))
            say(f"callbridge run with {count} numbers: first answer after {seconds:.2f} s")
    return {
        count: (Spread.of(x for x, _ in seen), Spread.of(x for _, x in seen).median) for count, seen in found.items()
    }


def book(folder: Path, calls: int, numbers: int, rounds: int, say: Say) -> list[dict[str, float]]:
    """A journal of `calls` calls read into a fresh store; seconds for that, for reading alone, for inserting alone."""
    found = []
    for turn in range(rounds):
        got = told("book", folder / f"book-{turn}", calls, numbers, timeout=300)
        say(f"{calls} calls booked in {got['booked']:.1f} s")
        found.append(got)
    return found


def _load(port: int, numbers: int, *arguments: object) -> dict[str, float]:
    got = told("agi_load", port, "--numbers", numbers, *arguments)
    if got["failed"]:
        raise BenchError(f"{got['failed']} AGI sessions got no answer")
    return got


def _words(got: dict[str, float]) -> str:
    return f"{got['per_second']:.0f}/s, p50 {got['p50']:.2f} ms, p99 {got['p99']:.2f} ms, worst {got['worst']:.1f} ms"
