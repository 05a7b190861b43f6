"""What the page Set-up shows: the configuration in force with its places, whether the file differs, and the daemon's figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

HIDDEN: Final = "••••••"
_NAMES: Final = re.compile(r"(?i)(^|[_-])(password|passwd|secret|token|credentials?|api[_-]?key)s?$")
_IN_URL: Final = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]+@")
_LINE: Final = re.compile(r"^(\s*(?:-\s+)?[\"']?([A-Za-z0-9_-]+)[\"']?\s*:\s*)([^\s#{&*|>].*)$")
_FLOW: Final = re.compile(r"([{,]\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*:\s*)([^\s,{}][^,}]*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One value. `path` is ``pools.direct.numbers[3]`` without the section's name; `depth` counts from it."""

    path: str
    value: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    file: str
    line: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class FileText:
    """A file as it was read, without secrets. `number` names it in URLs."""

    number: int
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigView:
    """The configuration in force. `warnings` are as `callbridge check` says them."""

    sections: tuple[Section, ...]
    files: tuple[FileText, ...]
    warnings: tuple[str, ...]
    read_at: datetime

    def file(self, name: str) -> FileText | None:
        return next((file for file in self.files if file.name == name), None)


@dataclass(frozen=True, slots=True)
class Checked:
    """What lies on disk now: whether it differs from what is in force, and what `callbridge check` says of it."""

    differs: bool
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  #: those that differ


@dataclass(frozen=True, slots=True)
class Site:
    """A company's site, and the tag for its pages. `host` None: nobody has said under which name the service is reached."""

    name: str
    domains: tuple[str, ...]
    tag: str
    pinned: str = ""  #: with a hash: the script can never be another; "" where it is not built


@dataclass(frozen=True, slots=True)
class Facts:
    """The daemon's own. Sizes in bytes; None: not known."""

    version: str
    started_at: datetime
    pid: int
    database: str
    database_bytes: int | None = None
    disk: str = ""
    disk_free: int | None = None
    disk_share: float | None = None
    journal: str = ""
    journal_bytes: int | None = None
    journal_behind: int | None = None
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the metrics: `help` is English. `labels` tells several of one name apart."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def is_secret(name: str) -> bool:
    """Whether a plain value under this key is nobody's business."""
    return _NAMES.search(name) is not None


def shown_value(key: str, value: object) -> str:
    """A plain value as people read it, without what is secret."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return HIDDEN if is_secret(key) else _IN_URL.sub(rf"\1:{HIDDEN}@", str(value))


def shown_line(line: str) -> str:
    """A line of a file without what is secret in it: values beside such a key, and passwords in URLs."""
    line = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)
    found = _LINE.match(line)
    if found and is_secret(found[2]):
        return found[1] + HIDDEN
    line = _FLOW.sub(lambda m: m[1] + (HIDDEN if is_secret(m[2]) else m[3]), line)
    return _IN_URL.sub(rf"\1:{HIDDEN}@", line)
