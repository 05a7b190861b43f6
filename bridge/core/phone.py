"""Telephone numbers as carriers and people write them, read into E.164."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

MAX_LENGTH = 40

#: What may stand between the digits of a written number, besides the digits and a leading plus.
_WRITTEN = re.compile(r"\+?[0-9(][0-9 ()./\u00a0\u2010-\u2015\u2212-]*", re.ASCII)
_WITHHELD = frozenset(
    {"", "anonymous", "restricted", "unknown", "unavailable", "private", "withheld", "none", "asterisk", "<unknown>"}
)


@lru_cache(maxsize=32768)
def normalise(text: str, region: str) -> str | None:
    """`text` as E.164 with ``+``, or None if it cannot be a telephone number.

    `region` is the ISO country whose local writing is understood: for RU ``84951110001``, ``74951110001`` and
    ``4951110001`` are one number. Digits that make no number of that country are read as an international number
    without its plus (``00`` is a plus as well), if that lies in a range that is given out.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH or _WRITTEN.fullmatch(text) is None:
        return None
    found = _possible(text, region)
    if found is not None or text.startswith("+"):
        return found
    digits = re.sub(r"\D", "", text)
    guess = _possible("+" + (digits[2:] if digits.startswith("00") else digits), region)
    return guess if guess is not None and is_valid(guess) else None


def _possible(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_valid(e164: str) -> bool:
    """Whether the number lies in a range that is given out; new ranges may be unknown, so this is for warnings only."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return False


def is_region(code: str) -> bool:
    """Whether `code` is an ISO country code whose numbering plan is known."""
    return code in phonenumbers.SUPPORTED_REGIONS


def is_withheld(text: str | None) -> bool:
    """Whether a caller's number says that there is none: empty, ``anonymous``, ``unknown``, …"""
    return text is None or text.strip().strip('"').lower() in _WITHHELD
