"""What the doctor finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad: a `note` is worth knowing, a `warning` will do harm some day, an `error` does now."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `todo` says what to do about it."""

    level: Level
    part: str
    text: str
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def ok(part: str, text: str) -> Finding:
    return Finding(Level.OK, part, text)


def note(part: str, text: str, todo: str = "") -> Finding:
    return Finding(Level.NOTE, part, text, todo)


def warning(part: str, text: str, todo: str = "") -> Finding:
    return Finding(Level.WARNING, part, text, todo)


def error(part: str, text: str, todo: str = "") -> Finding:
    return Finding(Level.ERROR, part, text, todo)


def count(findings: Iterable[Finding], level: Level) -> int:
    return sum(1 for finding in findings if finding.level is level)
