"""What people say of a call: class, tags, comment, value, checklist; what a change makes of it, and its trace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from bridge.core.desk.wrong import WrongError

MOST_TAGS: Final = 20
MOST_TAG: Final = 60  #: characters
MOST_COMMENT: Final = 4000


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


class What(StrEnum):
    """What a change is of: `changes.what`."""

    CLASS = "class"
    TAGS = "tags"
    COMMENT = "comment"
    VALUE = "value"
    CHECKLIST = "checklist"


@dataclass(frozen=True, slots=True)
class Said:
    """`value` is in hundredths of the currency; `checks` has the items of the checklist somebody judged."""

    call_class: str | None = None
    tags: tuple[str, ...] = ()
    comment: str = ""
    value: int | None = None
    checks: Mapping[str, bool] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """The share of the judged items that were met."""
        return sum(self.checks.values()) / len(self.checks) if self.checks else None

    def about(self, what: What) -> Any:
        """As `changes` has it: text, list, number, object; None where nothing is said."""
        match what:
            case What.CLASS:
                return self.call_class
            case What.TAGS:
                return sorted(self.tags)
            case What.COMMENT:
                return self.comment or None
            case What.VALUE:
                return self.value
            case What.CHECKLIST:
                return {name: bool(passed) for name, passed in sorted(self.checks.items())}

    def with_(self, what: What, value: Any) -> Said:
        """The reverse of `about`."""
        match what:
            case What.CLASS:
                return replace(self, call_class=value)
            case What.TAGS:
                return replace(self, tags=tuple(sorted(value or ())))
            case What.COMMENT:
                return replace(self, comment=value or "")
            case What.VALUE:
                return replace(self, value=value)
            case What.CHECKLIST:
                return replace(self, checks=dict(value or {}))


@dataclass(frozen=True, slots=True)
class SetClass:
    """None: unclassified."""

    name: str | None


@dataclass(frozen=True, slots=True)
class ChangeTags:
    """Adds some and removes some."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetTags:
    """These and no others."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetComment:
    text: str


@dataclass(frozen=True, slots=True)
class SetValue:
    """In hundredths; None: none."""

    value: int | None


@dataclass(frozen=True, slots=True)
class SetChecks:
    """Items of the checklist; None: not judged. Those not named stay as they are."""

    checks: Mapping[str, bool | None]


Change: TypeAlias = SetClass | ChangeTags | SetTags | SetComment | SetValue | SetChecks


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a call's history. `before` and `after` are as `Said.about` gives them."""

    call_id: str
    at: datetime
    by: str
    what: str
    before: Any
    after: Any
    batch: str


def changed(said: Said, change: Change) -> Said:
    """What is said after the change. Raises ValueError where there are too many tags then."""
    match change:
        case SetClass(name):
            return replace(said, call_class=name)
        case SetTags(tags):
            return replace(said, tags=_few(tags))
        case ChangeTags(add, remove):
            return replace(said, tags=_few([tag for tag in (*said.tags, *add) if tag not in remove]))
        case SetComment(text):
            return replace(said, comment=text)
        case SetValue(value):
            return replace(said, value=value)
        case SetChecks(checks):
            judged = {**said.checks, **checks}
            return replace(said, checks={name: met for name, met in judged.items() if met is not None})


def what_of(change: Change) -> What:
    """What the change is of."""
    match change:
        case SetClass():
            return What.CLASS
        case SetTags() | ChangeTags():
            return What.TAGS
        case SetComment():
            return What.COMMENT
        case SetValue():
            return What.VALUE
        case SetChecks():
            return What.CHECKLIST


def read_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Tags as people type them, several with commas between; sorted. Raises ValueError."""
    found: dict[str, str] = {}
    for text in texts:
        for part in text.split(","):
            tag = " ".join(part.replace("#", " ").split())
            if len(tag) > MOST_TAG:
                raise WrongError(_("a tag may have %(most)d characters at the most"), most=MOST_TAG)
            if tag and not tag.isprintable():
                raise WrongError(_("a tag has characters that cannot be seen"))
            if tag:
                found.setdefault(tag.casefold(), tag)
    return _few(found.values())


def read_comment(text: str) -> str:
    """A comment without what cannot be seen, but for line ends. Raises ValueError where it is too long."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cleaned = "\n".join("".join(c if c.isprintable() else " " for c in line).rstrip() for line in lines).strip()
    if len(cleaned) > MOST_COMMENT:
        raise WrongError(_("a comment may have %(most)d characters at the most"), most=MOST_COMMENT)
    return cleaned


def read_value(text: str) -> int | None:
    """An amount of money as people write it (``12 500,50``), in hundredths. Raises ValueError."""
    plain = re.sub(r"[\s\u00a0\u202f']", "", text).replace(",", ".")
    if not plain:
        return None
    if not re.fullmatch(r"[0-9]{1,11}(\.[0-9]{1,2})?", plain, re.ASCII):
        raise WrongError(_("“%(value)s” is not an amount of money: write it like 12500 or 12500.50"), value=text[:40])
    whole, _point, rest = plain.partition(".")
    return int(whole) * 100 + int((rest + "00")[:2])


def _few(tags: Iterable[str]) -> tuple[str, ...]:
    found = tuple(sorted(set(tags)))
    if len(found) > MOST_TAGS:
        raise WrongError(_("a call may have %(most)d tags at the most"), most=MOST_TAGS)
    return found
