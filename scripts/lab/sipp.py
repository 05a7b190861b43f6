"""Callers and phones: SIPp does the signalling, the lab's own RTP sends the tone and keeps what is heard.

One thread per SIPp process reads its message trace as it grows, so that everything known of a call is known while it lasts.
"""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import scenarios
from lab.conf import Endpoint
from lab.ports import LOOPBACK, holds_udp_port
from lab.rtp import RtpPoint, Stream
from lab.tones import Samples
from lab.tools import Tools
from lab.trace import Message, TraceReader

LONGEST_CALL = 120.0  #: seconds; no caller or phone goes on longer, whatever happens to the lab
_TICK = 0.004
_numbers = itertools.count(1)


class SippFailedError(RuntimeError):
    """SIPp ended for a reason of its own. The text has its error log."""


@dataclass
class Leg:
    """What one side saw of one call. Times are epoch seconds, None = did not happen."""

    call_id: bytes
    invite: Message
    invites: int = 1  #: INVITE transactions, retransmissions not counted
    codes: list[int] = field(default_factory=list)  #: answers to the INVITE, in order, each once
    ringing_at: float | None = None
    progress_at: float | None = None  #: 183, early media
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str | None = None  #: "me" or "far": who sent BYE, CANCEL or the refusal
    stream: Stream | None = None
    far_audio: tuple[str, int] | None = None
    _seen: set[tuple[str, bool]] = field(default_factory=set)

    @property
    def invited_at(self) -> float:
        return self.invite.at

    @property
    def code(self) -> int | None:
        """The final answer to the INVITE."""
        return next((x for x in reversed(self.codes) if x >= 200), None)

    @property
    def cancelled(self) -> bool:
        return self.code == 487

    @property
    def display_name(self) -> bytes:
        """As it came on the wire, without the quotes and their escapes."""
        value = self.invite.header("From")
        quoted = re.match(rb'"((?:[^"\\]|\\.)*)"', value)
        return re.sub(rb"\\(.)", rb"\1", quoted[1]) if quoted else value.partition(b"<")[0].strip()

    @property
    def from_user(self) -> bytes:
        found = re.search(rb"<sips?:([^@>]*)@", self.invite.header("From"))
        return found[1] if found else b""

    @property
    def talk_seconds(self) -> float | None:
        """From the 200 to the BYE."""
        return None if self.answered_at is None or self.ended_at is None else self.ended_at - self.answered_at

    def audio(self) -> Samples:
        """What this side heard: 8000 samples a second, from the first packet on."""
        return (self.stream or Stream()).audio()

    def heard_from(self) -> float | None:
        """When the first packet came."""
        return self.stream.first_at() if self.stream else None

    def note(self, message: Message, *, caller: bool) -> None:
        """Take one message of this call into account."""
        mine = message.sent
        if (key := (message.first_line + message.cseq, mine)) in self._seen:
            return  # a retransmission
        self._seen.add(key)
        far = message.audio_address()
        if far and not mine:
            self.far_audio = far
        method, code = message.method, message.code
        if method == "INVITE" and message is not self.invite:
            self.invites += 1
        elif method in ("BYE", "CANCEL"):
            self._end(message.at, "me" if mine else "far")
        elif code is not None and message.cseq.endswith("INVITE") and mine != caller and code > 100:
            self.codes.append(code)
            if code == 180:
                self.ringing_at = self.ringing_at or message.at
            elif code == 183:
                self.progress_at = self.progress_at or message.at
            elif code == 200:
                self.answered_at = self.answered_at or message.at
            elif code >= 300:
                self._end(message.at, "me" if mine else "far")

    def _end(self, at: float, by: str) -> None:
        if self.ended_at is None:
            self.ended_at, self.ended_by = at, by


class _Sipp:
    """One SIPp process, its audio and the thread that follows both."""

    _caller: bool

    def __init__(
        self, tools: Tools, folder: Path, name: str, address: str, tone: float | None, *, wide: bool = False
    ) -> None:
        self.name = name
        self.tone = tone
        self.folder = folder / f"{name}-{next(_numbers):03}"
        self.legs: list[Leg] = []  #: one per call, oldest first
        self.rtp = RtpPoint(address, tone, wide=wide)
        self._tools = tools
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._trace = TraceReader(self.folder / "messages.log")
        self._failure: BaseException | None = None

    def _launch(self, scenario: str, *arguments: str | bytes, timeout: float) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "scenario.xml").write_text(scenario, encoding="utf-8")
        command = self._tools.sipp.command(
            *arguments, "-sf", self.folder / "scenario.xml", "-i", self._address,
            "-key", "audio_port", str(self.rtp.port), "-nostdin", "-timeout", f"{round(timeout)}s", "-timeout_error",
            "-trace_msg", "-message_file", self.folder / "messages.log", "-trace_err", "-error_file", self.folder / "errors.log",
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
        self._thread = threading.Thread(target=self._follow, name=f"lab-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End SIPp by its pid, if it runs, and the thread. What was seen stays."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._stop.set()
        if self._thread:
            self._thread.join()
        self.rtp.close()

    def until(self, happened: Callable[[], object], timeout: float, what: str) -> None:
        """Wait until `happened()` is true. Raises TimeoutError, naming `what` was waited for, or the thread's own failure."""
        deadline = time.monotonic() + timeout
        while not happened():
            if self._failure:
                raise self._failure
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: {what} did not happen in {timeout:g} s{self._errors()}")
            time.sleep(0.01)

    def _errors(self) -> str:
        path = self.folder / "errors.log"
        return f"\n{path.read_text('utf-8', 'replace')[-2000:]}" if path.exists() else ""

    def _follow(self) -> None:
        try:
            while True:
                ended = self._stop.is_set() or self._process is None or self._process.poll() is not None
                for message in self._trace.new_messages():
                    leg = self._note(message)
                    if leg:
                        self._sound(leg)
                self.rtp.tick()
                self._act()
                if ended:
                    return
                time.sleep(_TICK)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            self._failure = error
        finally:
            self.rtp.close()

    def _act(self) -> None:
        """What this side does by its own clock."""

    def _digits(self) -> Sequence[tuple[float, str]]:
        return ()

    def _note(self, message: Message) -> Leg | None:
        if message.method == scenarios.HANG_UP:
            return None
        for leg in self.legs:
            if leg.call_id == message.call_id:
                leg.note(message, caller=self._caller)
                return leg
        if message.method == "INVITE":
            leg = Leg(message.call_id, message)
            leg.note(message, caller=self._caller)
            self.legs.append(leg)
            return leg
        return None

    def _sound(self, leg: Leg) -> None:
        """The caller sends from the first SDP he is given, early media too; a phone when it has picked up."""
        if leg.far_audio is None:
            return
        leg.stream = self.rtp.stream(leg.far_audio)
        if leg.ended_at is not None:
            self.rtp.silence(leg.far_audio)
        elif self.tone is not None and (self._caller or leg.answered_at is not None):
            self.rtp.send_to(leg.far_audio, self._digits())


class CallerCall(_Sipp):
    """One call from the trunk, placed by start().

    `number` is the number dialled, `caller` the user part of From as it goes on the wire (percent-encode what SIP needs
    so; None: a From without a user part), `name` the raw
    display name between its quotes (None: no name). `hang_up_after`: seconds after the 200 (None: waits for the far end's BYE);
    `give_up_after`: seconds after the INVITE, if there was no 200 yet. `digits`: DTMF keys with seconds after the first SDP.
    `headers`: further header lines. `tone` None: sends no audio at all. `wide`: offers and sends linear audio of 16 kHz.
    """

    _caller = True

    def __init__(
        self,
        tools: Tools,
        folder: Path,
        sip_port: int,
        number: str,
        *,
        caller: str | bytes | None = "+79161234567",
        name: str | bytes | None = None,
        tone: float | None = 440.0,
        hang_up_after: float | None = 3.0,
        give_up_after: float | None = None,
        digits: Sequence[tuple[float, str]] = (),
        headers: str = "",
        wide: bool = False,
        longest: float = LONGEST_CALL,
        address: str = LOOPBACK,
    ) -> None:
        super().__init__(tools, folder, "caller", address, tone, wide=wide)
        self._wide = wide
        self.number = number
        self._sip_port = sip_port
        self._from = (caller, name)
        self._hang_up_after = hang_up_after
        self._give_up_after = give_up_after
        self._keys = digits
        self._headers = headers
        self._longest = longest
        self._told = False

    def start(self) -> CallerCall:
        caller, name = self._from
        user = (caller.encode() if isinstance(caller, str) else caller) + b"@" if caller else b""
        arguments: list[str | bytes] = [
            f"{LOOPBACK}:{self._sip_port}",
            "-m",
            "1",
            "-key",
            "dialled",
            self.number,
            "-key",
            "from_user",
            user,
        ]
        if name is not None:
            arguments += ["-key", "from_name", name]
        scenario = scenarios.caller(
            named=name is not None,
            headers=self._headers,
            wait=self._longest,
            talk=self._longest,
            wide=self._wide,
        )
        self._launch(scenario, *arguments, timeout=self._longest + 10)
        return self

    @property
    def leg(self) -> Leg:
        """The call as the caller saw it. Raises SippFailedError if nothing was sent (yet)."""
        if not self.legs:
            raise SippFailedError(f"caller: no INVITE was sent{self._errors()}")
        return self.legs[0]

    def wait(self, timeout: float = 60.0) -> Leg:
        """Wait for the call's end. Raises TimeoutError; ends the call then."""
        try:
            self.until(lambda: self._thread and not self._thread.is_alive(), timeout, "the end of the call")
        except BaseException:
            self.stop()
            raise
        return self.leg

    def wait_answered(self, timeout: float = 30.0) -> Leg:
        """Wait for the 200, which the PBX may send before a person picks up."""
        self.until(lambda: self.legs and self.leg.answered_at, timeout, "the answer")
        return self.leg

    def hang_up(self) -> None:
        """Hang up now: CANCEL or BYE, whichever is due."""
        self.until(lambda: self.legs, 5, "the INVITE")
        leg = self.leg
        headers = leg.invite.data.partition(b"\r\n")[2].partition(b"\r\n\r\n")[0]
        head = [x for x in headers.split(b"\r\n") if not re.match(rb"(?i)content-", x)]
        port = int(re.search(rb"(?im)^Via:[^\r\n]*:(\d+)", headers)[1])  # type: ignore[index]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            start = f"{scenarios.HANG_UP} sip:caller SIP/2.0".encode()
            out.sendto(b"\r\n".join([start, *head, b"Content-Length: 0", b"", b""]), (self._address, port))
        self._told = True

    def _digits(self) -> Sequence[tuple[float, str]]:
        return self._keys

    def _act(self) -> None:
        if self._told or not self.legs or self.leg.ended_at is not None:
            return
        leg, now = self.leg, time.time()
        if leg.answered_at is not None:
            due = self._hang_up_after is not None and now >= leg.answered_at + self._hang_up_after
        else:
            due = self._give_up_after is not None and now >= leg.invited_at + self._give_up_after
        if due:
            self.hang_up()


class Phone(_Sipp):
    """A phone of the company behind an endpoint. `legs` are its calls; each INVITE counts, so a phone rung again is seen.

    `answer_after`: seconds of ringing (None: rings for ever); `refuse`: a SIP code instead of an answer (at once, or after `answer_after`
    seconds); `ring` False: sends no 180; `hang_up_after`: seconds after the answer (None: waits for the BYE).
    """

    _caller = False

    def __init__(
        self,
        tools: Tools,
        folder: Path,
        endpoint: Endpoint,
        *,
        answer_after: float | None = 0.5,
        refuse: int | None = None,
        ring: bool = True,
        hang_up_after: float | None = None,
        tone: float | None = 1000.0,
        longest: float = LONGEST_CALL,
        lives: float = 3600.0,
    ) -> None:
        super().__init__(tools, folder, endpoint.name, endpoint.address, tone)
        self.endpoint = endpoint
        self._scenario = scenarios.phone(
            answer_after=None if refuse is not None and answer_after == 0.5 else answer_after,
            refuse=refuse,
            ring=ring,
            talk=longest if hang_up_after is None else hang_up_after,
        )
        self._lives = lives

    def start(self) -> Phone:
        """Return when the phone listens."""
        self._launch(self._scenario, "-p", str(self.endpoint.port), "-aa", timeout=self._lives)
        try:
            self.until(self._listens, 10, "listening")
        except BaseException:
            self.stop()
            raise
        return self

    def wait_rung(self, timeout: float = 30.0, calls: int = 1) -> Leg:
        self.until(lambda: len(self.legs) >= calls, timeout, f"call {calls}")
        return self.legs[calls - 1]

    def wait_answered(self, timeout: float = 30.0, calls: int = 1) -> Leg:
        self.until(
            lambda: len(self.legs) >= calls and self.legs[calls - 1].answered_at, timeout, f"the answer of call {calls}"
        )
        return self.legs[calls - 1]

    def wait_ended(self, timeout: float = 30.0, calls: int = 1) -> Leg:
        self.until(
            lambda: len(self.legs) >= calls and self.legs[calls - 1].ended_at, timeout, f"the end of call {calls}"
        )
        return self.legs[calls - 1]

    def _listens(self) -> bool:
        """Whether the port is SIPp's: it waits for messages once its socket is bound, and ends if it cannot bind."""
        if self._process is None or self._process.poll() is not None:
            raise SippFailedError(f"phone {self.name}: SIPp ended at once{self._errors()}")
        return holds_udp_port(self._process.pid, self.endpoint.address, self.endpoint.port)
