"""How far the journal has been read, as the store keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A byte of a file; the file is known by its first line (JournalFile.head)."""

    head: str
    offset: int


@dataclass(frozen=True, slots=True)
class Position:
    """Read up to `at`, and all files before it. `late`: the file before it, which may have grown since it was left."""

    at: Place | None = None
    late: Place | None = None

    def encode(self) -> str:
        """As the store keeps it; nothing for the beginning."""
        return json.dumps({key: value for key, value in asdict(self).items() if value}) if self != Position() else ""


def decode(text: str | None) -> Position:
    """What `encode` wrote. Anything else means the beginning: reading twice does no harm."""
    try:
        said = json.loads(text or "{}")
        return Position(_place(said.get("at")), _place(said.get("late")))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Position()


def _place(said: Any) -> Place | None:
    if not said:
        return None
    if not isinstance(said["head"], str) or int(said["offset"]) < 0:
        raise ValueError("no place in a journal")
    return Place(said["head"], int(said["offset"]))
