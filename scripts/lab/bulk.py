"""Many calls at a rate, by SIPp alone: for the benches and for calls under stress. Signalling, and audio where it is asked for."""

from __future__ import annotations

import csv
import itertools
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import scenarios
from lab.conf import Endpoint
from lab.ports import LOOPBACK, free_udp, holds_udp_port
from lab.sipp import SippFailedError
from lab.tones import encode_alaw, tone
from lab.tools import Tools

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of the calls; `milliseconds` are the times from INVITE to the answer that was measured, one per call that got there."""

    placed: int
    succeeded: int
    failed: int
    seconds: float
    milliseconds: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """E.g. ``percentile(0.99)``; NaN if nothing was measured."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class _Process:
    def __init__(self, tools: Tools, folder: Path, name: str, audio: float | None) -> None:
        self.folder = folder / f"{name}-{next(_numbers):03}"
        self.folder.mkdir(parents=True)
        self._tools = tools
        self._process: subprocess.Popen[bytes] | None = None
        self.audio: str | None = None
        if audio is not None:
            path = self.folder / "tone.alaw"
            path.write_bytes(encode_alaw(tone(audio, 1.0)))
            self.audio = str(path)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def launch(self, scenario: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        (self.folder / "scenario.xml").write_text(scenario, encoding="utf-8")
        command = self._tools.sipp.command(
            *arguments, "-sf", self.folder / "scenario.xml", "-nostdin", "-trace_err", "-error_file", "errors.log"
        )
        with (self.folder / "screen.log").open("wb") as screen:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
                cwd=self.folder,
                env=self._tools.sipp.environment(),
                start_new_session=True,
            )
        return self._process

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class BulkPhone(_Process):
    """A phone that takes every call, however many at once. `audio` is a tone in hertz; without it SIPp echoes nothing and says nothing."""

    def __init__(
        self, tools: Tools, folder: Path, endpoint: Endpoint, *, answer_after: float = 0.0, audio: float | None = None
    ) -> None:
        super().__init__(tools, folder, f"bulk-{endpoint.name}", audio)
        self._endpoint = endpoint
        self._answer_after = answer_after

    def start(self, lives: float | None = 3600.0) -> BulkPhone:
        """Return when it listens. `lives` None: until stop()."""
        scenario = scenarios.bulk_phone(answer_after=self._answer_after, audio=self.audio)
        address, port = self._endpoint.address, self._endpoint.port
        timeout = ["-timeout", f"{round(lives)}s"] if lives else []
        process = self.launch(scenario, "-i", address, "-mi", address, "-p", str(port), "-aa", *timeout)
        while not holds_udp_port(process.pid, address, port):
            if process.poll() is not None:
                raise SippFailedError(
                    f"phone {self._endpoint.name}: SIPp ended at once\n{(self.folder / 'screen.log').read_text(errors='replace')}"
                )
            time.sleep(0.02)
        return self


def bulk_calls(
    tools: Tools,
    folder: Path,
    sip_port: int,
    numbers: Sequence[str],
    *,
    count: int,
    rate: float,
    talk: float = 1.0,
    measure: int = 180,
    audio: float | None = None,
    timeout: float = 120.0,
) -> BulkResult:
    """Place `count` calls to `numbers` in turn, `rate` a second, each from another caller, hung up `talk` seconds after its 200.

    `measure`: the time to this answer (180 or 200) is kept. Returns when all have ended, or cuts them after `timeout` seconds.
    """
    process = _Process(tools, folder, "bulk", audio)
    with (process.folder / "calls.csv").open("w", newline="") as file:
        file.write("SEQUENTIAL\n")
        rows = ((numbers[i % len(numbers)], f"+7916{i % 10_000_000:07}") for i in range(count))
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    began = time.monotonic()
    running = process.launch(
        scenarios.bulk_caller(talk=talk, measure=measure, audio=process.audio),
        f"{LOOPBACK}:{sip_port}", "-i", LOOPBACK, "-mi", LOOPBACK, "-p", str(free_udp()), "-inf", "calls.csv",
        "-m", str(count), "-r", str(max(1, round(rate * 10))), "-rp", "10000", "-l", str(count), "-timeout", f"{round(timeout)}s",
        "-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_rtt", "-rtt_freq", "1",
    )  # fmt: skip
    try:
        running.wait(timeout + 15)
    finally:
        process.stop()
    seconds = time.monotonic() - began
    stats = _last_row(process.folder / "stat.csv")
    milliseconds: list[float] = []
    for path in process.folder.glob("*rtt*.csv"):
        with path.open() as file:
            milliseconds += [
                float(row[1]) for row in csv.reader(file, delimiter=";") if len(row) > 1 and row[0][:1].isdigit()
            ]
    return BulkResult(
        placed=int(stats.get("TotalCallCreated", 0)),
        succeeded=int(stats.get("SuccessfulCall(C)", 0)),
        failed=int(stats.get("FailedCall(C)", 0)),
        seconds=seconds,
        milliseconds=tuple(milliseconds),
    )


def _last_row(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(errors="replace") as file:
        rows = list(csv.reader(file, delimiter=";"))
    return dict(zip(rows[0], rows[-1], strict=False)) if len(rows) > 1 else {}
