"""Data for people, programs and spreadsheets. Whatever came over the wire is made harmless for each of them."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge.core.spreadsheet import guarded
from bridge.core.spreadsheet import plain as plain

if TYPE_CHECKING:
    from rich.console import Console

#: Columns of a table that goes into a pipe or a file, where there is no terminal to ask.
_WIDE = 220


def console() -> Console:
    """Standard output for tables: coloured on a terminal unless NO_COLOR says otherwise, wide in a pipe."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, width=None if sys.stdout.isatty() else _WIDE)


def to_json(value: object, *, indent: int | None = 2) -> str:
    """JSON with times as ISO 8601 with offset and readable letters of every script, but no raw control characters."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_plain_value)
    return re.sub(
        "[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", text
    )


class CsvWriter:
    """CSV on standard output, its head first. A cell that a spreadsheet would take for a formula gets an apostrophe."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(columns)

    def write(self, row: Mapping[str, Any]) -> None:
        """One line; keys that are not columns are left out."""
        self._writer.writerow([_cell(row.get(column)) for column in self._columns])


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """All rows as CSV."""
    writer = CsvWriter(columns)
    for row in rows:
        writer.write(row)


def bar(share: float, width: int = 20) -> str:
    """A bar of `share` (0 to 1) of `width` characters, in eighths."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[rest].strip()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    text = value.isoformat() if isinstance(value, datetime) else plain(value)
    return guarded(text)


def _plain_value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
