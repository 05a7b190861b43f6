"""English and Russian pages. The texts in code and templates are English; ``locale/<language>/*.po`` has the others, read at the start."""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final = ("en", "ru")
_LOCALE: Final = Path(__file__).parent / "locale"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The texts of a language; all its .po files together."""
    files = sorted((_LOCALE / language).glob("*.po"))
    if not files:
        return gettext.NullTranslations()
    merged = Catalog(locale=language)
    for file in files:
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language, abort_invalid=True):
                if message.id and message.string:
                    merged[message.id] = message
    made = io.BytesIO()
    write_mo(made, merged)
    made.seek(0)
    return gettext.GNUTranslations(made)


def choose(chosen: str | None, accepted: str) -> str:
    """The language of a page: the one the person chose, else the first of ``Accept-Language`` that there is, else English."""
    if chosen in LANGUAGES:
        return chosen
    best, best_weight = LANGUAGES[0], 0.0
    for part in accepted[:400].split(","):
        name, _, parameter = part.strip().partition(";")
        language = name.partition("-")[0].lower()
        weight = _weight(parameter)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


#: The names of the languages, each in its own.
TITLES: Final[Mapping[str, str]] = {"en": "English", "ru": "Русский"}
