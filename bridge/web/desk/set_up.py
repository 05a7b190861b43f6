"""The configuration in force with its files and lines, whether the files differ, numbers, health and figures. Nothing can be changed here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from starlette.responses import Response

from bridge.core.desk.access import Right
from bridge.core.desk.setup import Entry, Section
from bridge.core.model import BindingKind
from bridge.core.phone import normalise
from bridge.flows.desk_setup import SetUp
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem, Route

PER_PAGE: Final = 100
MOST_VALUES: Final = 200  #: of a section on the page


class LastCalled(Protocol):
    async def last_calls(self, numbers: Sequence[str]) -> dict[str, datetime]:
        """When each of these numbers was called last; may raise StoreDownError."""
        ...


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


BINDINGS: Final = {
    BindingKind.STATIC: _("one source for good"),
    BindingKind.POOL: _("pool: one visit at a time"),
    BindingKind.DEFAULT: _("default number of its source"),
    BindingKind.RETIRING: _("retiring"),
}
PARTS: Final = {
    "config": _("Configuration"),
    "agi": _("Answers to Asterisk (FastAGI)"),
    "ami": _("Link to Asterisk (AMI)"),
    "store": _("Books"),
    "journal": _("Asterisk's journal"),
    "recordings": _("Recordings"),
    "site": _("Service for the sites"),
    "desk": _("Desk"),
    "alerts": _("Alerts"),
    "parts": _("Parts of the daemon"),
}
STATES: Final = {
    "ok": _("well"),
    "off": _("off"),
    "starting": _("starting"),
    "degraded": _("not well"),
    "refused": _("refused"),
}


async def page(asked: Asked) -> Response:
    set_up: SetUp = asked.store(SetUp)
    config = set_up.config()
    sections = config.sections if config else ()
    plain = [section for section in sections if all(not entry.path for entry in section.entries)]
    return asked.page(
        "set-up.html",
        config=config,
        plain=plain,
        plain_entries=[(section.name, entry) for section in plain for entry in section.entries],
        sections=[section for section in sections if section not in plain],
        named=_named,
        most=MOST_VALUES,
        checked=await set_up.check(),
        facts=await set_up.facts(),
        parts=set_up.parts(),
        part_titles=PARTS,
        state_titles=STATES,
    )


def _named(section: Section) -> list[tuple[str, Entry]]:
    return [(entry.path or section.name, entry) for entry in section.entries[:MOST_VALUES]]


async def numbers(asked: Asked) -> Response:
    """All tracked numbers, what they are bound to, and their last call."""
    search = asked.params.get("q", "").strip()
    digits = "".join(c for c in search if c.isdigit())
    text = search.casefold()
    directory = asked.desk.directory
    found = []
    for e164, number in sorted(directory.numbers.items()):
        source = directory.sources.get(number.binding.source)
        words = f"{number.title} {number.binding.source} {source.title if source else ''}".casefold()
        if not search or (digits and digits in e164) or text in words:
            found.append((e164, number))
    page_text = asked.params.get("page") or "1"
    last = max(1, -(-len(found) // PER_PAGE))
    if not (page_text.isascii() and page_text.isdigit() and len(page_text) < 7 and 1 <= int(page_text) <= last):
        raise Problem(404, "There is no such page.")
    place = int(page_text)
    shown = found[(place - 1) * PER_PAGE : place * PER_PAGE]
    called = await asked.store(LastCalled).last_calls([e164 for e164, _number in shown])
    values = {
        "numbers": shown,
        "called": called,
        "page": place,
        "last": last,
        "count": len(found),
        "search": search[:80],
    }
    places = _places(asked)
    return asked.page("set-up-numbers.html", **values, places=places, binding_titles=BINDINGS)


def _places(asked: Asked) -> dict[str, tuple[int, int, str]]:
    """By section and beginning of a path: (number of the file, line, file)."""
    config = asked.store(SetUp).config()
    if config is None:
        return {}
    found: dict[str, tuple[int, int, str]] = {}
    for section in config.sections:
        if section.name in ("numbers", "pools"):
            for entry in section.entries:
                if (file := config.file(entry.file)) is not None:
                    name = entry.path.partition(".")[0]
                    if section.name == "numbers":
                        name = normalise(name, asked.desk.directory.region) or name
                    found.setdefault(f"{section.name}:{name}", (file.number, entry.line, file.name))
    return found


async def file(asked: Asked) -> Response:
    """One file of the configuration, with its lines numbered; what is secret is not in it."""
    number = asked.request.path_params["number"]
    config = asked.store(SetUp).config()
    found = next((one for one in config.files if str(one.number) == number), None) if config is not None else None
    if found is None:
        raise Problem(404, "There is no such file in the configuration.")
    return asked.page("set-up-file.html", file=found, read_at=config.read_at if config else None)


async def figures(asked: Asked) -> Response:
    """The metrics in words."""
    return asked.page("set-up-figures.html", figures=asked.store(SetUp).figures())


ROUTES = [
    Route("GET", "/set-up", Right.SETUP, page),
    Route("GET", "/set-up/numbers", Right.SETUP, numbers),
    Route("GET", "/set-up/files/{number}", Right.SETUP, file),
    Route("GET", "/set-up/figures", Right.SETUP, figures),
]
