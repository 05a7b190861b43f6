"""Follows the journal: whole lines only, over turning over and truncation, from a position that the store keeps.

Reading a line twice does no harm (booking is idempotent), reading it never would: in doubt the file is read from its beginning.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bridge.core.journal import FIELDS, Entry, JournalError, parse
from bridge.journal.files import JournalFile, all_files, look_at
from bridge.journal.position import Place, Position, decode

log = logging.getLogger(__name__)

CHUNK: Final = 1 << 18  #: bytes read at once, and booked in one transaction: some 200 calls
QUIET_SECONDS: Final = 300.0  #: how long a file that was turned over is looked at for a line that came late
_START = re.compile(rf"1\|(?:{'|'.join(FIELDS)})\|")
#: the names that `tidy` gives; files that others turned over are theirs to remove
_OURS = re.compile(r"\.\d{8}-\d{6}")


@dataclass(slots=True)
class JournalCounters:
    """Since the start."""

    lines: int = 0
    unreadable: int = 0  #: lines that are no journal lines, or hold nothing that can be saved
    mended: int = 0  #: lines that began in the torn rest of another
    turned: int = 0  #: times the journal was turned over
    removed: int = 0  #: files removed because of their age


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read: the facts with their lines, and the position to go on from once they are in the books. `more`: at once."""

    entries: tuple[Entry, ...]
    lines: tuple[str, ...]
    position: str
    more: bool


class JournalReader:
    """One journal file and those it was turned over into (same folder, same name with anything appended).

    At `turn_at` bytes `tidy` turns it over (0: never), and removes what it turned over `keep_days` ago.
    """

    def __init__(self, path: Path, *, turn_at: int = 0, keep_days: float = 30.0) -> None:
        self.counters = JournalCounters()
        self.aside = path.with_name("journal.rejected")  #: lines that could not be booked
        self._path = path
        self._turn_at = turn_at
        self._keep_seconds = keep_days * 86400

    def read(self, position: str | None) -> Batch:
        """Read on from `position` (None: from the beginning). Raises OSError if a file is there but cannot be read."""
        now = decode(position)
        late = self._read_late(now)
        if late is not None:
            return late
        file, offset = self._place(now)
        if file is None:
            return self._batch([], now, more=False)
        lines, taken = self._lines(file.path, offset)
        if file.head is None:
            return self._batch([], now, more=False)  # not one whole line yet
        after = replace(now, at=Place(file.head, offset + taken))
        if taken == 0 and file.path != self._path:
            return self._go_on(file, after)
        return self._batch(lines, after, more=taken > 0 and (offset + taken < file.size or file.path != self._path))

    def set_aside(self, lines: Sequence[str]) -> None:
        """Keep lines that could not be booked, beside the journal; appended to it again they are read again. Raises OSError."""
        with self.aside.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())

    def problem(self) -> str:
        """What the owner should know: lines that could not be booked. "" if there are none."""
        try:
            waiting = self.aside.stat().st_size
        except OSError:
            return ""
        return (
            f"{self.aside} holds lines that could not be booked: see the log, append them to the journal once it is mended"
            if waiting
            else ""
        )

    def tidy(self, position: str | None) -> None:
        """Turn over a long journal that has been read to its end, and remove old files of which every line is in the books.

        `position` is what the store has. Errors are logged: the journal then only grows.
        """
        try:
            self._turn_over(decode(position).at)
            self._remove_old(decode(position))
        except OSError as error:
            log.error("the journal cannot be turned over: %s", error)  # noqa: TRY400 - says it all

    def size(self) -> int:
        """Bytes of the present file; 0 if there is none."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def behind(self, position: str | None) -> int:
        """Bytes written that `position` has not come to yet. Raises OSError."""
        now = decode(position)
        files = all_files(self._path)
        if now.at is not None:
            heads = [file.head for file in files]
            if now.at.head in heads:
                rest = files[heads.index(now.at.head) :]
                return max(0, sum(file.size for file in rest) - now.at.offset)
        return sum(file.size for file in files)

    def _read_late(self, now: Position) -> Batch | None:
        """What came into the file before the present one after it was left: a channel had it open when it was renamed."""
        if now.late is None:
            return None
        file = next((x for x in all_files(self._path) if x.head == now.late.head and x.path != self._path), None)
        if file is None:
            return self._batch([], replace(now, late=None), more=True)
        if file.size > now.late.offset:
            lines, taken = self._lines(file.path, now.late.offset)
            if taken:
                return self._batch(lines, replace(now, late=Place(now.late.head, now.late.offset + taken)), more=True)
        if time.time() - file.written_at > QUIET_SECONDS:
            return self._batch([], replace(now, late=None), more=True)
        return None

    def _place(self, now: Position) -> tuple[JournalFile | None, int]:
        present = look_at(self._path)
        if present is not None and now.at is not None and present.head == now.at.head:
            return present, self._checked(present, now.at.offset)
        files = all_files(self._path)
        if now.at is not None:
            for file in files:
                if file.head == now.at.head:
                    return file, self._checked(file, now.at.offset)
            if files:
                log.warning("the journal file read last is gone; reading from %s on", files[0].path)
        elif now.late is not None:
            heads = [file.head for file in files]
            files = files[heads.index(now.late.head) + 1 :] if now.late.head in heads else files
        return (files[0], 0) if files else (None, 0)

    def _checked(self, file: JournalFile, offset: int) -> int:
        """`offset`, if a line ends there."""
        with file.path.open("rb") as stream:
            stream.seek(max(offset - 1, 0))
            if offset == 0 or stream.read(1) == b"\n":
                return offset
        log.warning("the journal %s is not what it was; reading it from the beginning", file.path)
        return 0

    def _go_on(self, file: JournalFile, after: Position) -> Batch:
        """From a file that was turned over, and is at its end, to the one after it."""
        files = [x.head for x in all_files(self._path)]
        rest = files[files.index(file.head) + 1 :] if file.head in files else []
        if not rest or rest[0] is None:  # nothing has been written since
            return self._batch([], after, more=False)
        return self._batch([], Position(Place(rest[0], 0), after.at), more=True)

    def _lines(self, path: Path, offset: int) -> tuple[list[bytes], int]:
        """The whole lines from `offset` on, at most CHUNK bytes, and how many bytes they are."""
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(CHUNK)
            if b"\n" not in data and len(data) == CHUNK:  # no line is that long: pass over what cannot be one
                skipped = len(data)
                while data and b"\n" not in data:
                    data = stream.read(CHUNK)
                    skipped += len(data)
                self.counters.unreadable += bool(data)
                return [], skipped - len(data) + data.index(b"\n") + 1 if data else 0
        whole, newline, _ = data.rpartition(b"\n")
        return whole.split(b"\n"), len(whole) + len(newline)

    def _batch(self, lines: list[bytes], position: Position, *, more: bool) -> Batch:
        read = [found for line in lines if line and (found := self._entry(line)) is not None]
        return Batch(tuple(entry for entry, _ in read), tuple(line for _, line in read), position.encode(), more)

    def _entry(self, line: bytes) -> tuple[Entry, str] | None:
        self.counters.lines += 1
        text = line.decode("utf-8", "backslashreplace")
        starts = [found.start() for found in _START.finditer(text)]
        whole = text[starts[-1] :] if starts else text
        try:
            entry = parse(whole)
        except JournalError as error:
            self.counters.unreadable += 1
            log.error("journal line %r cannot be read: %s", text[:120], error)  # noqa: TRY400
            return None
        if starts and starts[-1] > 0:
            self.counters.mended += 1
            log.warning("a journal line was torn: %r", text[: starts[-1]][:120])
        return entry, whole

    def _turn_over(self, read: Place | None) -> None:
        present = look_at(self._path)
        if not self._turn_at or present is None or present.size < self._turn_at:
            return
        if read != Place(present.head or "", present.size):
            return  # not all of it is in the books yet
        target = self._path.with_name(f"{self._path.name}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
        if target.exists():
            return
        os.rename(self._path, target)
        self.counters.turned += 1
        log.info("the journal was turned over into %s", target.name)

    def _remove_old(self, read: Position) -> None:
        if not self._turn_at or read.at is None:
            return
        files = all_files(self._path)
        heads = [file.head for file in files]
        done = files[: heads.index(read.at.head)] if read.at.head in heads else []
        for file in done:
            ours = _OURS.fullmatch(file.path.name.removeprefix(self._path.name))
            late = read.late is not None and file.head == read.late.head
            if ours and not late and time.time() - file.written_at > self._keep_seconds:
                file.path.unlink()
                self.counters.removed += 1
                log.info("the journal %s was removed: %g days old", file.path.name, self._keep_seconds / 86400)
