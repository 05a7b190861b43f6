"""Telephone WAV files: is one fit for Asterisk, and writing one. Standard library only."""

from __future__ import annotations

import io
import os
import wave
from dataclasses import dataclass
from pathlib import Path

from bridge.core.riff import PCM, parse_wave

#: What Asterisk takes a file for, by its extension; it never looks at the header before playing.
RATES = {".wav": 8000, ".wav16": 16000}
_HEAD = 65536


@dataclass(frozen=True, slots=True)
class WavInfo:
    """What is in a sound file. `ok`: Asterisk can play it to a caller; else `problem` says why not, in words for a person."""

    rate: int
    channels: int
    bits: int
    frames: int
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None

    @property
    def seconds(self) -> float:
        return self.frames / self.rate if self.rate else 0.0


def inspect_wav(path: Path) -> WavInfo:
    """Look at a sound file: 16-bit PCM, mono, 8000 per second in a ``.wav`` or 16000 in a ``.wav16``. Never raises."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            size = os.fstat(file.fileno()).st_size
        header = parse_wave(head, size)
    except OSError as error:
        return WavInfo(0, 0, 0, 0, f"cannot be read: {error.strerror}")
    except ValueError as error:
        return WavInfo(0, 0, 0, 0, str(error))
    frame = header.channels * header.bits // 8
    frames = min(header.declared, header.available) // frame if frame else 0
    expected = RATES.get(path.suffix)
    problem = None
    if header.tag != PCM:
        problem = "is compressed; 16-bit PCM is needed"
    elif header.bits != 16:
        problem = f"has {header.bits} bits per sample; 16 are needed"
    elif header.channels != 1:
        problem = f"has {header.channels} channels; 1 is needed"
    elif expected is None:
        problem = "is neither named .wav (8000 samples per second) nor .wav16 (16000)"
    elif header.rate != expected:
        problem = f"has {header.rate} samples per second; {expected} are needed in a {path.suffix} file"
    elif header.declared > header.available:
        problem = "is cut off: there is less audio in it than its header says"
    elif frames == 0:
        problem = "has no audio"
    return WavInfo(header.rate, header.channels, header.bits, frames, problem)


def write_wav(path: Path, rate: int, audio: bytes) -> None:
    """Write 16-bit little-endian mono `audio` to `path`, see replace_file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(audio)
    replace_file(path, content.getvalue())


def replace_file(path: Path, content: bytes) -> None:
    """Write `path` at one stroke, readable for all: a call may be playing the old one. Raises OSError.

    The folder may belong to Asterisk while root writes into it, so no link is followed.
    """
    temp = path.with_name(f".{path.name}.part")
    temp.unlink(missing_ok=True)
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            os.fchmod(fd, 0o644)
            file.flush()
            os.fsync(fd)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
