"""Changes of files: shown before they are made, made at one stroke each, with a copy of what was there, and undone."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bridge.install import backup_of

_SECRET = re.compile(r"(?im)^(\s*secret\s*=>?\s*)\S.*$")


@dataclass(frozen=True, slots=True)
class Change:
    """What a file is to be. `before` None: it is not there yet. `like`: a file whose owner, group and mode a new file gets."""

    path: Path
    before: bytes | None
    after: bytes = field(repr=False)
    mode: int = 0o644
    like: Path | None = None

    @property
    def needed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """The unified diff; passwords show as ``***``. A file that is no text is named only."""
        try:
            old, new = ((x or b"").decode() for x in (self.before, self.after))
        except UnicodeDecodeError:
            return (
                f"new file {self.path}, {len(self.after)} bytes\n" if self.before is None else f"changed: {self.path}\n"
            )
        name = "/dev/null" if self.before is None else str(self.path)
        lines = difflib.unified_diff(_shown(old), _shown(new), name, str(self.path), n=2)
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def change(path: Path, after: str | bytes, *, mode: int = 0o644, like: Path | None = None) -> Change:
    """A change of what `path` holds now. Raises OSError if it is there and cannot be read."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = None
    return Change(
        path, before, after.encode("utf-8", "surrogateescape") if isinstance(after, str) else after, mode, like
    )


def apply(changes: Iterable[Change], record: Path, now: datetime) -> list[Path]:
    """Make the changes and note them in `record` for `undo`; gives the backups. Raises OSError, naming the file.

    What was done before an error stays and is in the record.
    """
    stamp = now.strftime("%Y%m%d-%H%M%S")
    backups = []
    for each in changes:
        backup: Path | None = None
        owner: tuple[int, int] | None
        if each.before is not None:
            backup = backup_of(each.path, stamp)
            about = each.path.stat()
            _write(backup, each.before, about.st_mode & 0o777, (about.st_uid, about.st_gid))
            backups.append(backup)
            mode, owner = about.st_mode & 0o777, (about.st_uid, about.st_gid)
        else:
            mode, owner = each.mode, _owner(each.like)
            each.path.parent.mkdir(parents=True, exist_ok=True)
        _write(each.path, each.after, mode, owner)
        entry = {
            "path": str(each.path),
            "backup": backup and str(backup),
            "sha256": hashlib.sha256(each.after).hexdigest(),
        }
        _write(record, json.dumps([*_entries(record), entry], indent=1).encode(), 0o600, None)
    return backups


def undo(record: Path) -> tuple[list[Path], list[str]]:
    """Put back what every change in `record` found, the newest first; gives the files put back and, in words, what was left alone.

    A file changed by others since is left alone, and stays in the record. Raises OSError.
    """
    done: list[Path] = []
    left: list[str] = []
    kept: list[dict[str, str]] = []
    for entry in reversed(_entries(record)):
        path, backup = Path(entry["path"]), entry["backup"]
        try:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        except FileNotFoundError:
            left.append(f"{path} is not there any more")
            continue
        if not same:
            left.append(f"{path} was changed since" + (f"; what was there before is {backup}" if backup else ""))
            kept.insert(0, entry)
        elif backup is None:
            path.unlink()
            done.append(path)
        else:
            about = path.stat()
            _write(path, Path(backup).read_bytes(), about.st_mode & 0o777, (about.st_uid, about.st_gid))
            done.append(path)
    if kept:
        _write(record, json.dumps(kept, indent=1).encode(), 0o600, None)
    else:
        record.unlink(missing_ok=True)
    return done, left


def _entries(record: Path) -> list[dict[str, str]]:
    try:
        entries: list[dict[str, str]] = json.loads(record.read_bytes())
    except FileNotFoundError:
        return []
    return entries


def _owner(like: Path | None) -> tuple[int, int] | None:
    if like is None or not like.exists():
        return None
    about = like.stat()
    return about.st_uid, about.st_gid


def _write(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    """At one stroke; the owner is set where this user may."""
    temp = path.with_name(f".{path.name}.callbridge-new")
    temp.unlink(missing_ok=True)
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            if owner is not None:
                with suppress(PermissionError):
                    os.fchown(fd, *owner)
            os.fchmod(fd, mode)
            file.flush()
            os.fsync(fd)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)


def _shown(text: str) -> list[str]:
    return _SECRET.sub(r"\1***", text).splitlines(keepends=True)
