"""Asterisk's side of the two wires, on real sockets, for tests only: a FastAGI caller and an AMI server.

Both are written from Asterisk's behaviour and share no code with the adapters, so that a mistake in one does not hide in the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

# --- FastAGI ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class AgiOutcome:
    """What one AGI() call did to the channel."""

    variables: dict[str, str] = field(default_factory=dict)
    database: dict[tuple[str, str], str] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)


def agi_environment(script: str = "inbound", *arguments: str, **headers: str) -> bytes:
    """The environment as res_agi writes it: in its order, values unescaped. `headers` replace values (without ``agi_``).

    A value may smuggle in what it likes: ``callerid="1\\nagi_extension: 9"``. Surrogates stand for raw bytes.
    """
    values = {
        "network": "yes",
        "network_script": script,
        "request": f"agi://127.0.0.1/{script}",
        "channel": "PJSIP/trunk-00000001",
        "language": "en",
        "type": "PJSIP",
        "uniqueid": "1790000000.42",
        "version": "22.10.1",
        "callerid": "79031234567",
        "calleridname": "Иван Петров",
        "callingpres": "0",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": "74951234567",
        "rdnis": "unknown",
        "context": "bridge-call",
        "extension": "s",
        "priority": "20",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "139876543210",
    } | headers
    values |= {f"arg_{number}": text for number, text in enumerate(arguments, 1)}
    lines = [f"agi_{name}: {value}\n" for name, value in values.items()]
    return ("".join(lines) + "\n").encode("utf-8", "surrogateescape")


def split_agi_arguments(line: str) -> list[str]:
    """A command line as res_agi's parse_args reads it: ``"`` groups, a backslash takes the next character as it is."""
    words: list[str] = []
    quoted = escaped = False
    fresh = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and fresh:
                words.append("")
                fresh = False
        elif char in " \t" and not quoted and not escaped:
            fresh = True
        elif char == "\\" and not escaped:
            escaped = True
        else:
            if fresh:
                words.append("")
                fresh = False
            words[-1] += char
            escaped = False
    return words


class AgiCaller:
    """The Asterisk end of one FastAGI connection. `buffer` is res_agi's command buffer: a longer line is cut, its rest read as the next."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, buffer: int = 2047) -> None:
        self.reader = reader
        self.writer = writer
        self.outcome = AgiOutcome()
        self._buffer = buffer

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> AgiCaller:
        reader, writer = await asyncio.open_connection(*address)
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read_command(self) -> list[str] | None:
        """The next command's words; None when the daemon closed."""
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return None
        if not line.endswith(b"\n"):
            return None
        words = split_agi_arguments(line[: self._buffer].decode().rstrip("\n"))
        self.outcome.commands.append(words)
        return words

    async def run(self, environment: bytes) -> AgiOutcome:
        """A whole AGI() call: the environment, then every command carried out until the daemon closes."""
        await self.send(environment)
        while (words := await self.read_command()) is not None:
            await self.send(self._carry_out(words))
        await self.close()
        return self.outcome

    def _carry_out(self, words: list[str]) -> bytes:
        match [words[0].upper(), *words[1:2]], words[2:]:
            case ["SET", "VARIABLE"], [name, value]:
                self.outcome.variables[name] = value
                return b"200 result=1\n"
            case ["GET", "VARIABLE"], [name]:
                if (found := self.outcome.variables.get(name)) is None:
                    return b"200 result=0\n"
                return f"200 result=1 ({found})\n".encode()
            case ["DATABASE", "PUT"], [family, key, value]:
                self.outcome.database[family, key] = value
                return b"200 result=1\n"
            case ["NOOP", *_], _:
                return b"200 result=0\n"
            case ["SET" | "DATABASE", *_], _:
                return b"520-Invalid command syntax.  Proper usage follows:\n Usage: ...\n520 End of proper usage.\n"
        return b"510 Invalid or unknown command\n"

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """End with RST, as a killed peer does."""
        reset_connection(self.writer)


async def agi_call(address: tuple[str, int], script: str = "inbound", *arguments: str, **headers: str) -> AgiOutcome:
    """One AGI() call from connect to close."""
    caller = await AgiCaller.connect(address)
    return await caller.run(agi_environment(script, *arguments, **headers))


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# --- AMI -------------------------------------------------------------------------------------------------------------

#: Lines of a message without the line ends; an action's handler gives one such list per message.
AmiLines = list[str]
AmiReply = Callable[[Mapping[str, str]], Sequence[AmiLines]]


def ami_bytes(lines: AmiLines) -> bytes:
    """A message as Asterisk writes it. Surrogates stand for raw bytes."""
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8", "surrogateescape")


class FakeAmi:
    """An AMI server. Set `replies` per action name (lower case), or the attributes below, before the client connects."""

    def __init__(self, username: str = "bridge", secret: str = "s3cret") -> None:  # noqa: S107 - a test's
        self.username = username
        self.secret = secret
        self.banner = b"Asterisk Call Manager/11.0.0\r\n"
        self.banner_delay = 0.0
        self.silent = False  #: half-open: takes everything, says nothing
        self.fully_booted = True
        self.startup = ("2026-11-22", "10:00:00")
        self.replies: dict[str, AmiReply] = {}
        self.actions: list[dict[str, str]] = []  #: every action received, header names in lower case
        self.connections = 0
        self.failed_logins = 0
        self.logged_in = asyncio.Event()
        self._challenge = "168413923"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    async def __aenter__(self) -> FakeAmi:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a `stop`, on the same port again."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self.drop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        self._server = None

    @property
    def port(self) -> int:
        return self._port

    def drop(self, reset: bool = False) -> None:
        """Cut every connection, by RST if asked."""
        self.logged_in.clear()
        for writer in self._writers:
            if reset:
                reset_connection(writer)
            else:
                writer.close()

    async def send_raw(self, data: bytes) -> None:
        """To every client that is connected."""
        for writer in list(self._writers):
            writer.write(data)
            await writer.drain()

    async def send_event(self, name: str, **headers: str) -> None:
        await self.send_raw(ami_bytes([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]))

    def named(self, action: str) -> list[dict[str, str]]:
        """The actions of that name received so far."""
        return [x for x in self.actions if x["action"].lower() == action.lower()]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.sleep(self.banner_delay)
            writer.write(self.banner)
            while (lines := await _read_action(reader)) is not None:
                action = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                self.actions.append(action)
                if not self.silent:
                    await self._answer(action, writer)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, action: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        name = action["action"].lower()
        reply = self.replies.get(name) or getattr(self, f"_on_{name}", None) or _unknown
        for lines in reply(action):
            writer.write(ami_bytes(_with_id(lines, action)))
        await writer.drain()
        if name == "login":
            if self._login_is_right(action):
                self.logged_in.set()
            else:
                self.failed_logins += 1
                writer.close()

    def _login_is_right(self, action: Mapping[str, str]) -> bool:
        if action.get("authtype", "").lower() == "md5":
            key = hashlib.md5((self._challenge + self.secret).encode(), usedforsecurity=False).hexdigest()
            right = action.get("key") == key
        else:
            right = action.get("secret") == self.secret
        return right and action.get("username") == self.username

    def _on_challenge(self, _: Mapping[str, str]) -> list[AmiLines]:
        return [["Response: Success", f"Challenge: {self._challenge}"]]

    def _on_login(self, action: Mapping[str, str]) -> list[AmiLines]:
        if not self._login_is_right(action):
            return [["Response: Error", "Message: Authentication failed"]]
        booted = ["Event: FullyBooted", "Privilege: system,all", "Uptime: 100", "Status: Fully Booted"]
        return [["Response: Success", "Message: Authentication accepted"], *([booted] if self.fully_booted else [])]

    def _on_ping(self, _: Mapping[str, str]) -> list[AmiLines]:
        return [["Response: Success", "Ping: Pong", "Timestamp: 1790000000.000001"]]

    def _on_corestatus(self, _: Mapping[str, str]) -> list[AmiLines]:
        day, time = self.startup
        return [["Response: Success", f"CoreStartupDate: {day}", f"CoreStartupTime: {time}", "CoreCurrentCalls: 0"]]


def ami_list(item: str, items: Sequence[AmiLines], complete: str) -> list[AmiLines]:
    """A list reply: start, one event per item, complete. The ActionID goes where Asterisk puts it, at an item's end."""
    return [
        ["Response: Success", "EventList: start", "Message: Items will follow"],
        *([f"Event: {item}", *lines] for lines in items),
        [f"Event: {complete}", "EventList: Complete", f"ListItems: {len(items)}"],
    ]


def _unknown(_: Mapping[str, str]) -> list[AmiLines]:
    return [["Response: Error", "Message: Invalid/unknown command"]]


def _with_id(lines: AmiLines, action: Mapping[str, str]) -> AmiLines:
    """The reply with the ActionID added, except to events of no list and where the lines bring their own."""
    if "actionid" not in action or any(re.match("ActionID:|Event: FullyBooted", line) for line in lines):
        return lines
    if lines[0].startswith("Response:"):
        return [lines[0], f"ActionID: {action['actionid']}", *lines[1:]]
    return [*lines, f"ActionID: {action['actionid']}"]


async def _read_action(reader: asyncio.StreamReader) -> AmiLines | None:
    """One action, read as Asterisk reads it: LF ends a line too, an empty line the action, a line over 1024 bytes is thrown away."""
    lines: AmiLines = []
    while raw := await reader.readline():
        line = raw.rstrip(b"\r\n").decode()
        if not line:
            if lines:
                return lines
        elif len(raw) <= 1024:
            lines.append(line)
    return None


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until `condition` holds. Raises TimeoutError if it does not for so long."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - anything may be waited for
            await asyncio.sleep(0.005)
