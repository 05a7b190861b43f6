"""SIP by hand, for what no well-behaved caller or phone does: whole messages over UDP, one at a time."""

from __future__ import annotations

import itertools
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping

_numbers = itertools.count(1)

SDP = """v=0
o=x 1 {version} IN IP4 {address}
s=-
c=IN IP4 {address}
t=0 0
m=audio {port} RTP/AVP {payload} 101
a=rtpmap:{payload} {codec}/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a={way}
"""
FAX = """v=0
o=x 1 3 IN IP4 {address}
s=-
c=IN IP4 {address}
t=0 0
m=image {port} udptl t38
a=T38FaxVersion:0
"""


def header(message: bytes, name: str) -> str:
    found = re.search(rb"(?im)^" + name.encode() + rb"[ \t]*:[ \t]*([^\r\n]*)", message)
    return found[1].decode("utf-8", "replace") if found else ""


def status_of(message: bytes) -> int | None:
    found = re.match(rb"SIP/2.0 (\d{3})", message)
    return int(found[1]) if found else None


class RawCaller:
    """A caller on the trunk's address. `to` and `user` go on the wire as they are."""

    def __init__(self, sip_port: int, to: str, user: str = "+79990000000", *, call_id: str = "") -> None:
        self.server = ("127.0.0.1", sip_port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.audio.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.uri = f"sip:{to}@127.0.0.1:{sip_port}"
        self.target = self.uri
        self.call_id = call_id or secrets.token_hex(8)
        self.from_ = f"<sip:{user}@127.0.0.1:{self.port}>;tag=w{next(_numbers)}"
        self.to = f"<{self.uri}>"
        self.seq = 0
        self.branch = ""
        self.invited_at = 0.0
        self.media: tuple[str, int] | None = None
        self.messages: list[bytes] = []

    def close(self) -> None:
        """Hang up, whatever became of the call, and be gone."""
        if ";tag=" in self.to:
            self.send("BYE")
        elif self.seq:
            self.cancel()
        self.sock.close()
        self.audio.close()

    def message(self, method: str, *, headers: Mapping[str, str] | None = None, body: str = "", seq: int = 0) -> bytes:
        body = body.replace("\n", "\r\n")
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={self.branch};rport",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {seq or self.seq} {method}",
            f"Contact: <sip:x@127.0.0.1:{self.port}>",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        return "\r\n".join(lines).encode()

    def sdp(self, *, way: str = "sendrecv", payload: int = 8, codec: str = "PCMA", version: int = 1) -> str:
        port = self.audio.getsockname()[1]
        return SDP.format(address="127.0.0.1", port=port, way=way, payload=payload, codec=codec, version=version)

    def fax(self) -> str:
        return FAX.format(address="127.0.0.1", port=self.audio.getsockname()[1])

    def send(self, method: str, **how: object) -> bytes:
        """A new request of the dialog, or the first one."""
        self.seq += 1
        self.branch = f"z9hG4bK{secrets.token_hex(6)}"
        data = self.message(method, **how)  # type: ignore[arg-type]
        self.sock.sendto(data, self.server)
        return data

    def invite(self, **headers: str) -> bytes:
        self.invited_at = time.time()
        return self.send("INVITE", headers=headers, body=self.sdp())

    def receive(self, wanted: Callable[[bytes], bool], timeout: float = 8.0) -> bytes:
        """The next message that is `wanted`; 200 to the PBX's own BYE goes out by itself. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65535)
            except TimeoutError:
                break
            self.messages.append(data)
            media = re.search(rb"(?m)^m=audio (\d+) ", data)
            if media:
                self.media = ("127.0.0.1", int(media[1]))
            if status_of(data) is None:
                self._ok(data)
            if wanted(data):
                return data
        raise TimeoutError(f"nothing wanted among {[x.partition(bytes((13,)))[0] for x in self.messages]}")

    def final(self, method: str = "INVITE", timeout: float = 8.0) -> int:
        """The final answer to the last request, acknowledged if it was an INVITE."""
        seq = f"{self.seq} {method}"
        answer = self.receive(
            lambda x: (status_of(x) or 0) >= 200 and " ".join(header(x, "CSeq").split()) == seq, timeout
        )
        code = status_of(answer) or 0
        if method == "INVITE":
            self.to = header(answer, "To")
            if code < 300:
                contact = re.search(r"<(sip:[^>]+)>", header(answer, "Contact"))
                self.target = contact[1] if contact else self.target
                self.branch = f"z9hG4bK{secrets.token_hex(6)}"
            self.sock.sendto(self.message("ACK"), self.server)
        return code

    def cancel(self) -> None:
        self.sock.sendto(self.message("CANCEL"), self.server)

    def bye(self) -> int:
        self.send("BYE")
        return self.final("BYE")

    def rtp(
        self, count: int, *, payload: int = 8, ssrc: int = 1, body: bytes = b"\xd5" * 160, address: str = ""
    ) -> None:
        """So many packets at once, from `address` if given."""
        assert self.media is not None
        out = self.audio
        if address:
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            out.bind((address, 0))
        for n in range(count):
            out.sendto(struct.pack("!BBHII", 0x80, payload, n, n * 160, ssrc) + body, self.media)
        if address:
            out.close()

    def _ok(self, request: bytes) -> None:
        lines = ["SIP/2.0 200 OK"]
        lines += [f"{name}: {header(request, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.sock.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(), self.server)


class RawPhone:
    """A phone that answers every INVITE with what it is told to. `invites` are those it got."""

    def __init__(self, address: str, port: int, *replies: str, headers: str = "") -> None:
        self.invites: list[bytes] = []
        self._replies = replies
        self._headers = headers
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((address, port))
        self._sock.settimeout(0.05)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def place(self) -> str:
        address, port = self._sock.getsockname()
        return f"{address}:{port}"

    def __enter__(self) -> RawPhone:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sock.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                data, peer = self._sock.recvfrom(65535)
            except TimeoutError:
                continue
            if data.startswith(b"INVITE"):
                if data not in self.invites:
                    self.invites.append(data)
                for reply in self._replies:
                    self._sock.sendto(self._answer(data, reply, self._headers), peer)
            elif data.startswith((b"CANCEL", b"BYE", b"OPTIONS")):
                self._sock.sendto(self._answer(data, "200 OK", ""), peer)
                if data.startswith(b"CANCEL"):
                    invite = self.invites[-1]
                    self._sock.sendto(self._answer(invite, "487 Request Terminated", ""), peer)

    def _answer(self, request: bytes, status: str, headers: str) -> bytes:
        lines = [f"SIP/2.0 {status}"]
        lines += [f"Via: {header(request, 'Via')}", f"From: {header(request, 'From')}"]
        lines += [f"To: {header(request, 'To')}" + ("" if ";tag=" in header(request, "To") else ";tag=raw")]
        lines += [f"{name}: {header(request, name)}" for name in ("Call-ID", "CSeq")]
        lines += [f"Contact: <sip:phone@{self.place}>"] if "Contact:" not in headers else []
        lines += filter(None, headers.split("\n"))
        return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()
