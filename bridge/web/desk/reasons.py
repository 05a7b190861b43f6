"""Reasons in the person's language. The books have them as English sentences with names, times and lengths in them, made in `bridge/core`
and `bridge/recordings`; each is recognised by its pattern. What is not, such as a person's own words, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Final

from bridge.web.desk.formats import Formats
from bridge.web.desk.language import translations


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


#: Sentences with their blanks. `_BLANKS` says what may stand in a blank.
SENTENCES: Final = (
    # bridge/core/attribution/reasons.py
    _("the number belongs to %(source)s for good"),
    _("the default number of %(source)s: the source is certain, a visit is never named"),
    _("the number belongs to the pool of %(source)s, and no visit has been shown it"),
    _("the number is bound to nothing"),
    _("this caller called this very number %(length)s before and was found to be this visit"),
    _("the likeliest of the visits that were shown this number"),
    _(
        "this number was shown to the visit that came from %(source)s at %(clock)s and tapped it %(length)s before the call"
    ),
    _(
        "this number was shown to the visit that came from %(source)s at %(clock)s and had the page open when the call came, %(length)s later"
    ),
    _(
        "this number was shown to the visit that came from %(source)s at %(clock)s and closed the page %(length)s before the call"
    ),
    _("it is the visitor known behind this caller"),
    "%(count)s other visits that saw the number before may have called too",
    _("over %(share)s"),
    _("%(share)s"),
    # bridge/core/attribution/finding.py and attributor.py
    _("only the source is certain (the likeliest visit, at %(share)s, is under the threshold of %(limit)s)"),
    _("none of the visits that were shown this number explains the call"),
    # bridge/core/routing.py
    _("this number is bound to nothing"),
    _("this number is shown by %(source)s alone"),
    _("this number was shown by %(source)s alone"),
    _("retiring since %(day)s"),
    _("retiring"),
    _("this is the default number of %(source)s: many visits see it, so none is named"),
    _("this number is in the pool %(pool)s of %(source)s, and no visit held it"),
    # bridge/core/booking.py
    _("the notice's file could not be played"),
    _("the notice was not heard to its end"),
    _("no notice was played"),
    _("the notice was %(status)s"),
    _("the caller declined by a key"),
    # bridge/recordings
    _("Asterisk left no recording file"),
    _("Asterisk left no recording file: it died during the call"),
    _("Asterisk wrote no audio although people talked for %(seconds)s s: was the disk full?"),
    _("the caller's side is missing: silence in its place"),
    _("the company's side is missing: silence in its place"),
    _("the caller's side has no audio: silence in its place"),
    _("the company's side has no audio: silence in its place"),
    _("the caller's side was not closed by Asterisk: length taken from the file"),
    _("the company's side was not closed by Asterisk: length taken from the file"),
    _("the caller's side ends %(seconds)s s early: silence added"),
    _("the company's side ends %(seconds)s s early: silence added"),
    _("%(seconds)s s shorter than the talk"),
    _("the two sides were recorded at different rates, 8000 and 16000 per second"),
    _("%(file)s is not a plain file"),
    _("%(file)s is not 16-bit mono PCM"),
    _("%(file)s has %(count)s samples per second, not 8000 or 16000"),
    _("%(file)s is a symbolic link, which Asterisk never makes: refused"),
    _("%(file)s cannot be read: %(why)s"),
    _("%(file)s cannot be opened: %(why)s"),
    _("%(file)s may not be read: add the bridge's user to the group %(group)s and let Asterisk write with umask 0027"),
    _("%(file)s may not be read: add the bridge's user to the group %(group)s"),
    _("%(file)s may not be read"),
    _("%(file)s: not a WAV file"),
    _("%(file)s: a WAV file that does not say its format"),
    _("%(file)s: a WAV file without audio"),
    # bridge/core/retention.py and bridge/flows/keeping.py
    _("%(moment)s: older than %(days)s"),
    _("%(moment)s: the recordings take more than their disk budget"),
    _("%(share)s of the disk is free, nothing is recorded below %(limit)s"),
    # bridge/core/screening.py
    _("the caller's number is withheld"),
    _("on the block list as %(entry)s: %(why)s"),
    _("on the block list as %(entry)s"),
    _("%(count)s calls within %(length)s, %(usual)s are usual"),
    _("as Asterisk's journal has it; the reason is not known"),
)
_LENGTH: Final = r"\d+ (?:s|min(?: \d+ s)?|h(?: \d+ min)?|days)"
_SHARE: Final = r"\d+(?:\.\d+)?%?"
_BLANKS: Final = {
    "length": _LENGTH,
    "days": r"\d+ days",
    "share": _SHARE,
    "limit": _SHARE,
    "seconds": r"-?\d+(?:\.\d+)?",
    "count": r"\d+",
    "usual": r"\d+",
    "clock": r"\d\d:\d\d(?: on \d{4}-\d\d-\d\d)?",
    "day": r"\d{4}-\d\d-\d\d",
    "moment": r"\d{4}-\d\d-\d\dT[0-9:.]+(?:[+-]\d\d:\d\d|Z)",
    "status": r"[a-z]+",
    "entry": r"\S+",
}
_BLANK = re.compile(r"%\\\((\w+)\\\)s")
_ONE_VISIT: Final = "1 other visit that saw the number before may have called too"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_pattern(text), text) for text in SENTENCES)


def _pattern(sentence: str) -> re.Pattern[str]:
    made = _BLANK.sub(lambda found: f"(?P<{found[1]}>{_BLANKS.get(found[1], '.+?')})", re.escape(sentence))
    return re.compile(made, re.ASCII)


def translated(reason: str, formats: Formats) -> str:
    """`reason` in the language of `formats`."""
    if formats.language == "en":
        return reason
    whole = _sentence(reason, formats)
    if whole is not None:
        return whole
    parts = re.split(r"; ", reason)
    return "; ".join(_sentence(part, formats) or part for part in parts)


def _sentence(text: str, formats: Formats) -> str | None:
    texts = translations(formats.language)
    if text == _ONE_VISIT:
        text = _ONE_VISIT.replace("visit that", "visits that")
    for pattern, sentence in _patterns():
        found = pattern.fullmatch(text)
        if found is None:
            continue
        values = {name: _blank(name, value, formats) for name, value in found.groupdict().items()}
        if "count" in values and "other visits" in sentence:
            count = int(found["count"])
            plural = texts.ngettext(
                "%(num)d other visit that saw the number before may have called too",
                "%(num)d other visits that saw the number before may have called too",
                count,
            )
            return plural % {"num": count}
        return texts.gettext(sentence) % values
    return None


def _blank(name: str, value: str, formats: Formats) -> str:
    made: dict[str, Callable[[str, Formats], str]] = {
        "length": _length,
        "days": _length,
        "clock": _clock,
        "day": _day,
        "moment": _moment,
        "status": _status,
    }
    if name in made:
        return made[name](value, formats)
    return _decimal(value, formats) if _BLANKS.get(name) in (_SHARE, _BLANKS["seconds"]) else value


def _length(value: str, formats: Formats) -> str:
    texts = translations(formats.language)
    units = {"s": _("s"), "min": _("min"), "h": _("h")}
    words = value.split()
    if words[-1] == "days":
        return texts.ngettext("%(num)d day", "%(num)d days", int(words[0])) % {"num": int(words[0])}
    return " ".join(texts.gettext(units[word]) if word in units else word for word in words)


def _clock(value: str, formats: Formats) -> str:
    time, _on, day = value.partition(" on ")
    return f"{time} {_day(day, formats)}" if day else time


def _day(value: str, formats: Formats) -> str:

    try:
        return formats.day(date.fromisoformat(value))
    except ValueError:
        return value


def _moment(value: str, formats: Formats) -> str:

    try:
        return formats.when(datetime.fromisoformat(value), "short")
    except ValueError:
        return value


def _status(value: str, formats: Formats) -> str:
    known = {"playing": _("still playing"), "completed": _("completed")}
    return translations(formats.language).gettext(known[value]) if value in known else value


def _decimal(value: str, formats: Formats) -> str:
    return value if formats.language == "en" else value.replace(".", ",")
