"""Telephone numbers of callers for those who need not know them whole."""

from __future__ import annotations

from typing import Final

_SHOWN_END: Final = 2
_HIDDEN: Final = 5
_DOT: Final = "•"


def masked(number: str) -> str:
    """Country and area stay, the last two digits stay, five before them do not: ``+7916•••••67``. What is short is hidden whole."""
    if len(number) <= _HIDDEN + _SHOWN_END:
        return _DOT * len(number)
    return number[: -_HIDDEN - _SHOWN_END] + _DOT * _HIDDEN + number[-_SHOWN_END:]
