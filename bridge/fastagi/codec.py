"""FastAGI's wire format without any I/O: bytes in, values out.

Theory of operation. A FastAGI connection has two phases, both spoken in lines ended by LF and nothing else (a value may hold CR,
U+0085, U+2028 and the like, so no text-level line splitting is used anywhere):

1. Asterisk sends the environment, one ``agi_name: value`` per line, and an empty line. `EnvParser` takes it.
2. The daemon sends one command line (`encode_command`), Asterisk one reply (`ReplyParser`), and so on until a side closes.

Asterisk writes values of the environment unescaped, so LF in a caller's data would forge lines. The dialplan filters them out first; should
that ever fail, it shows here: a repeated key raises (nobody can tell which of the two is real), and a line that is no header is reported in
`AgiRequest.anomalies`. Whatever is fed in, the parsers hold at most `AgiLimits` bytes and raise nothing but `AgiProtocolError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from bridge.core.call_id import is_call_id

#: Asterisk 16 and 18 cut a command at 2047 bytes and read the rest as the next command; this stays well below.
MAX_COMMAND_BYTES = 1500

_HEADER = re.compile(rb"(agi_[a-z0-9_]{1,60}): (.*)", re.DOTALL)
_VERB = re.compile(r"[A-Z]+( [A-Z]+)*", re.ASCII)
_REPLY = re.compile(r"(\d{3})(?:([ -])(.*))?", re.ASCII | re.DOTALL)
_RESULT = re.compile(r"result=(\S*)", re.ASCII)


class AgiError(Exception):
    """Anything that went wrong in an AGI session."""


class AgiProtocolError(AgiError):
    """The peer does not speak FastAGI as Asterisk does."""


class AgiCommandError(AgiError):
    """Asterisk refused a command or could not carry it out."""


class AgiHangup(AgiError):  # noqa: N818 - an end, not an error
    """The caller is gone: nothing more can be done on this channel."""


@dataclass(frozen=True, slots=True)
class AgiLimits:
    """Bounds on one connection. Sizes in bytes, times in seconds."""

    env_bytes: int = 65_536
    env_lines: int = 150
    line_bytes: int = 16_384
    usage_lines: int = 200  #: of a multi-line 520 reply
    env_deadline: float = 1.0  #: from the connect to the end of the environment
    deadline: float = 2.5  #: the whole session; must stay below the dialplan's 3 s
    connections: int = 200


@dataclass(frozen=True, slots=True)
class AgiRequest:
    """What Asterisk said about the channel. Values are as they came: data of the caller, to be cleaned by whoever uses them."""

    script: str  #: path of the agi:// address, without query
    query: str  #: what followed ``?``
    headers: Mapping[str, str]  #: every ``agi_*`` line
    arguments: tuple[str, ...]  #: ``agi_arg_1`` and on
    anomalies: tuple[str, ...] = ()  #: lines that were no headers: a sign of LF in somebody's data

    def get(self, name: str) -> str:
        """Value of ``agi_<name>``, or an empty string."""
        return self.headers.get(f"agi_{name}", "")

    @property
    def call_id(self) -> str | None:
        """The call id, if the dialplan passed one as an argument."""
        return next((text for text in self.arguments if is_call_id(text)), None)

    @property
    def uniqueid(self) -> str:
        return self.get("uniqueid")

    @property
    def channel(self) -> str:
        return self.get("channel")

    @property
    def extension(self) -> str:
        return self.get("extension")

    @property
    def caller(self) -> str | None:
        """The caller's number as sent; None if withheld."""
        return _known(self.get("callerid"))

    @property
    def caller_name(self) -> str | None:
        return _known(self.get("calleridname"))


def _known(text: str) -> str | None:
    return None if text in ("", "unknown") else text


@dataclass(frozen=True, slots=True)
class AgiReply:
    """One reply. `result` and `value` come from ``200 result=<result> (<value>)``; `text` is what followed the code otherwise."""

    code: int
    result: str = ""
    value: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


#: What `ReplyParser` yields: a reply, or the news that the caller hung up (which may come at any time, also before a reply).
ReplyItem: TypeAlias = AgiReply | Literal["HANGUP"]


class _Lines:
    """Cuts a byte stream at LF, holding back no more than one unfinished line of at most `line_bytes`."""

    def __init__(self, line_bytes: int) -> None:
        self._rest = bytearray()
        self._line_bytes = line_bytes

    def feed(self, data: bytes) -> None:
        self._rest += data

    def next(self) -> bytes | None:
        """The next complete line without its LF; None if there is none yet. Raises AgiProtocolError for a giant line."""
        end = self._rest.find(b"\n", 0, self._line_bytes + 1)
        if end < 0:
            if len(self._rest) > self._line_bytes:
                raise AgiProtocolError(f"a line of more than {self._line_bytes} bytes")
            return None
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line

    @property
    def pending(self) -> int:
        return len(self._rest)

    def take_rest(self) -> bytes:
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


class EnvParser:
    """Takes the environment in pieces of any size."""

    def __init__(self, limits: AgiLimits | None = None) -> None:
        self._limits = limits or AgiLimits()
        self._lines = _Lines(self._limits.line_bytes)
        self._headers: dict[str, str] = {}
        self._anomalies: list[str] = []
        self._seen_lines = 0
        self._seen_bytes = 0  #: in complete lines

    @property
    def touched(self) -> bool:
        """Whether anything has come at all (a port scan sends nothing)."""
        return self._seen_bytes + self._lines.pending > 0

    def feed(self, data: bytes) -> AgiRequest | None:
        """The request once the environment is complete, else None. Raises AgiProtocolError."""
        self._lines.feed(data)
        while (line := self._lines.next()) is not None:
            self._seen_bytes += len(line) + 1
            self._check_size(0)
            if line == b"":
                return self._request()
            self._take(line)
        self._check_size(self._lines.pending)
        return None

    def take_rest(self) -> bytes:
        """Bytes that came after the environment: Asterisk sends none before it has been given a command."""
        return self._lines.take_rest()

    def _check_size(self, pending: int) -> None:
        if self._seen_bytes + pending > self._limits.env_bytes:
            raise AgiProtocolError(f"an environment of more than {self._limits.env_bytes} bytes")

    def _take(self, line: bytes) -> None:
        self._seen_lines += 1
        if self._seen_lines == 1 and line != b"agi_network: yes":
            raise AgiProtocolError("this is not Asterisk: the first line is not agi_network: yes")
        if self._seen_lines > self._limits.env_lines:
            raise AgiProtocolError(f"an environment of more than {self._limits.env_lines} lines")
        found = _HEADER.fullmatch(line)
        if found is None:
            self._anomalies.append(_text(line[:200]))
            return
        key = found[1].decode("ascii")
        if key in self._headers:
            raise AgiProtocolError(f"{key} came twice: somebody's data holds a line break")
        self._headers[key] = _text(found[2])

    def _request(self) -> AgiRequest:
        script, _, query = self._headers.get("agi_network_script", "").partition("?")
        arguments: list[str] = []
        while (text := self._headers.get(f"agi_arg_{len(arguments) + 1}")) is not None:
            arguments.append(text)
        return AgiRequest(
            script=script.strip("/"),
            query=query,
            headers=MappingProxyType(self._headers),
            arguments=tuple(arguments),
            anomalies=tuple(self._anomalies),
        )


class ReplyParser:
    """Takes replies in pieces of any size."""

    def __init__(self, limits: AgiLimits | None = None) -> None:
        self._limits = limits or AgiLimits()
        self._lines = _Lines(self._limits.line_bytes)
        self._usage: list[str] | None = None

    def feed(self, data: bytes) -> list[ReplyItem]:
        """Everything that is complete now, in order. Raises AgiProtocolError."""
        self._lines.feed(data)
        items: list[ReplyItem] = []
        while (line := self._lines.next()) is not None:
            item = self._take(_text(line))
            if item is not None:
                items.append(item)
        return items

    def _take(self, line: str) -> ReplyItem | None:
        if line == "HANGUP":
            return "HANGUP"
        if self._usage is not None:
            return self._take_usage(line, self._usage)
        found = _REPLY.fullmatch(line)
        if found is None:
            raise AgiProtocolError(f"not a reply: {line[:80]!r}")
        code, mark, text = int(found[1]), found[2], found[3] or ""
        if code == 100:
            return None
        if code == 520 and mark == "-":
            self._usage = [text]
            return None
        if code == 200:
            return _ok(text)
        return AgiReply(code, text=text)

    def _take_usage(self, line: str, usage: list[str]) -> AgiReply | None:
        if line.startswith("520 "):
            self._usage = None
            return AgiReply(520, text="\n".join(usage))
        if len(usage) >= self._limits.usage_lines:
            raise AgiProtocolError("a 520 reply without an end")
        usage.append(line)
        return None


def _ok(text: str) -> AgiReply:
    found = _RESULT.match(text)
    rest = text[found.end() :] if found else ""
    value = None
    if rest.startswith(" ("):  # the value may hold ")" itself: the last one ends it
        value, closed, rest = rest[2:].rpartition(")")
        if not closed:
            raise AgiProtocolError(f"a value without an end: {text[:80]!r}")
    pairs = [item.partition("=") for item in rest.split(" ") if item]
    if found is None or not all(mark for _, mark, _ in pairs):
        raise AgiProtocolError(f"not a result: {text[:80]!r}")
    return AgiReply(200, found[1], value, {name: data for name, _, data in pairs}, text)


def _text(raw: bytes) -> str:
    """UTF-8; a byte that is not survives as ``\\xNN``, so a Latin-1 name costs nobody his call."""
    return raw.decode("utf-8", "backslashreplace")


def encode_command(verb: str, *arguments: str) -> bytes:
    """One command line, every argument quoted. Raises ValueError for what Asterisk would read as something else."""
    if _VERB.fullmatch(verb) is None:
        raise ValueError(f"not an AGI command: {verb!r}")
    line = " ".join([verb, *map(_quote, arguments)]).encode() + b"\n"
    if len(line) > MAX_COMMAND_BYTES:
        raise ValueError(f"an AGI command of {len(line)} bytes, {MAX_COMMAND_BYTES} is the most Asterisk takes safely")
    return line


def _quote(text: str) -> str:
    if any(mark in text for mark in "\r\n\0"):
        raise ValueError(f"a line break or NUL in an AGI argument: {text[:80]!r}")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
