"""Callers and phones, many calls in each SIPp, and everything that was seen on the wire, call by call."""

from __future__ import annotations

import csv
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.conf import Endpoint
from lab.ports import LOOPBACK, free_udp, holds_udp_port
from lab.sipp import Leg, SippFailedError
from lab.tones import encode_alaw, tone
from lab.tools import Tools
from lab.trace import Message, TraceReader

from chaoslab import scenarios
from chaoslab.plan import Behaviour, Group, Planned

_RTP_FIRST, _RTP_EACH = 5000, 800  #: below Asterisk's own range


@dataclass
class Side(Leg):
    """One side of a call; `heard_at` is when the first answer to the INVITE was seen, a 100 included."""

    heard_at: float | None = None

    def note(self, message: Message, *, caller: bool) -> None:
        super().note(message, caller=caller)
        if self.heard_at is None and message.code is not None and message.cseq.endswith("INVITE"):
            self.heard_at = message.at


class Party:
    """One SIPp process with its trace."""

    is_caller = False

    def __init__(self, tools: Tools, folder: Path, name: str, hz: float, index: int) -> None:
        self.name = name
        self.hz = hz
        self.sides: dict[bytes, Side] = {}
        self.folder = folder / name.replace(" ", "-")
        self.folder.mkdir(parents=True)
        self._tools = tools
        self._ports = (_RTP_FIRST + index * _RTP_EACH, _RTP_FIRST + (index + 1) * _RTP_EACH - 2)
        self._process: subprocess.Popen[bytes] | None = None
        self._trace = TraceReader(self.folder / "messages.log")
        (self.folder / "tone.alaw").write_bytes(encode_alaw(tone(hz, 1.0)))
        self.audio = str(self.folder / "tone.alaw")

    def _launch(self, scenario: str, *arguments: str) -> subprocess.Popen[bytes]:
        (self.folder / "scenario.xml").write_text(scenario, encoding="utf-8")
        command = self._tools.sipp.command(
            *arguments, "-sf", "scenario.xml", "-nostdin", "-deadcall_wait", "0", "-trace_msg", "-message_file", "messages.log",
            "-trace_err", "-error_file", "errors.log", "-min_rtp_port", str(self._ports[0]), "-max_rtp_port", str(self._ports[1]),
        )  # fmt: skip
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

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def follow(self) -> None:
        """Take in what has been written to the trace."""
        for message in self._trace.new_messages():
            side = self.sides.get(message.call_id)
            if side is None:
                if message.method != "INVITE":
                    continue
                side = self.sides[message.call_id] = Side(message.call_id, message)
            side.note(message, caller=self.is_caller)


class Phones(Party):
    """A phone behind an endpoint, which takes any number of calls at once."""

    def __init__(
        self, tools: Tools, folder: Path, endpoint: Endpoint, behaviour: Behaviour, index: int, lives: float
    ) -> None:
        super().__init__(tools, folder, endpoint.name, behaviour.hz, index)
        scenario = scenarios.phone(
            answer_after=behaviour.answer_after,
            refuse=behaviour.refuse,
            hang_up_after=behaviour.hang_up_after,
            audio=self.audio,
        )
        address, port = endpoint.address, endpoint.port
        process = self._launch(
            scenario, "-i", address, "-mi", address, "-p", str(port), "-aa", "-timeout", f"{round(lives)}s"
        )
        while not holds_udp_port(process.pid, address, port):
            if process.poll() is not None:
                raise SippFailedError(f"phone {self.name}: SIPp ended at once, see {self.folder}")
            time.sleep(0.02)


class Callers(Party):
    """The callers of one group: `calls` spread evenly over `seconds`."""

    is_caller = True

    def __init__(self, tools: Tools, folder: Path, group: Group, calls: Sequence[Planned], index: int) -> None:
        super().__init__(tools, folder, group.name, group.hz, index)
        self.group = group
        self.calls = calls
        with (self.folder / "calls.csv").open("w", newline="") as file:
            file.write("SEQUENTIAL\n")
            csv.writer(file, delimiter=";", lineterminator="\n").writerows([x.number.e164, x.caller] for x in calls)

    def start(self, sip_port: int, seconds: float) -> None:
        group, count = self.group, len(self.calls)
        scenario = scenarios.callers(
            hang_up_after=group.hang_up_after, give_up_after=group.give_up_after, audio=self.audio
        )
        self._launch(
            scenario, f"{LOOPBACK}:{sip_port}", "-i", LOOPBACK, "-mi", LOOPBACK, "-p", str(free_udp()), "-inf", "calls.csv",
            "-m", str(count), "-l", str(count), "-r", "1", "-rp", str(round(seconds * 1000 / count)),
            "-timeout", f"{round(seconds + 2 * scenarios.LONGEST)}s",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """One call as all sides saw it; `phones` are the phones' names with what they saw, in the order they rang."""

    planned: Planned
    caller: Side
    phones: tuple[tuple[str, Side], ...]


class Wire:
    """Follows the traces of all parties in a thread of its own."""

    def __init__(self) -> None:
        self.parties: list[Party] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="wire", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End all SIPp processes; what they wrote is taken in."""
        for party in self.parties:
            party.stop()
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def callers(self) -> list[Callers]:
        return [x for x in self.parties if isinstance(x, Callers)]

    def sides(self) -> Iterable[Side]:
        """The callers' sides of all calls so far."""
        return [side for party in self.callers for side in list(party.sides.values())]

    def seen(self) -> list[Seen]:
        """Every call placed, in the order of its INVITE."""
        rung: dict[str, list[tuple[str, Side]]] = {}
        for party in self.parties:
            if not party.is_caller:
                for side in party.sides.values():
                    rung.setdefault(side.from_user.decode(), []).append((party.name, side))
        found = []
        for party in self.callers:
            plans = {x.caller: x for x in party.calls}
            for side in party.sides.values():
                caller = side.from_user.decode()
                phones = sorted(rung.get(caller, []), key=lambda x: x[1].invited_at)
                found.append(Seen(plans[caller], side, tuple(phones)))
        return sorted(found, key=lambda seen: seen.caller.invited_at)

    def _follow(self) -> None:
        while True:
            last = self._stop.is_set()
            for party in list(self.parties):
                party.follow()
            if last:
                return
            self._stop.wait(0.25)
