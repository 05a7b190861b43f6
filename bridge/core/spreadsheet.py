"""Text of the wire and of people, made harmless for terminals and spreadsheets."""

from __future__ import annotations

import re
from typing import Final

#: Control characters, and those that turn or hide text.
UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
#: A cell that begins so is a formula to a spreadsheet that reads CSV.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def plain(text: object) -> str:
    """`text` with ``·`` for what cannot be seen; None is nothing."""
    return "" if text is None else UNSEEN.sub("·", str(text))


def guarded(text: str) -> str:
    """`plain` text for a cell of CSV: no formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
