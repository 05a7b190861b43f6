"""Which calls a page is about, as a pure value and as its URL says it: ``source=avito&class=-&talk_min=60``.

The same name given twice means either value; different names must all fit. `docs/desk/calls.md` has the table of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final, TypeVar

from bridge.core.call_id import is_call_id
from bridge.core.desk.access import Role, Who
from bridge.core.desk.period import Span, read_span
from bridge.core.desk.wrong import WrongError
from bridge.core.model import AttributionKind, Outcome
from bridge.core.phone import normalise

T = TypeVar("T")


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


NONE: Final = "-"  #: in a URL: those without a source, a class, a caller's number …
OPEN: Final = "open"  #: the outcome of a call under way
CALLBACKS: Final = ("waiting", "done", "never")
LEAST_DIGITS: Final = 4  #: of the end of a caller's number
_MOST_VALUES: Final = 60
_MOST_TEXT: Final = 400
_MOST_SECONDS: Final = 86400
_SPAN: Final = ("period", "from", "to")


@dataclass(frozen=True, slots=True)
class CallQuery:
    """All given fields must fit, any value of a field may. None in a tuple stands for calls that have none of it.

    `callers` are E.164 (or as the books have them); `endings` the last digits of a caller; `callers_of` ids of calls: calls of the same
    caller. `talk_*` are seconds, `confidence_*` in [0, 1]. `within`: the bounds of whoever asks, which he cannot lift.
    """

    span: Span | None = None
    sources: tuple[str | None, ...] = ()
    campaigns: tuple[str | None, ...] = ()
    keywords: tuple[str | None, ...] = ()
    landings: tuple[str | None, ...] = ()
    outcomes: tuple[str | None, ...] = ()
    classes: tuple[str | None, ...] = ()
    tags: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    callers: tuple[str | None, ...] = ()
    endings: tuple[str, ...] = ()
    callers_of: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    answerers: tuple[str | None, ...] = ()
    kinds: tuple[str, ...] = ()
    talk_min: int | None = None
    talk_max: int | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    first: bool | None = None
    spam: bool | None = None
    callback: str | None = None
    recorded: bool = False
    text: str = ""  #: words of comments; the last one may be its beginning only
    within: CallQuery | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything is left out by choice."""
        return replace(self, within=None) != EVERYTHING

    def pairs(self) -> list[tuple[str, str]]:
        """As a URL says it, always in the same order; `within` is not part of it."""
        found = list(self.span.params().items()) if self.span else []
        for name, (field, _read) in _MANY.items():
            found += [(name, NONE if value is None else value) for value in getattr(self, field)]
        found += [("outcome", OPEN if value is None else value) for value in self.outcomes]
        found += [("caller", NONE if value is None else value) for value in self.callers]
        found += [("caller", f"*{value}") for value in self.endings]
        found += [("caller", f"@{value}") for value in self.callers_of]
        for name in _ONE:
            value = getattr(self, name)
            if value is not None:
                found.append((name, f"{value:g}" if isinstance(value, float) else str(value)))
        for name in _FLAGS:
            if (value := getattr(self, name)) is not None:
                found.append((name, "yes" if value else "no"))
        if self.callback:
            found.append(("callback", self.callback))
        if self.recorded:
            found.append(("recording", "kept"))
        if self.text:
            found.append(("q", self.text))
        return found

    def narrowed(self, who: Who, today: date, region: str) -> CallQuery:
        """The same within what `who` may see at all: an operator his line, a guest his scope.

        Raises ValueError where he asks by the end of a number that he is not to see.
        """
        if self.endings and not who.sees_callers:
            raise WrongError(_("you see callers' numbers only in part: give a whole number"))
        if who.role is Role.OPERATOR:
            return replace(self, within=CallQuery(lines=(who.line or "",)))
        if who.role is Role.GUEST and who.scope:
            return replace(self, within=read_query(pairs_of(who.scope), today, region))
        return replace(self, within=None)


EVERYTHING: Final = CallQuery()


def read_query(pairs: Iterable[tuple[str, str]], today: date, region: str) -> CallQuery:
    """The query of a URL's names and values. Empty values are as if they were not there. Raises ValueError (WrongError), in words for people.

    `region` is the ISO country in whose writing telephone numbers may be.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in NAMES:
            raise WrongError(_("there is no filter “%(name)s”"), name=name[:40])
        if len(value) > _MOST_TEXT or not value.isprintable():
            raise WrongError(_("the value of “%(name)s” is too long, or has characters that nobody types"), name=name)
        if (value := value.strip()) and value not in given.setdefault(name, []):
            given[name].append(value)
        if len(given.get(name, ())) > _MOST_VALUES:
            raise WrongError(_("“%(name)s” may be given %(most)d times at the most"), name=name, most=_MOST_VALUES)
    found: dict[str, Any] = {"span": _span(given, today)}
    for name, (field, read) in _MANY.items():
        found[field] = _unique(read(name, value, region) for value in given.get(name, ()))
    found |= _callers(given.get("caller", ()), region)
    found["outcomes"] = _unique(_outcome(value) for value in given.get("outcome", ()))
    for name, read_one in _ONE.items():
        found[name] = _single(given, name, read_one)
    for name in _FLAGS:
        found[name] = _single(given, name, _yes_or_no)
    found["callback"] = _single(given, "callback", _one_of(CALLBACKS))
    found["recorded"] = _single(given, "recording", _one_of(("kept",))) is not None
    found["text"] = " ".join(given.get("q", ()))
    made = CallQuery(**found)
    _check_bounds("talk", made.talk_min, made.talk_max)
    _check_bounds("confidence", made.confidence_min, made.confidence_max)
    return made


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Names and values of a URL's query, with or without ``?``. Raises ValueError."""
    from urllib.parse import parse_qsl

    try:
        return parse_qsl(query.removeprefix("?"), keep_blank_values=True, errors="strict", max_num_fields=500)
    except UnicodeDecodeError:
        raise WrongError(_("this is no filter of calls")) from None


# --- values -----------------------------------------------------------------------------------------------------------


def _span(given: Mapping[str, list[str]], today: date) -> Span | None:
    said = {name: given[name][-1] for name in _SPAN if given.get(name)}
    return read_span(said, today) if said else None


def _text(_name: str, value: str, _region: str) -> str:
    return value


def _text_or_none(_name: str, value: str, _region: str) -> str | None:
    return None if value == NONE else value


def _kind(_name: str, value: str, _region: str) -> str:
    return _one_of(tuple(AttributionKind))("kind", value)


def _number(_name: str, value: str, region: str) -> str:
    e164 = normalise(value, region)
    if e164 is None and not value.isdecimal():
        raise WrongError(_("“%(value)s” is not a telephone number"), value=value[:40])
    return e164 or value


def _outcome(value: str) -> str | None:
    return None if value == OPEN else _one_of((*Outcome, OPEN))("outcome", value)


def _callers(values: Iterable[str], region: str) -> dict[str, Any]:
    """A whole number in any usual writing; ``*`` and the last digits, or few digits alone; ``@`` and a call's id; ``-`` for withheld."""
    found: dict[str, list[Any]] = {"callers": [], "endings": [], "callers_of": []}
    for value in values:
        digits = re.sub(r"[ ()*./\u00a0\u2010-\u2015-]", "", value)
        if value == NONE:
            found["callers"].append(None)
        elif value.startswith("@"):
            if not is_call_id(value[1:]):
                raise WrongError(_("“%(value)s” is not the id of a call"), value=value[1:41])
            found["callers_of"].append(value[1:])
        elif not value.startswith("*") and (e164 := normalise(value, region)):
            found["callers"].append(e164)
        elif re.fullmatch(r"[0-9]{1,15}", digits, re.ASCII):
            if len(digits) < LEAST_DIGITS:
                raise WrongError(
                    _("give at least the last %(least)d digits of the caller's number"), least=LEAST_DIGITS
                )
            found["endings"].append(digits)
        else:
            raise WrongError(_("“%(value)s” is not a telephone number"), value=value[:40])
    return {name: _unique(some) for name, some in found.items()}


def _seconds(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value, re.ASCII) or int(value) > _MOST_SECONDS:
        raise WrongError(
            _("%(name)s: “%(value)s” is not a number of seconds from 0 to %(most)d"),
            name=name,
            value=value[:40],
            most=_MOST_SECONDS,
        )
    return int(value)


def _share(name: str, value: str) -> float:
    if not re.fullmatch(r"[01](\.[0-9]{1,4})?", value, re.ASCII) or float(value) > 1:
        raise WrongError(_("%(name)s: “%(value)s” is not a share from 0 to 1"), name=name, value=value[:40])
    return float(value)


def _yes_or_no(name: str, value: str) -> bool:
    return _one_of(("yes", "no"))(name, value) == "yes"


def _one_of(values: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in values:
            raise WrongError(
                _("%(name)s: “%(value)s” is none of %(known)s"), name=name, value=value[:40], known=", ".join(values)
            )
        return str(value)

    return read


def _single(given: Mapping[str, list[str]], name: str, read: Callable[[str, str], T]) -> T | None:
    values = given.get(name) or []
    if len(values) > 1:
        raise WrongError(_("“%(name)s” may be given once only"), name=name)
    return read(name, values[0]) if values else None


def _unique(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def _check_bounds(name: str, least: float | None, most: float | None) -> None:
    if least is not None and most is not None and least > most:
        raise WrongError(_("%(name)s_min is above %(name)s_max"), name=name)


#: name in the URL -> field, and how a value of it is read
_MANY: Final[Mapping[str, tuple[str, Callable[[str, str, str], Any]]]] = {
    "source": ("sources", _text_or_none),
    "campaign": ("campaigns", _text_or_none),
    "keyword": ("keywords", _text_or_none),
    "landing": ("landings", _text_or_none),
    "class": ("classes", _text_or_none),
    "tag": ("tags", _text),
    "number": ("numbers", _number),
    "line": ("lines", _text),
    "answered_by": ("answerers", _text_or_none),
    "kind": ("kinds", _kind),
}
_ONE: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "talk_min": _seconds,
    "talk_max": _seconds,
    "confidence_min": _share,
    "confidence_max": _share,
}
_FLAGS: Final = ("first", "spam")
#: Every name a URL of calls may have.
NAMES: Final = frozenset({*_SPAN, *_MANY, *_ONE, *_FLAGS, "outcome", "caller", "callback", "recording", "q"})
assert {field for field, _read in _MANY.values()} < {field.name for field in fields(CallQuery)}  # noqa: S101 - a slip of the pen
