"""Follows the journal file: whole lines only, over rotation and truncation, from a position that the store keeps.

Reading a line twice does no harm (booking is idempotent), reading it never would: in doubt the file is read from its beginning.
"""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.core.journal import MAX_LINE, Entry, JournalError, parse

log = logging.getLogger(__name__)

CHUNK: Final = 1 << 20  #: bytes read at once
_START = re.compile(r"1\|(?:begin|rung|answer|end)\|")


@dataclass(slots=True)
class JournalCounters:
    """Since the start."""

    lines: int = 0
    unreadable: int = 0  #: lines that are no journal lines, or hold nothing that can be saved
    mended: int = 0  #: lines that began in the torn rest of another


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read: the facts, and the position to go on from once they are in the books. `more`: there is more to read at once."""

    entries: tuple[Entry, ...]
    position: str
    more: bool


class JournalReader:
    """One journal file and those it was rotated into (same folder, same name with anything appended)."""

    def __init__(self, path: Path) -> None:
        self.counters = JournalCounters()
        self._path = path

    def read(self, position: str | None) -> Batch:
        """Read on from `position` (None: from the beginning). Raises OSError if the file is there but cannot be read."""
        file, offset = self._place(position)
        if file is None:
            return Batch((), position or "", more=False)
        with file.open("rb") as stream:
            about = os.fstat(stream.fileno())
            if offset > about.st_size:
                log.warning("the journal %s has become shorter; reading it from the beginning", file)
                offset = 0
            stream.seek(offset)
            data = stream.read(CHUNK)
        whole, newline, _ = data.rpartition(b"\n")
        if not newline and len(data) > MAX_LINE * 4:  # no line is that long: skip what cannot become one
            self.counters.unreadable += 1
            whole, newline = data, b"\n"
        taken = len(whole) + len(newline)
        entries = tuple(entry for line in whole.split(b"\n") if line and (entry := self._entry(line)) is not None)
        position = json.dumps({"inode": about.st_ino, "offset": offset + taken})
        more = taken > 0 and (len(data) == CHUNK or file != self._path)
        if taken == 0 and file != self._path:  # a rotated file is at its end: on to the next
            position, more = self._after(about.st_ino), True
        return Batch(entries, position, more)

    def size(self) -> int:
        """Bytes of the present file; 0 if there is none."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _place(self, position: str | None) -> tuple[Path | None, int]:
        inode, offset = _read_position(position)
        files = self._files()
        for file, number in files:
            if number == inode:
                return file, offset
        if inode is not None and files:
            log.warning("the journal file read last is gone; reading %s from the beginning", files[0][0])
        return (files[0][0], 0) if files else (None, 0)

    def _after(self, inode: int) -> str:
        numbers = [number for _, number in self._files()]
        place = numbers.index(inode) + 1 if inode in numbers else 0
        return json.dumps({"inode": numbers[place] if place < len(numbers) else None, "offset": 0})

    def _files(self) -> list[tuple[Path, int]]:
        """Rotated files, oldest first, then the present one."""
        found = []
        for path in self._path.parent.glob(self._path.name + "*"):
            try:
                about = path.stat()
            except FileNotFoundError:
                continue
            found.append((path == self._path, about.st_mtime, path, about.st_ino))
        return [(path, inode) for _, _, path, inode in sorted(found)]

    def _entry(self, line: bytes) -> Entry | None:
        self.counters.lines += 1
        text = line.decode("utf-8", "backslashreplace")
        starts = [found.start() for found in _START.finditer(text)]
        try:
            entry = parse(text[starts[-1] :] if starts else text)
        except JournalError as error:
            self.counters.unreadable += 1
            log.error("journal line %r cannot be read: %s", text[:120], error)  # noqa: TRY400
            return None
        if starts[-1] > 0:
            self.counters.mended += 1
            log.warning("a journal line was torn: %r", text[: starts[-1]][:120])
        return entry


def _read_position(position: str | None) -> tuple[int | None, int]:
    try:
        said = json.loads(position or "{}")
        return said.get("inode"), int(said.get("offset", 0))
    except (ValueError, TypeError, AttributeError):
        return None, 0
