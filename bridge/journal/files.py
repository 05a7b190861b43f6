"""The journal's files: the one Asterisk writes into, and those it was turned over into, in the order they were written.

A file is known by its first line, which holds a call id and is never written twice: it stays the same file whatever it is renamed to,
and a new file that got an old one's inode, or was restored from a backup, is not mistaken for another.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEAD: Final = 8192
_TIME: Final = re.compile(rb"\|(\d{9,11}\.\d{3})\|")
#: what a rotating program makes of an old file, beside what is no journal at all
_NOT_TEXT: Final = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".tmp", ".swp")


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One file. `head` names it; it is None while the file has no whole line. `written_at` is seconds since the epoch."""

    path: Path
    head: str | None
    size: int
    written_at: float
    begins: float  #: when its first line was written


def look_at(path: Path) -> JournalFile | None:
    """The file at `path`; None if there is none. Raises OSError if it is there and cannot be read."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            line, newline, _ = file.read(_HEAD).partition(b"\n")
    except FileNotFoundError:
        return None
    head = hashlib.sha256(line).hexdigest()[:16] if newline or len(line) == _HEAD else None
    found = _TIME.search(line)
    return JournalFile(path, head, about.st_size, about.st_mtime, float(found[1]) if found else about.st_mtime)


def all_files(path: Path) -> list[JournalFile]:
    """Those that the journal at `path` was turned over into, oldest first, then that itself. Raises OSError."""
    found = []
    for other in path.parent.glob(path.name + "?*"):
        if other.suffix in _NOT_TEXT or not other.is_file():
            continue
        file = look_at(other)
        if file is not None and file.head is not None:
            found.append(file)
    found.sort(key=lambda file: (file.begins, file.written_at, file.path))
    present = look_at(path)
    return [*found, present] if present else found
