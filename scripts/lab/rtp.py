"""One side's audio: sends a tone as G.711 a-law (or 16 kHz linear) every 20 ms and keeps what it hears, by the address it comes from."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lab.tones import RATE, Samples, decode_alaw, decode_linear, decode_ulaw, encode_alaw, encode_linear, tone

FRAME = 160  #: samples in 20 ms
PTIME = FRAME / RATE
ALAW_TYPE, ULAW_TYPE, EVENT_TYPE, WIDE_TYPE = 8, 0, 101, 118
WIDE_RATE = 2 * RATE  #: samples a second of L16, the linear 16-bit audio that needs no codec (RFC 3551)
_DECODERS = {ALAW_TYPE: decode_alaw, ULAW_TYPE: decode_ulaw, WIDE_TYPE: lambda data: decode_linear(data)[::2]}
_EVENTS = "0123456789*#ABCD"
_SO_TIMESTAMPNS = 35  # Linux; the socket module does not name it


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet: when it came (epoch seconds, to compare with SIPp's trace), its sequence number, type and payload."""

    at: float
    sequence: int
    kind: int
    payload: bytes


@dataclass
class Stream:
    """What goes to and comes from one far address (IP and port)."""

    sending: bool = False
    began_at: float = 0.0  #: monotonic, when sending began
    heard: list[Heard] = field(default_factory=list)
    _sequence: int = 0
    _timestamp: int = 0
    _position: int = 0
    _ssrc: int = 0
    _digits: list[tuple[float, str]] = field(default_factory=list)
    _digit: tuple[int, int] | None = None  #: event code and frames of it sent

    def audio(self) -> Samples:
        """All that was heard, on the clock of its arrival: a pause in the stream is silence. 8000 samples a second; begins with the first packet."""
        packets = [x for x in self.heard if x.kind in _DECODERS]
        if not packets:
            return np.zeros(0)
        start = packets[0].at
        out = np.zeros(round((packets[-1].at - start) * RATE) + 4 * FRAME)
        place = 0
        for packet in packets:
            samples = _DECODERS[packet.kind](packet.payload)
            due = round((packet.at - start) * RATE)
            if due - place > 5 * FRAME:  # less is jitter, more a pause
                place = due
            if place + len(samples) > len(out):
                out = np.concatenate([out, np.zeros(place + len(samples) - len(out))])
            out[place : place + len(samples)] = samples
            place += len(samples)
        return out[:place]

    def first_at(self) -> float | None:
        """When the first audio came (epoch seconds)."""
        return next((x.at for x in self.heard if x.kind in _DECODERS), None)

    def digits(self) -> str:
        """The DTMF heard as RFC 4733 events."""
        found, last = "", -1
        for packet in self.heard:
            if packet.kind == EVENT_TYPE and len(packet.payload) >= 4:
                code, flags = packet.payload[0], packet.payload[1]
                if flags & 0x80 and packet.sequence - last > 3 and code < len(_EVENTS):
                    found, last = found + _EVENTS[code], packet.sequence
        return found


class RtpPoint:
    """A socket with one tone for all its streams. Not a thread: its owner calls tick() every few milliseconds.

    `wide`: sends linear audio of 16 kHz in place of a-law.
    """

    def __init__(self, address: str, frequency: float | None, level: float = 0.3, *, wide: bool = False) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.bind((address, 0))
        self.socket.setblocking(False)
        self.port = int(self.socket.getsockname()[1])
        self.streams: dict[tuple[str, int], Stream] = {}
        self._kind, self._step = (WIDE_TYPE, 2 * FRAME) if wide else (ALAW_TYPE, FRAME)
        self._level = level
        self._due = 0.0
        self.retune(frequency)

    def retune(self, frequency: float | None) -> None:
        """Send another tone from the next frame on; None is silence."""
        self._frames = _frames(frequency, self._level, wide=self._kind == WIDE_TYPE)

    def stream(self, far: tuple[str, int]) -> Stream:
        if far not in self.streams:
            rng = random.SystemRandom()
            self.streams[far] = Stream(
                _sequence=rng.randrange(30000), _timestamp=rng.randrange(2**31), _ssrc=rng.randrange(2**32)
            )
        return self.streams[far]

    def send_to(self, far: tuple[str, int], digits: Sequence[tuple[float, str]] = ()) -> None:
        """Begin to send; `digits` are DTMF keys with seconds from now. A second call for a stream that sends changes nothing."""
        stream = self.stream(far)
        if not stream.sending:
            stream.sending, stream.began_at = True, time.monotonic()
            stream._digits = sorted(digits)

    def silence(self, far: tuple[str, int]) -> None:
        """Stop sending."""
        self.stream(far).sending = False

    def tick(self) -> None:
        self._hear()
        now = time.monotonic()
        if now - self._due > 1.0:
            self._due = now  # began just now, or the machine slept
        while self._due <= now:
            for far, stream in self.streams.items():
                if stream.sending:
                    self._send(far, stream, now)
            self._due += PTIME

    def close(self) -> None:
        self.socket.close()

    def _hear(self) -> None:
        while True:
            try:
                data, extra, _, far = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier packet
            if len(data) > 12 and data[0] >> 6 == 2:
                sequence = struct.unpack_from("!H", data, 2)[0]
                self.stream(far).heard.append(Heard(_arrival(extra), sequence, data[1] & 0x7F, data[12:]))

    def _send(self, far: tuple[str, int], stream: Stream, now: float) -> None:
        kind, payload, timestamp, marker = (
            self._kind,
            self._frames[stream._position % len(self._frames)],
            stream._timestamp,
            0,
        )
        if stream._digit is None and stream._digits and now - stream.began_at >= stream._digits[0][0]:
            stream._digit = (_EVENTS.index(stream._digits.pop(0)[1]), 0)
        if stream._digit is not None:
            code, sent = stream._digit
            ended = sent >= 6  # 120 ms, and the end three times
            marker = 0x80 if sent == 0 else 0
            kind, payload = (
                EVENT_TYPE,
                struct.pack("!BBH", code, (0x80 if ended else 0) | 10, min(sent + 1, 6) * self._step),
            )
            timestamp = stream._timestamp - sent * self._step
            stream._digit = None if sent == 8 else (code, sent + 1)
        header = struct.pack(
            "!BBHII", 0x80, marker | kind, stream._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, stream._ssrc
        )
        stream._sequence, stream._timestamp, stream._position = (
            stream._sequence + 1,
            stream._timestamp + self._step,
            stream._position + 1,
        )
        with contextlib.suppress(OSError):  # nobody listens any more; the signalling will say so
            self.socket.sendto(header + payload, far)


def _frames(frequency: float | None, level: float, *, wide: bool) -> list[bytes]:
    """One second of frames; a whole number of hertz makes it seamless."""
    rate, encode, size = (WIDE_RATE, encode_linear, 4 * FRAME) if wide else (RATE, encode_alaw, FRAME)
    data = encode(np.zeros(rate) if frequency is None else tone(frequency, 1.0, rate, level))
    return [data[i : i + size] for i in range(0, len(data), size)]


def _arrival(extra: list[tuple[int, int, bytes]]) -> float:
    """When the kernel took the packet (epoch seconds), however late this process got to it."""
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("@qq", data)
            return float(seconds + nanoseconds / 1e9)
    return time.time()
