"""Two mono files into one with two channels: left the caller, right the company.

Two steps, so that nothing is lost whatever dies between them: `merge` makes the file and leaves the mono files,
`discard` removes these once the books know. Both may be repeated after a crash at any point. A file under its final name
is always complete.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from bridge.core.model import Recording, RecordingStatus
from bridge.core.riff import HEADER_BYTES, NO_AUDIO_BYTES
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.files import place_of, replacing, sync_folder
from bridge.recordings.mono import BadAudioError, Mono, open_mono

#: Container and codec of each format. Opus rather than Vorbis: made for speech at these rates.
FORMATS: Final = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "OPUS"),
}
_EXACT = ("wav", "flac")
_BLOCK = 16384  #: frames; keeps memory constant and the encoders' stacks small


@dataclass(frozen=True, slots=True)
class Pair:
    """The two mono files of a call; either may not exist."""

    caller: Path
    company: Path


def pair_of(spool: Path, call_id: str) -> Pair:
    """The mono files of a call in `spool`, the folder Asterisk records into; ``.wav16`` where the call had 16 kHz."""

    def side(name: str) -> Path:
        narrow, wide = (spool / f"{call_id}-{name}.{suffix}" for suffix in ("wav", "wav16"))
        return wide if wide.exists() else narrow

    place_of(spool, call_id, "")  # refuses what is no call id
    return Pair(side("caller"), side("company"))


def merge(pair: Pair, recordings: Path, call_id: str, format: str, stop: threading.Event | None = None) -> Recording:
    """The recording of a call, made from `pair` into ``recordings/YYYY/MM/DD/<call id>.<format>``; the mono files stay.

    KEPT (with a reason where something was put right), NONE if Asterisk wrote no audio, MISSING or BROKEN with the reason;
    bad audio never raises. An already merged file is taken as it is, in whatever format, unless the mono files have grown
    since. Raises RecordingRetry where a later try may succeed, also when `stop` is set on the way.
    """
    found = merged(recordings, call_id)
    if found is not None:
        if not _outgrown(pair, found):
            return found
        format = found.format or format  # one call, one file
    with ExitStack() as stack:
        try:
            caller = open_mono(pair.caller)
            if caller is not None:
                stack.callback(caller.close)
            company = open_mono(pair.company)
            if company is not None:
                stack.callback(company.close)
            return _merge(caller, company, place_of(recordings, call_id, format), recordings, format, stop)
        except BadAudioError as error:
            return Recording(RecordingStatus.BROKEN, reason=str(error))


def merged(recordings: Path, call_id: str) -> Recording | None:
    """The merged file of a call as it lies on disk, or None if there is none that can be read."""
    for format in FORMATS:
        path = place_of(recordings, call_id, format)
        with suppress(OSError, soundfile.SoundFileError), open(path, "rb") as file:
            about = soundfile.info(file)
            return _describe(file.fileno(), path.relative_to(recordings), format, about.samplerate, about.frames)
    return None


def discard(pair: Pair, recordings: Path, call_id: str) -> bool:
    """Remove the mono files of a call if their audio is in the merged file, or if they have none. True if none is left.

    Raises RecordingRetry if the file system refuses.
    """
    left = False
    try:
        found = merged(recordings, call_id)
        kept = found is not None and not _outgrown(pair, found)
        if kept:  # merge may have died between its rename and this
            sync_folder(place_of(recordings, call_id, "").parent)
        for path in (pair.caller, pair.company):
            if not os.path.lexists(path):
                continue
            if kept or os.lstat(path).st_size <= NO_AUDIO_BYTES:
                path.unlink(missing_ok=True)
            else:
                left = True
    except OSError as error:
        raise RecordingRetry(f"cannot remove the mono files of {call_id}: {error.strerror}") from error
    return not left


def _outgrown(pair: Pair, found: Recording) -> bool:
    """Whether there is more audio in the mono files than in the merged one: a call taken for ended too early went on."""
    rate, duration = found.sample_rate or 0, found.duration or 0.0
    for path in (pair.caller, pair.company):
        with suppress(OSError):
            audio = os.lstat(path).st_size - HEADER_BYTES
            if audio / 2 > (duration + 0.5) * rate:
                return True
    return False


def _merge(
    caller: Mono | None, company: Mono | None, target: Path, recordings: Path, format: str, stop: threading.Event | None
) -> Recording:
    sides = {"caller": caller, "company": company}
    heard = {name: mono for name, mono in sides.items() if mono is not None and mono.frames}
    if not heard:
        if caller is None and company is None:
            return Recording(RecordingStatus.MISSING, reason="Asterisk left no recording file")
        return Recording(RecordingStatus.NONE)
    rates = {mono.rate for mono in heard.values()}
    if len(rates) > 1:
        raise BadAudioError("the two sides were recorded at different rates, 8000 and 16000 per second")
    rate = rates.pop()
    frames = max(mono.frames for mono in heard.values())
    with replacing(target, recordings) as fd:
        _encode(fd, _blocks(caller, company, frames, format, stop), rate, format)
        for mono in heard.values():
            mono.check_still()
        _verify(fd, frames, rate)
        return _describe(fd, target.relative_to(recordings), format, rate, frames, _remarks(sides, frames, rate))


def _remarks(sides: dict[str, Mono | None], frames: int, rate: int) -> str | None:
    remarks = []
    for name, mono in sides.items():
        if mono is None:
            remarks.append(f"the {name}'s side is missing: silence in its place")
        elif mono.frames == 0:
            remarks.append(f"the {name}'s side has no audio: silence in its place")
        else:
            if mono.repaired:
                remarks.append(f"the {name}'s side was not closed by Asterisk: length taken from the file")
            if frames - mono.frames > rate:
                remarks.append(f"the {name}'s side ends {(frames - mono.frames) / rate:.1f} s early: silence added")
    return "; ".join(remarks) or None


def _blocks(
    caller: Mono | None, company: Mono | None, frames: int, format: str, stop: threading.Event | None
) -> Iterator[np.ndarray[tuple[int, int], np.dtype[np.int16 | np.float32]]]:
    for first in range(0, frames, _BLOCK):
        if stop is not None and stop.is_set():
            raise RecordingRetry("the bridge is stopping")
        count = min(_BLOCK, frames - first)
        block = np.zeros((count, 2), dtype=np.int16)
        for channel, mono in enumerate((caller, company)):
            if mono is not None:
                block[:, channel] = mono.read(first, count)
        # As floats: libsndfile up to 1.2 turns half of 16-bit stereo into noise on the way to MP3 (its pull request 1106).
        yield block if format in _EXACT else block.astype(np.float32) / np.float32(32768)


def _encode(
    fd: int, blocks: Iterator[np.ndarray[tuple[int, int], np.dtype[np.int16 | np.float32]]], rate: int, format: str
) -> None:
    container, codec = FORMATS[format]
    sink = _Sink(fd)
    try:
        with soundfile.SoundFile(sink, "w", samplerate=rate, channels=2, format=container, subtype=codec) as file:
            for block in blocks:
                file.write(block)
                if sink.error is not None:
                    break
    except (soundfile.SoundFileError, AssertionError) as error:  # soundfile asserts that everything was written
        raise sink.error or RecordingRetry(f"cannot encode {format}: {error}") from error
    if sink.error is not None:
        raise sink.error


def _verify(fd: int, frames: int, rate: int) -> None:
    # The mono files go when this one is there, so it must say itself how long it is.
    try:
        with open(fd, "rb", closefd=False) as file:
            file.seek(0)
            found = soundfile.info(file).frames
    except soundfile.SoundFileError as error:
        raise RecordingRetry(f"the merged file cannot be read back: {error}") from error
    if abs(found - frames) > rate / 5:
        raise RecordingRetry(f"the merged file has {found} samples instead of {frames}")


def _describe(fd: int, path: Path, format: str, rate: int, frames: int, reason: str | None = None) -> Recording:
    digest = hashlib.sha256()
    size = 0
    while data := os.pread(fd, 1 << 20, size):
        digest.update(data)
        size += len(data)
    return Recording(
        RecordingStatus.KEPT,
        path=str(path),
        format=format,
        sample_rate=rate,
        duration=round(frames / rate, 3),
        size=size,
        sha256=digest.hexdigest(),
        reason=reason,
    )


@dataclass(slots=True)
class _Sink:
    """What libsndfile writes into. It drops errors on the floor (also at close), so the first one is kept here."""

    fd: int
    error: OSError | None = field(default=None)

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self.fd, rest) :]
            except OSError as error:
                self.error = error
        return 0 if self.error else len(data)

    def read(self, count: int) -> bytes:
        return os.read(self.fd, count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return os.lseek(self.fd, offset, whence)

    def tell(self) -> int:
        return os.lseek(self.fd, 0, os.SEEK_CUR)
