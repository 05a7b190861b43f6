"""Mono files as Asterisk leaves them, and the ears to check what became of them."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bridge.core.model import Attribution, AttributionKind, Call, Outcome, Recording, RecordingStatus

CALL_ID = "20261122-093000-17-123456"
CALLER_HZ, COMPANY_HZ = 440, 1000


def tone(hertz: float, seconds: float, rate: int = 8000, level: float = 0.3) -> np.ndarray:
    moments = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * math.pi * hertz * moments) * level * 32767).astype("<i2")


def header(
    audio_bytes: int, rate: int = 8000, *, declared: int | None = None, channels: int = 1, bits: int = 16
) -> bytes:
    sized = audio_bytes if declared is None else declared
    riff = sized + 36 if declared is None else declared
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, bits)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", sized)


def write_mono(path: Path, samples: np.ndarray, rate: int = 8000, *, declared: int | None = None) -> Path:
    data = samples.astype("<i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header(len(data), rate, declared=declared) + data)
    return path


def purity(samples: np.ndarray, hertz: float, rate: int) -> float:
    """The share of the energy that is at `hertz`, by Goertzel over whole periods: 1.0 for a pure tone."""
    period = rate // math.gcd(round(hertz), rate)
    samples = np.asarray(samples, dtype=float)[: len(samples) // period * period]
    energy = float(np.dot(samples, samples))
    if energy == 0.0:
        return 0.0
    step = 2 * math.cos(2 * math.pi * hertz / rate)
    older = newer = 0.0
    for sample in samples.tolist():
        older, newer = newer, sample + step * newer - older
    power = newer * newer + older * older - step * newer * older
    return 2 * power / (len(samples) * energy)


def a_call(status: RecordingStatus = RecordingStatus.PENDING, talk: float = 3.0, call_id: str = CALL_ID) -> Call:
    began = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    answered = began + timedelta(seconds=5) if talk else None
    return Call(
        id=call_id,
        number="+74951234567",
        caller="+79161234567",
        caller_name='Иван "Петров"\r\n',
        started_at=began,
        attribution=Attribution(AttributionKind.STATIC, "billboard-m4", "the number belongs to one source"),
        line="sales",
        answered_at=answered,
        ended_at=began + timedelta(seconds=5 + talk),
        outcome=Outcome.ANSWERED if talk else Outcome.UNANSWERED,
        recording=Recording(status),
    )
