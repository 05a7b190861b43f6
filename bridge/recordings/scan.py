"""What lies in the spool, for reconciliation; how much room there is, for alarms."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from bridge.core.call_id import is_call_id
from bridge.core.riff import NO_AUDIO_BYTES
from bridge.recordings.errors import RecordingRetry

_NAME = re.compile(r"([0-9-]+)-(?:caller|company)\.wav(?:16)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SpoolCall:
    """The mono files of one call. `age` is seconds since any of them was written to; `empty`: no audio in any of them."""

    call_id: str
    paths: tuple[Path, ...]
    age: float
    size: int
    empty: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a look into the spool found. `calls` by call id, oldest first; `strangers` are entries no call of ours made."""

    calls: tuple[SpoolCall, ...]
    strangers: tuple[Path, ...]

    def orphans(self, wanted: Container[str], older_than: float = 0.0) -> tuple[SpoolCall, ...]:
        """The calls nobody asks for: not in `wanted` and not written to for `older_than` seconds."""
        return tuple(call for call in self.calls if call.call_id not in wanted and call.age >= older_than)


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Bytes of a file system: what an ordinary user may still write, and all of it."""

    free: int
    total: int

    @property
    def share(self) -> float:
        """The free part, 0 to 1."""
        return self.free / self.total if self.total else 0.0


def sweep(spool: Path, now: float) -> Sweep:
    """Look into `spool`, the folder Asterisk records into. `now` is seconds since the epoch. Changes nothing.

    Raises RecordingRetry if the folder cannot be read.
    """
    found: dict[str, list[tuple[Path, os.stat_result]]] = defaultdict(list)
    strangers = []
    try:
        with os.scandir(spool) as entries:
            for entry in entries:
                name = _NAME.fullmatch(entry.name)
                if name is None or not is_call_id(name[1]) or not entry.is_file(follow_symlinks=False):
                    strangers.append(Path(entry.path))
                    continue
                try:
                    found[name[1]].append((Path(entry.path), entry.stat(follow_symlinks=False)))
                except FileNotFoundError:  # just discarded
                    continue
    except OSError as error:
        raise RecordingRetry(f"cannot look into {spool}: {error.strerror}") from error
    return Sweep(tuple(_call(call_id, found[call_id], now) for call_id in sorted(found)), tuple(sorted(strangers)))


def disk_space(folder: Path) -> DiskSpace:
    """The room on the file system of `folder`. Raises OSError if there is no such folder."""
    about = os.statvfs(folder)
    return DiskSpace(about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize)


def _call(call_id: str, files: list[tuple[Path, os.stat_result]], now: float) -> SpoolCall:
    return SpoolCall(
        call_id,
        tuple(sorted(path for path, _ in files)),
        age=now - max(about.st_mtime for _, about in files),
        size=sum(about.st_size for _, about in files),
        empty=all(about.st_size <= NO_AUDIO_BYTES for _, about in files),
    )
