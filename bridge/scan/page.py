"""What stands on one page: its links, the snippet, and telephone numbers with the place where each stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import phonenumbers

from bridge.core.phone import normalise

SNIPPET = re.compile(r"/s/v1(\.[0-9a-f]{8})?\.js$")
_SILENT = {"script", "style", "template", "noscript", "textarea", "select"}
_INLINE = frozenset(  # as the snippet reads them, and some
    "a abbr b bdi bdo cite code data em font i ins kbd mark nobr q s samp small span strong sub sup u wbr".split()  # noqa: SIM905
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
_ATTRIBUTES = {"title": "attribute", "alt": "attribute", "aria-label": "attribute", "content": "attribute",
               "placeholder": "field", "value": "field"}  # fmt: skip
_MESSENGER = re.compile(
    r"^(https?://)?(wa\.me|api\.whatsapp\.com|t\.me)/|^(viber|whatsapp|tg|skype|sms|callto):", re.IGNORECASE
)
_MAX_TEXT = 400_000


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A number (E.164) as it is `written` on a page. `place`: text, link, attribute, or where the snippet does not go: off (opted out),
    field (of a form), script, data (JSON-LD), messenger (a link to one).
    """

    number: str
    written: str
    place: str


@dataclass(slots=True)
class Page:
    """What was found on a page. `links` are absolute and without fragments; `site` is the name the snippet was given."""

    url: str
    title: str = ""
    snippet: bool = False
    site: str | None = None
    links: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    numbers: list[Found] = field(default_factory=list)


def read_page(url: str, html: str, region: str) -> Page:
    """Never raises, whatever the page is like."""
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    page = reader.page
    found: dict[Found, None] = {}
    for place, text in (*reader.texts, *(("text", line) for line in reader.lines)):
        for number, written in numbers_in(text[:_MAX_TEXT], region):
            found[Found(number, written, place)] = None
    for href in reader.phone_links:
        number_of_link = normalise(unquote(href).split(";")[0].split(",")[0], region)
        if number_of_link is not None:
            found[Found(number_of_link, f"tel:{href}", "off" if href in reader.opted_out else "link")] = None
    page.numbers = list(found)
    return page


def numbers_in(text: str, region: str) -> Iterator[tuple[str, str]]:
    """E.164 and writing of every telephone number in a text."""
    # people write numbers with narrow and hard spaces and long dashes
    plain = re.sub(r"[\u00a0\u2000-\u200a\u202f]", " ", re.sub(r"[\u00ad\u200b\u2060]", "", text))
    for match in phonenumbers.PhoneNumberMatcher(plain, region, leniency=phonenumbers.Leniency.VALID, max_tries=5000):
        yield phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164), match.raw_string


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page(url)
        self.lines: list[str] = []  #: texts that stand together, over inline elements
        self.texts: list[tuple[str, str]] = []  #: (place, text)
        self.phone_links: list[str] = []
        self.opted_out: set[str] = set()
        self._base = url
        self._open: list[str] = []
        self._off: list[int] = []  #: depths of elements that are opted out
        self._line: list[str] = []
        self._silent: str | None = None
        self._data = False
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _INLINE:
            self._end_line()
        if tag not in _VOID:
            self._open.append(tag)
        if given.get("data-callbridge", "").lower() == "off" and tag not in _VOID:
            self._end_line()
            self._off.append(len(self._open))
        if tag == "base" and given.get("href"):
            self._base = _joined(self.page.url, given["href"]) or self._base
        self._in_title = tag == "title"
        if tag in _SILENT:
            self._silent, self._data = tag, "json" in given.get("type", "")
        if tag == "script" and SNIPPET.search(urlsplit(_joined(self._base, given.get("src", "")) or "").path):
            self.page.snippet, self.page.site = True, given.get("data-site") or None
        if tag in ("iframe", "frame") and (frame := _joined(self._base, given.get("src", ""))):
            self.page.frames.append(frame)
        if tag in ("a", "area"):
            self._link(given.get("href", "").strip())
        self.texts += [
            ("off" if self._off else place, given[name]) for name, place in _ATTRIBUTES.items() if name in given
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self._end_line()
        if tag == self._silent:
            self._silent = None
        if tag in self._open:
            while self._open.pop() != tag:
                pass
            while self._off and self._off[-1] > len(self._open):
                self._end_line(off=True)
                self._off.pop()
        self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.page.title = (self.page.title + data).strip()[:200]
        if self._silent == "script":
            self.texts.append(("data", " ".join(_strings(data))) if self._data else ("script", data))
        elif self._silent is None:
            self._line.append(data)

    def close(self) -> None:
        super().close()
        self._end_line()

    def _end_line(self, *, off: bool = False) -> None:
        text = "".join(self._line).strip()
        self._line = []
        if any(c.isdigit() for c in text):
            if off or self._off:
                self.texts.append(("off", text))
            else:
                self.lines.append(text)

    def _link(self, href: str) -> None:
        if href.lower().startswith("tel:"):
            self.phone_links.append(href[4:])
            if self._off:
                self.opted_out.add(href[4:])
        elif _MESSENGER.search(href):
            digits = re.sub(r"\D", "", unquote(href))
            self.texts.append(("messenger", f"+{digits}"))
        elif link := _joined(self._base, href):
            self.page.links.append(link)


def _joined(base: str, href: str) -> str | None:
    try:
        link = urldefrag(urljoin(base, href)).url
        return link if urlsplit(link).scheme in ("http", "https") else None
    except ValueError:
        return None


def _strings(text: str) -> Iterable[str]:
    """All texts in a piece of JSON."""
    try:
        pending: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value + " ; "
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
