"""Tones and how pure they are: a-law and mu-law codecs on tables, tone making, Goertzel. Samples are float64 in [-1, 1]."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float64]
RATE = 8000  #: samples a second of G.711


def _alaw_table() -> NDArray[np.int16]:
    """What each of the 256 a-law codes means as 16-bit PCM (G.711, even bits inverted)."""
    code = np.arange(256) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = (code & 15) * 2 + 1
    size = np.where(exponent == 0, mantissa << 3, (mantissa + 32) << (exponent + 2))
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _ulaw_table() -> NDArray[np.int16]:
    """What each of the 256 mu-law codes means as 16-bit PCM (G.711, all bits inverted)."""
    code = np.arange(256) ^ 0xFF
    size = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


ALAW = _alaw_table()
ULAW = _ulaw_table()
_ALAW_ORDER = np.argsort(ALAW, kind="stable")
_ALAW_SORTED = ALAW[_ALAW_ORDER].astype(np.int32)


def decode_alaw(data: bytes) -> Samples:
    return ALAW[np.frombuffer(data, np.uint8)] / 32768.0


def decode_ulaw(data: bytes) -> Samples:
    return ULAW[np.frombuffer(data, np.uint8)] / 32768.0


def encode_alaw(samples: Samples) -> bytes:
    """The nearest a-law code of each sample."""
    pcm = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int32)
    right = np.clip(np.searchsorted(_ALAW_SORTED, pcm), 1, 255)
    nearest = right - (pcm - _ALAW_SORTED[right - 1] < _ALAW_SORTED[right] - pcm)
    return bytes(_ALAW_ORDER[nearest].astype(np.uint8))


def decode_linear(data: bytes) -> Samples:
    """L16 as it is on the wire: 16 bits, the high byte first."""
    return np.frombuffer(data, ">i2") / 32768.0


def encode_linear(samples: Samples) -> bytes:
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(">i2").tobytes()


def tone(frequency: float, seconds: float, rate: int = RATE, level: float = 0.3) -> Samples:
    """A sine of `level` (1.0 = full scale), its phase starting at 0."""
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def purity(samples: Samples, rate: int, frequency: float) -> float:
    """The share of the power at `frequency`: 1.0 for that tone alone, 0.5 in an even mix, near 0 if absent or silent."""
    power = float(np.dot(samples, samples))
    if len(samples) == 0 or power / len(samples) < 1e-7:  # below -70 dBFS: silence has no tone
        return 0.0
    turn = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / rate)
    return float(2 * abs(np.dot(samples, turn)) ** 2 / (len(samples) * power))


def windows(samples: Samples, rate: int, frequency: float, seconds: float = 0.2) -> Samples:
    """purity() of one window of `seconds` after another; a rest shorter than a window is left out."""
    size = round(seconds * rate)
    return np.array([purity(samples[i : i + size], rate, frequency) for i in range(0, len(samples) - size + 1, size)])


def loudness(samples: Samples) -> float:
    """Root mean square, 1.0 = full scale square wave."""
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def write_wav(path: Path, samples: Samples, rate: int = RATE) -> None:
    """A mono 16-bit WAV, as Asterisk plays it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2").tobytes())


def read_wav(path: Path) -> tuple[int, list[Samples]]:
    """Rate and one array per channel of a 16-bit WAV."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: not 16 bits a sample")
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return file.getframerate(), [data[:, i] / 32768.0 for i in range(file.getnchannels())]
