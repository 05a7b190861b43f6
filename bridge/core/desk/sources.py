"""What rings: the question the page Sources is asked by its URL, and the arithmetic of its answer.

A path names a group of calls: ``()`` all, then source, campaign, keyword, landing page; None where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from bridge.core.desk.period import Span, read_span
from bridge.core.desk.query import EVERYTHING, NONE, pairs_of, read_query
from bridge.core.report import Step, Tally, wilson

Path: TypeAlias = tuple[str | None, ...]

LEVELS: Final = ("source", "campaign", "keyword", "landing")
#: Figures of a tally; None where there is nothing to be a share of.
FIGURES: Final[Mapping[str, Callable[[Tally], float | None]]] = {
    "calls": lambda tally: tally.calls,
    "unique": lambda tally: tally.unique,
    "first": lambda tally: tally.first_time,
    "answered_share": lambda tally: tally.answer_rate,
    "answered": lambda tally: tally.answered,
    "missed": lambda tally: tally.missed,
    "target": lambda tally: tally.target,
    "target_share": lambda tally: tally.target / tally.calls if tally.calls else None,
    "value": lambda tally: tally.value,
    "sure": lambda tally: tally.sure,
    "expected": lambda tally: tally.expected,
}
#: The ones above the chart, any of which it may show.
SHOWN: Final = ("calls", "unique", "first", "answered_share", "missed", "target", "target_share", "value")
SHARES: Final = ("answered_share", "target_share")
HEATS: Final = ("calls", "missed")
#: What the table may be sorted by: a figure, its name, or the change of calls.
SORTS: Final = (
    "calls",
    "change",
    "unique",
    "first",
    "answered",
    "missed",
    "target",
    "target_share",
    "value",
    "sure",
    "expected",
    "name",
)
LEAST_OF_HEAT: Final = 5  #: calls of an hour, below which a share says nothing
MOST: Final = 500
SOME: Final = 30  #: rows of a level, until one asks for more
_WIDE: Final = 0.2
_MOST_OPEN: Final = 20
_DAYS: Final = 92
_WEEKS: Final = 400
_NAMES: Final = ("period", "from", "to", "source", "open", "sort", "show", "heat", "most")


@dataclass(frozen=True, slots=True)
class Question:
    """`sources` empty: all of them. `open`: paths whose children are shown, every path after the one above it. `most`: rows of a level."""

    span: Span
    sources: tuple[str | None, ...] = ()
    open: tuple[Path, ...] = ()
    sort: str = "calls"
    show: str = "calls"
    heat: str = "calls"
    most: int = SOME
    bounds: Bounds | None = None

    @property
    def before(self) -> Span | None:
        """The period compared with; None where it goes beyond what may be seen."""
        before = self.span.before()
        limit = self.bounds.span if self.bounds else None
        return None if limit and (before.first < limit.first or before.last > limit.last) else before

    @property
    def roots(self) -> tuple[Path, ...]:
        """What the page is about, as paths: all calls, or the chosen sources."""
        return tuple((source,) for source in self.sources) or ((),)

    def pairs(self, **changed: object) -> list[tuple[str, str]]:
        """As a URL says it; what is as usual is left out."""
        asked = replace(self, **changed) if changed else self  # type: ignore[arg-type]
        found = list(asked.span.params().items())
        if not (self.bounds and asked.sources == self.bounds.sources):
            found += [("source", NONE if source is None else source) for source in asked.sources]
        found += [("open", write_path(path)) for path in asked.open]
        for name in ("sort", "show", "heat", "most"):
            if (value := getattr(asked, name)) != getattr(_USUAL, name):
                found.append((name, str(value)))
        return found

    def toggled(self, path: Path) -> tuple[Path, ...]:
        """What is open once `path` is opened or closed; what is below it closes with it."""
        if path in self.open:
            return tuple(one for one in self.open if one[: len(path)] != path)
        return (*self.open, path)


_USUAL: Final = Question(Span(date.min, date.min))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a guest may see: some sources (empty: all), some days (None: all)."""

    sources: tuple[str | None, ...] = ()
    span: Span | None = None


def bounds_of(scope: str, today: date, region: str) -> Bounds | None:
    """A guest's scope; None where it is more than sources and days, for which there are no sums."""
    try:
        found = read_query(pairs_of(scope), today, region)
    except ValueError:
        return None
    if replace(found, span=None, sources=()) != EVERYTHING:
        return None
    return Bounds(found.sources, found.span)


def read_question(pairs: Iterable[tuple[str, str]], today: date, bounds: Bounds | None = None) -> Question:
    """The question of a URL. Raises ValueError, in words for the person who wrote it."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in _NAMES:
            raise ValueError(f"{name[:40]!r} is no name this page knows")
        given.setdefault(name, []).append(value)
    limit = bounds or Bounds()
    span = read_span({name: values[-1] for name, values in given.items()}, today)
    if limit.span is not None:
        span = _within(span, limit.span)
    sources = tuple(dict.fromkeys(None if value == NONE else value for value in given.get("source", ())))
    if limit.sources and not set(sources) <= set(limit.sources):
        raise ValueError("you do not see this source")
    opened = sorted({read_path(value) for value in given.get("open", ())}, key=len)
    if len(opened) > _MOST_OPEN:
        raise ValueError(f"at most {_MOST_OPEN} rows can be open")
    most = given.get("most", [str(SOME)])[-1]
    if not (most.isascii() and most.isdecimal() and 1 <= int(most[:6]) <= MOST):
        raise ValueError(f"most: {most[:40]!r} is not a number from 1 to {MOST}")
    return Question(
        span,
        sources or limit.sources,
        tuple(opened),
        _one_of(given, "sort", SORTS),
        _one_of(given, "show", SHOWN),
        _one_of(given, "heat", HEATS),
        int(most),
        bounds,
    )


def write_path(path: Path) -> str:
    """``yandex-direct/brand/-``: the parts one after another; ``-`` is none."""
    return "/".join(NONE if part is None else "%2D" if part == NONE else quote(part, safe="") for part in path)


def read_path(text: str) -> Path:
    """The path so written. Raises ValueError."""
    parts = text.split("/")
    if not 1 <= len(parts) < len(LEVELS) or not all(parts) or len(text) > 4000:
        raise ValueError(f"{text[:40]!r} is not a row that can be opened")
    return tuple(None if part == NONE else unquote(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Share:
    """A share, and what it may well be: 95 % (Wilson)."""

    value: float
    low: float
    high: float

    @property
    def wide(self) -> bool:
        """Whether so few calls say little."""
        return self.high - self.low > _WIDE


def share(part: int, whole: int) -> Share | None:
    """`part` of `whole`; None of nothing."""
    interval = wilson(part, whole)
    return None if interval is None else Share(part / whole, *interval)


@dataclass(frozen=True, slots=True)
class Branch:
    """A row of the table. `depth`: how far it is set in, 0 for sources; `trend`: calls over time; `opened` None: there is nothing below."""

    path: Path
    depth: int
    tally: Tally
    before: Tally
    trend: tuple[int, ...] = ()
    opened: bool | None = False

    @property
    def level(self) -> str:
        return LEVELS[len(self.path) - 1]

    @property
    def target_share(self) -> Share | None:
        return share(self.tally.target, self.tally.calls)

    @property
    def change(self) -> float | None:
        """Of calls, against the period before, as a share; None where there were none."""
        return (self.tally.calls - self.before.calls) / self.before.calls if self.before.calls else None


def in_order(branches: Sequence[Branch], sort: str) -> list[Branch]:
    """Most first, and by name where they are equal; by name alone from the first letter on."""

    def name(branch: Branch) -> tuple[bool, str]:
        return branch.path[-1] is None, (branch.path[-1] or "").casefold()

    def figure(branch: Branch) -> float:
        value = branch.change if sort == "change" else FIGURES[sort](branch.tally)
        return float("-inf") if value is None else value

    by_name = sorted(branches, key=name)
    return by_name if sort == "name" else sorted(by_name, key=figure, reverse=True)


def added(tallies: Sequence[Tally]) -> Tally:
    """All of them together. Callers may have called several groups, so that of more than one group `unique` is the most it can be."""
    names = (
        "calls",
        "unique",
        "first_time",
        "answered",
        "missed",
        "talk_ms",
        "spam",
        "wait_ms",
        "target",
        "sure",
        "value",
    )
    counts = {name: sum(getattr(tally, name) for tally in tallies) for name in names}
    return Tally(**counts, expected=sum(tally.expected for tally in tallies))


def step_of(span: Span) -> Step:
    """What a chart of so many days is drawn by."""
    return Step.DAY if span.days <= _DAYS else Step.WEEK if span.days <= _WEEKS else Step.MONTH


@dataclass(frozen=True, slots=True)
class Counted:
    """What the figures count, in the words of the list of calls: classes that count as target, those that do not count as spam,
    and outcomes without a talk.
    """

    targets: Sequence[str]
    wished: Sequence[str]
    missed: Sequence[str]


def calls_pairs(span: Span, paths: Sequence[Path], figure: str, counted: Counted) -> list[tuple[str, str]]:
    """The filter of the list of calls that a figure of these groups counts: of one path, or of several sources.

    Spam is in no figure: neither what the bridge took for it, nor what a person said is spam.
    """
    found = list(span.params().items())
    for path in paths:
        found += [(name, NONE if part is None else part) for name, part in zip(LEVELS, path, strict=False)]
    classes = [*counted.wished, NONE]
    match figure:
        case "first":
            found.append(("first", "yes"))
        case "answered" | "answered_share":
            found.append(("outcome", "answered"))
        case "missed":
            found += [("outcome", outcome) for outcome in counted.missed]
        case "target" | "target_share":
            classes = list(counted.targets)
        case "sure":
            found.append(("confidence_min", "0.9"))
    return [*found, *(("class", name) for name in classes), ("spam", "no")]


def _one_of(given: Mapping[str, list[str]], name: str, values: Sequence[str]) -> str:
    value = given.get(name, [values[0]])[-1]
    if value not in values:
        raise ValueError(f"{name}: {value[:40]!r} is none of {', '.join(values)}")
    return value


def _within(span: Span, limit: Span) -> Span:
    if limit.first <= span.first and span.last <= limit.last:
        return span
    first, last = max(span.first, limit.first), min(span.last, limit.last)
    return Span(first, last) if first <= last else Span(limit.first, limit.last, limit.name)


def range_end(begin: date, end: date) -> date:
    """The last of the days from `begin` to before `end`."""
    return max(begin, end - timedelta(days=1))
