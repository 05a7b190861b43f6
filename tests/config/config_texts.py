"""A small right configuration that tests spoil in one place at a time, and real sound files."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

#: Line numbers in expected messages count on this text: what a test adds begins at line 6.
MINIMAL = """\
asterisk:
  ami: {user: callbridge, secret: {env: SECRET}}
fallback: {line: sales}
lines:
  sales: {ring: [{phone: PJSIP/101}]}
"""

ENV = {"SECRET": "s3cret"}


def write_wav(path: Path, rate: int = 8000, frames: int = 8000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sample = struct.pack("<h", 1000)[:width]
        sound.writeframes(sample * channels * frames)
    return path
