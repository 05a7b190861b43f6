"""One side of a call as Asterisk left it: a mono WAV whose header may be unfinished."""

from __future__ import annotations

import errno
import grp
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bridge.core.riff import HEADER_BYTES, NO_AUDIO_BYTES, PCM, parse_wave
from bridge.recordings.errors import RecordingRetry

Samples: TypeAlias = npt.NDArray[np.int16]

RATES = (8000, 16000)
_HEAD = 4096
_SETTLE = 10.0  #: seconds without growth after which an unclosed file is given up on; Asterisk flushes every 2 s


class BadAudioError(Exception):
    """A file that is there and cannot be used; says why."""


@dataclass(slots=True)
class Mono:
    """An open mono file. `frames` is 0 where Asterisk wrote no audio; `repaired` if the header did not tell the length."""

    path: Path
    fd: int
    rate: int = 0
    frames: int = 0
    offset: int = HEADER_BYTES
    repaired: bool = False

    def read(self, first: int, count: int) -> Samples:
        """`count` samples from sample `first` on; silence beyond the end."""
        block = np.zeros(count, dtype="<i2")
        wanted = max(0, min(count, self.frames - first))
        if wanted:
            try:
                data = os.pread(self.fd, wanted * 2, self.offset + first * 2)
            except OSError as error:
                raise BadAudioError(f"{self.path.name} cannot be read: {error.strerror}") from error
            found = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
            block[: len(found)] = found
        return block

    def check_still(self) -> None:
        """Raise RecordingRetry if the file grew since it was opened: what was read is not all of it."""
        if os.fstat(self.fd).st_size - self.offset > self.frames * 2 + 1:
            raise RecordingRetry(f"{self.path} is still being written")

    def close(self) -> None:
        os.close(self.fd)


def open_mono(path: Path) -> Mono | None:
    """The mono file at `path`, or None if there is none.

    Raises BadAudioError if it cannot be used, RecordingRetry if Asterisk seems to be writing it yet.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadAudioError(_why_not(path, error)) from error
    try:
        return _examine(path, fd)
    except BaseException:
        os.close(fd)
        raise


def _examine(path: Path, fd: int) -> Mono:
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode):
        raise BadAudioError(f"{path.name} is not a plain file")
    if about.st_size <= NO_AUDIO_BYTES:
        return Mono(path, fd)
    try:
        header = parse_wave(os.pread(fd, _HEAD, 0), about.st_size)
    except ValueError as error:
        raise BadAudioError(f"{path.name}: {error}") from error
    except OSError as error:
        raise BadAudioError(f"{path.name} cannot be read: {error.strerror}") from error
    if (header.tag, header.channels, header.bits) != (PCM, 1, 16):
        raise BadAudioError(f"{path.name} is not 16-bit mono PCM")
    if header.rate not in RATES:
        raise BadAudioError(f"{path.name} has {header.rate} samples per second, not 8000 or 16000")
    # Asterisk puts nothing after the audio, so the file's length is the better witness of the two.
    repaired = header.declared != header.available
    if repaired and time.time() - about.st_mtime < _SETTLE:
        raise RecordingRetry(f"{path} is not closed yet")
    return Mono(path, fd, header.rate, header.available // 2, header.offset, repaired)


def _why_not(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{path.name} is a symbolic link, which Asterisk never makes: refused"
    if error.errno != errno.EACCES:
        return f"{path.name} cannot be opened: {error.strerror}"
    for culprit in (path, *path.parents):  # the first that can be looked at is the one that shuts us out
        try:
            about = culprit.stat()
        except OSError:
            continue
        try:
            group = grp.getgrgid(about.st_gid).gr_name
        except KeyError:
            group = str(about.st_gid)
        advice = f"add the bridge's user to the group {group}"
        if not about.st_mode & stat.S_IRGRP:
            advice += " and let Asterisk write with umask 0027"
        return f"{culprit} may not be read: {advice}"
    return f"{path} may not be read"
