"""A `CallQuery` as SQL over the table `calls`, and ids of calls found by it, newest first, at a cost of what is shown.

Every condition that alone leaves few calls has an index in the order of lists (what is asked, `started_at`, `id`). Where several values of
a field may be, each is looked up in that order by itself and the findings are merged, because a database would else sort them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    Table,
    and_,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

from bridge.core.desk.query import CallQuery
from bridge.core.model import Outcome, RecordingStatus
from bridge.store.desk_schema import tags, words
from bridge.store.schema import calls
from bridge.store.words import plain_words, stem

Position: TypeAlias = tuple[datetime, str]  #: when a call began, and its id
Condition: TypeAlias = ColumnElement[bool]
#: The last digits of a caller, as the index has them; both databases read it alike.
ENDING: Final = literal_column("substr(calls.caller, length(calls.caller) - 3)", String)
_ENDING_LENGTH: Final = 4
_KEPT: Final = calls.c.recording_status == literal_column(f"'{RecordingStatus.KEPT.value}'")  # as the index says it
_MISSED_FOR_GOOD: Final = and_(
    calls.c.wants_callback.is_(False),
    calls.c.called_back_at.is_(None),
    calls.c.outcome != literal_column(f"'{Outcome.ANSWERED.value}'"),
)
#: Fields that may have several values, the most telling first.
_COLUMNS: Final = (
    ("callers", calls.c.caller),
    ("numbers", calls.c.number),
    ("keywords", calls.c.keyword),
    ("landings", calls.c.landing),
    ("campaigns", calls.c.campaign),
    ("answerers", calls.c.answered_by),
    ("classes", calls.c["class"]),
    ("sources", calls.c.source),
    ("outcomes", calls.c.outcome),
    ("kinds", calls.c.attribution_kind),
    ("lines", calls.c.line),
)
_AFTER: Final = "\U0010ffff"


class _Plain(ColumnElement[Any]):
    """A column whose indexes SQLite is not to use: it knows nothing of how many rows each would find."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type

    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - so the library has it


@compiles(_Plain)
def _plain(element: _Plain, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.column, **options))


@compiles(_Plain, "sqlite")
def _plain_on_sqlite(element: _Plain, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.column, **options)}"


def conditions(query: CallQuery, zone: tzinfo, *, led: bool = False) -> list[Condition]:
    """What must be true of a row of `calls`. `zone`: in which the days of `query.span` are meant. `led`: rows come by another condition."""
    where = _of_text(query.text) + _bounds(query, zone) + _flags(query)
    for field, column in _COLUMNS:
        if values := getattr(query, field):
            where.append(_any_of(_Plain(column) if led else column, values))
    if query.tags:
        where.append(
            select(tags.c.tag).where(tags.c.call_id == calls.c.id, tags.c.tag.in_(query.tags)).correlate(calls).exists()
        )
    if query.endings:
        where.append(or_(*(_ends_with(digits) for digits in query.endings)))
    if query.callers_of:
        where.append(calls.c.caller.in_(_caller_of(query.callers_of)))
    if query.within is not None:
        where += conditions(query.within, zone, led=led)
    return where


def found_ids(query: CallQuery, zone: tzinfo, limit: int, after: Position | None = None) -> Select[Any]:
    """`started_at` and `id` of at most `limit` calls, newest first; `after`: those that come after that one in the list."""
    branches = [_branch(part, zone, limit, after) for part in _parts(query)]
    if len(branches) == 1:
        return branches[0]
    merged = union_all(*(select(branch.subquery()) for branch in branches)).subquery()
    found = select(merged.c.started_at, merged.c.id).distinct()
    return found.order_by(merged.c.started_at.desc(), merged.c.id.desc()).limit(limit)


@dataclass(frozen=True, slots=True)
class _Part:
    """`lead` is true of rows of `table`, in whose order the part is read; `query` is what else must be true."""

    query: CallQuery
    table: Table = calls
    lead: Condition | None = None


def _parts(query: CallQuery) -> list[_Part]:
    """The query taken apart by the values of one field: each part comes out of one index, in order. What is in two of them counts once."""
    if typed := plain_words(query.text):
        if len(typed) == 1:
            return [_Part(replace(query, text=""), words, lead) for lead in _beginnings(typed[0])]
        longest = max(typed[:-1], key=len)
        typed.remove(longest)
        return [_Part(replace(query, text=" ".join(typed)), words, words.c.word == stem(longest))]
    if query.tags:
        return [_Part(replace(query, tags=()), tags, tags.c.tag == tag) for tag in query.tags]
    if query.callers_of:
        rest = replace(query, callers_of=())
        return [_Part(rest, calls, calls.c.caller == _caller_of([one]).scalar_subquery()) for one in query.callers_of]
    if query.endings:
        return [_Part(replace(query, endings=()), calls, _ends_with(digits)) for digits in query.endings]
    given = [(field, column, getattr(query, field)) for field, column in _COLUMNS if getattr(query, field)]
    given = [one for one in given if len(one[2]) > 1] or given
    if not given or (len(given) == 1 and len(given[0][2]) == 1):
        return [_Part(query)]
    field, column, values = min(given, key=lambda one: None in one[2])
    without: dict[str, Any] = {field: ()}
    return [_Part(replace(query, **without), calls, _any_of(column, (value,))) for value in values]


def _branch(part: _Part, zone: tzinfo, limit: int, after: Position | None) -> Select[Any]:
    """Tags and words stand in tables of their own, which are in the order of lists: they lead there."""
    source: FromClause = calls
    at, call_id = calls.c.started_at, calls.c.id
    where = conditions(part.query, zone, led=part.lead is not None)
    if part.table is not calls:
        at, call_id = part.table.c.started_at, part.table.c.call_id
        source = part.table.join(calls, calls.c.id == call_id)
        where += _times(part.query, zone, at)
    if part.lead is not None:
        where.append(part.lead)
    if after is not None:
        where.append(tuple_(at, call_id) < after)
    found = select(at.label("started_at"), call_id.label("id")).select_from(source).where(*where)
    return found.order_by(at.desc(), call_id.desc()).limit(limit)


# --- conditions -------------------------------------------------------------------------------------------------------


def _any_of(column: Any, values: Sequence[str | None]) -> Condition:
    named = [value for value in values if value is not None]
    parts: list[Condition] = []
    if named:
        parts.append(column == named[0] if len(named) == 1 else column.in_(named))
    if None in values:
        parts.append(column.is_(None))
    return parts[0] if len(parts) == 1 else or_(*parts)


def _times(query: CallQuery, zone: tzinfo, column: Any) -> list[Condition]:
    if query.span is None:
        return []
    begin, end = query.span.bounds(zone)
    return [column >= begin, column < end]


def _bounds(query: CallQuery, zone: tzinfo) -> list[Condition]:
    where = _times(query, zone, calls.c.started_at)
    if query.talk_min is not None:
        where.append(calls.c.talk_ms >= query.talk_min * 1000)
    if query.talk_max is not None:
        where.append(func.coalesce(calls.c.talk_ms, 0) <= query.talk_max * 1000)
    if query.confidence_min is not None:
        where.append(calls.c.attribution_confidence >= query.confidence_min)
    if query.confidence_max is not None:
        where.append(calls.c.attribution_confidence <= query.confidence_max)
    return where


def _flags(query: CallQuery) -> list[Condition]:
    where: list[Condition] = []
    if query.first is not None:
        where.append(calls.c.first_time.is_(query.first))
    if query.spam is not None:
        where.append(calls.c.spam.is_(query.spam))
    if query.recorded:
        where.append(_KEPT)
    match query.callback:
        case "waiting":
            where.append(calls.c.wants_callback.is_(True))
        case "done":
            where.append(calls.c.called_back_at.is_not(None))
        case "never":
            where.append(_MISSED_FOR_GOOD)
    return where


def _ends_with(digits: str) -> Condition:
    return and_(ENDING.in_([digits[-_ENDING_LENGTH:]]), calls.c.caller.like(f"%{digits}"))


def _caller_of(ids: Sequence[str]) -> Select[Any]:
    other = calls.alias("other")
    return select(other.c.caller).where(other.c.id.in_(ids))


def _of_text(text: str) -> list[Condition]:
    """Every word must be there; of the last one the beginning is enough."""
    typed = plain_words(text)
    if not typed:
        return [false()] if text else []
    said = select(words.c.word).where(words.c.call_id == calls.c.id).correlate(calls)
    where: list[Condition] = [said.where(words.c.word == stem(word)).exists() for word in typed[:-1]]
    return [*where, said.where(or_(*_beginnings(typed[-1]))).exists()]


def _beginnings(word: str) -> tuple[Condition, Condition]:
    return words.c.word == stem(word), and_(words.c.word >= word, words.c.word < word + _AFTER)
