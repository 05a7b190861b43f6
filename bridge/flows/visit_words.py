"""What a page asks, what it is told, and what is counted of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bridge.core.site import Consent

#: The digits of a printed number -> the number shown in its place, in four ways of writing it.
Swap: TypeAlias = dict[str, Mapping[str, str]]
EventKind: TypeAlias = Literal["tap", "copy", "page", "leave"]


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that asks for its number. Everything in it is the browser's and may be made up, but for `address` and `region`."""

    page: str
    referrer: str = ""
    visitor: str | None = None
    visit: str | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    mobile: bool | None = None
    consent: Consent = "full"
    address: str = ""
    agent: str = ""
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a page. `visitor` is None without cookies; `swap` maps the digits of a printed number to what takes its place."""

    visitor: str | None
    visit: str
    swap: Swap


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer to a sign of life where the page may show something else than it is to show now. `ask`: it is to ask anew as well."""

    swap: Swap
    ask: bool = False


@dataclass(slots=True)
class VisitCounters:
    """Since the start, but for `open`."""

    begun: int = 0
    covered: int = 0  #: of them, shown a number of their own
    default: int = 0  #: of them, shown their source's default number
    printed: int = 0  #: of them, left with the printed number
    not_durable: int = 0  #: answers that showed the default number because the store was too slow
    beats: int = 0
    swapped_back: int = 0  #: pages told to show another number than before
    taps: int = 0
    unknown: int = 0  #: beats and events of visits nobody knows
    forgotten: int = 0  #: visits deleted from the books when their time was over
    open: int = 0
