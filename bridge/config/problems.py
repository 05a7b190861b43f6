"""What is wrong with a configuration, where, and in words a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TypeAlias

#: Keys and list indexes from the top of the configuration.
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; `line` and `column` count from 1, 0 stands for the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong. Its text is ``file:line:column: path: message``."""

    file: str
    line: int
    column: int
    path: str
    message: str

    @classmethod
    def at(cls, place: Place, path: Path, message: str) -> Problem:
        return cls(place.file, place.line, place.column, path_text(path), message)

    def __str__(self) -> str:
        where = str(Place(self.file, self.line, self.column))
        return ": ".join(part for part in (where, self.path, self.message) if part)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds everything wrong with it, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(p) for p in self.problems))


def path_text(path: Path) -> str:
    """``pools.direct.numbers[3]``"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{one_line(part, 60)}"
    return text.removeprefix(".")


def one_line(text: str, limit: int = 40) -> str:
    """`text` fit to be shown in a message: printable, on one line, not longer than `limit`."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(value: object) -> str:
    """A value of the configuration as messages quote it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list | tuple):
        return "a list"
    return f"`{one_line(str(value).lower() if isinstance(value, bool) else str(value))}`"


def listed(words: Iterable[str]) -> str:
    """```a`, `b` or `c```"""
    quoted = [f"`{w}`" for w in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``", did you mean `x`?"`` if one of the known words is near enough, else an empty text."""
    by_fold = {k.casefold(): k for k in known}
    near = difflib.get_close_matches(one_line(word.casefold(), 60), list(by_fold), n=1, cutoff=0.6)
    return f", did you mean `{by_fold[near[0]]}`?" if near else ""
