"""What SIPp saw: its message trace (``-trace_msg``), read while it grows. The messages are kept as bytes, as they were on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_HEAD = re.compile(
    rb"-{40,} (?P<day>\d{4}-\d\d-\d\d)[T \t]+(?P<time>\d\d:\d\d:\d\d\.\d{3,6})(?P<zone>Z?)[^\n]*\n"  # Z: SIPp >= 3.7
    rb"(?P<what>[^\n]*?(?P<way>sent|received)[^\n]*?[\[(](?P<size>\d+)(?:[\])] ?bytes| bytes\))[^\n]*)\n\n?"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message; `at` is wall clock in epoch seconds."""

    at: float
    sent: bool
    data: bytes

    @property
    def first_line(self) -> str:
        return self.data.partition(b"\r\n")[0].decode("utf-8", "replace")

    @property
    def method(self) -> str | None:
        """Of a request; None for a response."""
        word = self.first_line.partition(" ")[0]
        return None if word == "SIP/2.0" else word

    @property
    def code(self) -> int | None:
        """Of a response; None for a request."""
        words = self.first_line.split(" ", 2)
        return int(words[1]) if words[0] == "SIP/2.0" and len(words) > 1 and words[1].isdigit() else None

    def header(self, name: str) -> bytes:
        """The raw value of the first header of that name, or nothing."""
        head = self.data.partition(b"\r\n\r\n")[0]
        found = re.search(rb"(?im)^" + re.escape(name.encode()) + rb"[ \t]*:[ \t]*([^\r\n]*)", head)
        return found[1] if found else b""

    @property
    def call_id(self) -> bytes:
        return self.header("Call-ID")

    @property
    def cseq(self) -> str:
        """E.g. ``1 INVITE``."""
        return " ".join(self.header("CSeq").decode("ascii", "replace").split())

    def audio_address(self) -> tuple[str, int] | None:
        """Where the sender of this message wants audio, from its SDP."""
        body = self.data.partition(b"\r\n\r\n")[2]
        host = re.search(rb"(?m)^c=IN IP4 ([\d.]+)", body)
        port = re.search(rb"(?m)^m=audio (\d+) ", body)
        return (host[1].decode(), int(port[1])) if host and port and int(port[1]) else None


class TraceReader:
    """Gives each message once, as soon as it stands whole in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = b""

    def new_messages(self) -> list[Message]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                piece = file.read()
        except FileNotFoundError:
            return []
        self._read += len(piece)
        self._rest += piece
        messages = []
        while (head := _HEAD.search(self._rest)) is not None:
            end = head.end() + int(head["size"])
            if len(self._rest) < end:
                break
            at = datetime.fromisoformat(f"{head['day'].decode()} {head['time'].decode().ljust(15, '0')}")
            at = at.replace(tzinfo=UTC) if head["zone"] else at.astimezone()
            messages.append(Message(at.timestamp(), head["way"] == b"sent", self._rest[head.end() : end]))
            self._rest = self._rest[end:]
        return messages
