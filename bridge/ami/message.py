"""AMI's wire format without any I/O: bytes in, messages out; checks on what is to be sent.

Theory of operation. Asterisk ends a line of AMI with CR LF and a message with an empty line; text is UTF-8, or what somebody sent. Some
values are written C-escaped (names of callers, channel variables), others raw, among them the caller's number, and SIP lets a caller put
CR LF into it. So a caller can add headers to an event, end it early, and begin one of his own. What can be told from the bytes alone is
told here: a header that came twice, where Asterisk writes it once, gives the message away, and it is dropped. What cannot be told is why
AMI is only ever a hint to the books.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_LINE_BYTES = 1000  #: Asterisk throws away a line of more than 1024
MAX_HEADERS = 120  #: and takes 128 headers
_REPEATABLE = ("variable", "output")  # ChanVariable, DestChanVariable, ..., Variable of Status; Output of Command
_ESCAPED = ("calleridname", "connectedlinename", "chanvariable")
_SUCCESS = ("success", "goodbye", "follows")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,79}", re.ASCII)
_ESCAPE = re.compile(rb"\\([abfnrtv\\'\"?])")
_PLAIN = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class AmiError(Exception):
    """Anything that went wrong with AMI."""


class AmiWireError(AmiError):
    """What came is not AMI, or not what Asterisk wrote."""


class Headers(Mapping[str, str]):
    """Header values by name, whatever the case of the name. A repeated header's first value; `every` gives all."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header that may be repeated."""
        return tuple(self._values.get(name.lower(), ()))

    def variables(self, name: str = "ChanVariable") -> dict[str, str]:
        """The channel variables carried in ``ChanVariable: NAME=value`` headers (``Variable`` in the answers to Status).

        Status writes ``(null)`` for a variable that is not set: such are left out.
        """
        pairs = (text.partition("=") for text in self.every(name))
        return {key: value for key, _, value in pairs if value != "(null)"}


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """One event, or one item of a list. Values are data of the wire. `received` is Asterisk's own time where it sends one, else ours."""

    name: str
    headers: Headers
    received: datetime


@dataclass(frozen=True, slots=True)
class AmiResponse:
    """The answer to an action."""

    success: bool
    message: str
    headers: Headers


class Framer:
    """Cuts a byte stream into messages, holding back no more than one unfinished message of `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """Messages that are complete now, without their ends. Raises AmiWireError for a giant one."""
        buffer = self._buffer
        buffer += data
        messages = []
        start = 0
        scan = self._scanned
        while (end := buffer.find(b"\r\n\r\n", scan)) >= 0 or (buffer.find(b"\r\n\n", scan)) >= 0:
            # some releases end the answer to CoreShowChannelMap with CR LF LF
            odd = buffer.find(b"\r\n\n", scan, end + 4 if end >= 0 else len(buffer))
            end, width = (odd, 3) if odd >= 0 else (end, 4)
            self._check_size(end - start)
            if message := bytes(buffer[start:end]).lstrip(b"\r\n"):
                messages.append(message)
            start = scan = end + width
        del buffer[:start]
        self._check_size(len(buffer) - 3)
        self._scanned = max(0, len(buffer) - 3)
        return messages

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise AmiWireError(f"a message of more than {self._max_bytes} bytes")


def parse_message(raw: bytes) -> Headers:
    """The headers of one message. Raises AmiWireError for what Asterisk does not write.

    Lines without a colon are skipped: Asterisk's own lists have such.
    """
    lines = raw.split(b"\r\n")
    kind = lines[0].partition(b":")[0].lower()
    if kind not in (b"event", b"response"):
        raise AmiWireError(f"a message that begins with {lines[0][:60]!r}")
    is_varset = lines[0][6:].strip() == b"VarSet"
    pairs = []
    seen = set()
    for line in lines:
        key, colon, value = line.partition(b":")
        if not colon:
            continue
        name = key.decode("utf-8", "backslashreplace")
        low = name.lower()
        if low in seen and not low.endswith(_REPEATABLE):
            raise AmiWireError(f"header {name[:60]!r} came twice")
        seen.add(low)
        value = value.removeprefix(b" ")
        if b"\\" in value and (low.endswith(_ESCAPED) or (is_varset and low == "value")):
            value = unescape(value)
        pairs.append((name, value.decode("utf-8", "backslashreplace")))
    return Headers(pairs)


def unescape(value: bytes) -> bytes:
    """Asterisk's C-escapes undone. An escape that it does not write stays as it is."""
    return _ESCAPE.sub(lambda found: _PLAIN.get(found[1], found[1]), value)


def to_event(headers: Headers, arrived: datetime) -> AmiEvent:
    """The event in `headers`, which must hold one."""
    return AmiEvent(headers["event"], headers, _timestamp(headers.get("timestamp", "")) or arrived)


def to_response(headers: Headers) -> AmiResponse:
    success = headers.get("response", "").lower() in _SUCCESS
    return AmiResponse(success, headers.get("message", ""), headers)


def _timestamp(text: str) -> datetime | None:
    """``timestampevents=yes`` writes seconds.microseconds since the epoch."""
    if re.fullmatch(r"\d{9,11}\.\d{1,6}", text, re.ASCII) is None:
        return None
    return datetime.fromtimestamp(float(text), UTC)


def check_action(headers: Mapping[str, object]) -> None:
    """Raises ValueError, naming the header, for an action that Asterisk would read as something else, or not at all."""
    lines = 0
    for name, value in headers.items():
        if _HEADER_NAME.fullmatch(name) is None:
            raise ValueError(f"not a header name: {name!r}")
        for item in value if isinstance(value, list | tuple) else [value]:
            text = str(item)
            if any(mark in text for mark in "\r\n\0"):
                raise ValueError(f"a line break or NUL in AMI header {name}")
            if len(f"{name}: {text}".encode()) > MAX_LINE_BYTES:
                raise ValueError(f"AMI header {name} is longer than {MAX_LINE_BYTES} bytes")
            lines += 1
    if lines > MAX_HEADERS:
        raise ValueError(f"an AMI action of more than {MAX_HEADERS} headers")
