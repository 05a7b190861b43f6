"""What a filter of calls looks like on the page: chips of what is on, and what its form offers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from bridge.core.desk.query import CALLBACKS, NONE, OPEN, CallQuery
from bridge.web.desk import words
from bridge.web.desk.context import Asked
from bridge.web.desk.formats import Formats


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


FIELDS: Final = {
    "period": _("Time"),
    "from": _("From"),
    "to": _("to"),
    "source": _("Source"),
    "campaign": _("Campaign"),
    "keyword": _("Keyword"),
    "landing": _("Landing page"),
    "outcome": _("Outcome"),
    "class": _("Class"),
    "tag": _("Tag"),
    "number": _("Number"),
    "caller": _("Caller"),
    "line": _("Line"),
    "answered_by": _("Answered by"),
    "kind": _("Known by"),
    "talk_min": _("Talked for at least"),
    "talk_max": _("Talked for at most"),
    "confidence_min": _("Sure at least"),
    "confidence_max": _("Sure at most"),
    "first": _("First call"),
    "spam": _("Spam"),
    "callback": _("Call back"),
    "recording": _("Recording"),
    "q": _("Comment"),
}
CALLBACK_TITLES: Final = dict(zip(CALLBACKS, (_("waits"), _("called back"), _("nobody waits")), strict=True))
_PLAIN: Final = {"yes": _("yes"), "no": _("no"), "kept": _("kept")}
_WITHOUT: Final = {
    "source": _("unknown"), "campaign": _("none"), "keyword": _("none"), "landing": _("none"), "class": _("unclassified"),
    "caller": _("withheld"), "answered_by": _("nobody"),
}  # fmt: skip
_MOST_NUMBERS: Final = 300


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition that is on. `without`: the address of the list without it."""

    name: str
    text: str
    without: str


def chips(asked: Asked, query: CallQuery) -> list[Chip]:
    """Of everything that is on but the time, which the page shows by itself."""
    pairs = query.pairs()
    found = []
    for place, (name, value) in enumerate(pairs):
        if name in ("period", "from", "to"):
            continue
        rest = urlencode(pairs[:place] + pairs[place + 1 :])
        found.append(Chip(FIELDS[name], value_title(asked, name, value), f"/calls?{rest}" if rest else "/calls"))
    return found


def value_title(asked: Asked, name: str, value: str) -> str:
    """One value of the URL in words of the person's language."""
    desk, text = asked.desk, asked.desk.renderer.text
    formats = Formats(asked.language, desk.zone, desk.settings.currency, asked.who)
    if value == NONE and name in _WITHOUT:
        return text(asked, _WITHOUT[name])
    match name:
        case "source":
            return desk.directory.sources[value].title if value in desk.directory.sources else value
        case "line":
            return desk.directory.lines[value].title if value in desk.directory.lines else value
        case "outcome":
            return text(asked, words.OUTCOMES[None if value == OPEN else value])
        case "kind":
            return text(asked, words.KINDS[value])
        case "class":
            known = desk.settings.classes.get(value)
            return text(asked, words.class_title(known)) if known else value
        case "callback":
            return text(asked, CALLBACK_TITLES[value])
        case "first" | "spam" | "recording":
            return text(asked, _PLAIN[value])
        case "number":
            return formats.number(value)
        case "caller" if value.startswith("@"):
            return text(asked, "the same as of a call")
        case "caller" if value.startswith("*"):
            return f"…{value[1:]}"
        case "caller":
            return formats.number(value)
        case "talk_min" | "talk_max":
            return formats.span(float(value))
        case "confidence_min" | "confidence_max":
            return formats.percent(float(value))
    return value


class Choices:
    """What the form offers: for each name (value, title, whether it is on)."""

    def __init__(self, asked: Asked, query: CallQuery) -> None:
        self._asked = asked
        self._on: dict[str, list[str]] = {}
        for name, value in query.pairs():
            self._on.setdefault(name, []).append(value)

    def of(self, name: str) -> list[tuple[str, str, bool]]:
        """The values to choose from, and those that are on besides."""
        directory = self._asked.desk.directory
        offered: Iterable[str] = {
            "source": (*sorted(directory.sources, key=lambda one: directory.sources[one].title), NONE),
            "line": (*directory.lines,),
            "class": (*self._asked.desk.settings.classes, NONE),
            "outcome": [OPEN if one is None else one for one in words.OUTCOMES],
            "kind": (*words.KINDS,),
        }[name]
        on = self._on.get(name, [])
        return [(one, value_title(self._asked, name, one), one in on) for one in dict.fromkeys([*offered, *on])]

    def given(self, name: str) -> list[str]:
        """What is on, as typed."""
        return self._on.get(name, [])

    def one(self, name: str) -> str:
        """What is on, or ``""``."""
        return self._on[name][-1] if name in self._on else ""

    @property
    def span(self) -> list[tuple[str, str]]:
        """The time that is on."""
        return [(name, self.one(name)) for name in ("period", "from", "to") if name in self._on]

    @property
    def numbers(self) -> list[str]:
        return list(self._asked.desk.directory.numbers)[:_MOST_NUMBERS]

    @property
    def phones(self) -> list[str]:
        return sorted({leg.device for line in self._asked.desk.directory.lines.values() for leg in line.ring})
