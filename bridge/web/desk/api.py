"""The JSON API: calls, what is said of them, reports. The same filters, rights and bounds as the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from bridge.core.call_id import is_call_id
from bridge.core.desk.access import Right
from bridge.core.desk.calls import Listed
from bridge.core.desk.days import begin_of
from bridge.core.desk.masking import masked
from bridge.core.desk.period import read_span
from bridge.core.desk.saying import (
    Change,
    SetChecks,
    SetClass,
    SetComment,
    SetTags,
    SetValue,
    read_comment,
    read_tags,
)
from bridge.core.desk.sources import MOST as MOST_SOURCES
from bridge.flows.sums import Sums
from bridge.web.desk.api_models import (
    ApiAttribution,
    ApiCall,
    ApiCalls,
    ApiPool,
    ApiPools,
    ApiReport,
    ApiSource,
    CallChange,
)
from bridge.web.desk.asking import bounds_of, query_of
from bridge.web.desk.calls_ports import Lists, Saying
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_body
from bridge.web.desk.pools import Past, known_pools
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.saying import class_of, new_batch
from bridge.web.desk.sources import question_of
from bridge.web.desk.sources_tree import tree

_USUAL: Final = 100
_MOST: Final = 200  #: calls of a page


async def calls(asked: Asked) -> Response:
    """The same filters as the page's."""
    pairs = asked.request.query_params.multi_items()
    given = {name: value for name, value in pairs if name in ("limit", "cursor")}
    query = query_of(asked, [pair for pair in pairs if pair[0] not in given])
    limit = given.get("limit", str(_USUAL))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= _MOST):
        raise Problem(400, "limit is a number from 1 to %(most)d.", most=_MOST)
    lists: Lists = asked.store(Lists)
    try:
        found = await lists.page(query, asked.desk.zone, int(limit), given.get("cursor") or None)
    except ValueError:
        raise Problem(400, "There is no such page of this list.") from None
    return answer(ApiCalls(calls=[_call(asked, one) for one in found.calls], cursor=found.cursor))


async def call(asked: Asked) -> Response:
    return answer(_call(asked, await _listed(asked)))


async def change(asked: Asked) -> Response:
    """All of it or, where something is wrong with it, nothing. The changes are one step of the history, undone together."""
    listed = await _listed(asked)
    kind = asked.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "The body must be JSON.")
    try:
        wanted = CallChange.model_validate_json(await read_body(asked))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise Problem(400, "%(where)s: %(why)s", where=where or "the body", why=first["msg"][:200]) from None
    changes = _changes(asked, wanted)
    saying: Saying = asked.store(Saying)
    batch = new_batch()
    for one in changes:
        try:
            await saying.say([listed.id], one, asked.person.name, asked.desk.clock(), batch)
        except ValueError as error:
            raise Problem(400, "%(why)s", why=str(error)) from None
    return answer(_call(asked, await _listed(asked)))


async def report(asked: Asked) -> Response:
    question = question_of(asked)
    if question is None:
        raise Problem(403, "This link has no reports.")
    rows = await tree(asked.store(Sums), replace(question, most=MOST_SOURCES, open=()))
    sources = [
        ApiSource(
            source=row.path[0],
            calls=row.tally.calls,
            unique=row.tally.unique,
            first_time=row.tally.first_time,
            answered=row.tally.answered,
            missed=row.tally.missed,
            target=row.tally.target,
            sure=row.tally.sure,
            expected=round(row.tally.expected, 4),
            value=row.tally.value,
            calls_before=row.before.calls,
        )
        for row in rows
    ]
    return answer(ApiReport(begin=question.span.first, end=question.span.last, sources=sources))


async def pools(asked: Asked) -> Response:
    if unknown := [name for name in asked.params if name not in ("period", "from", "to")]:
        raise Problem(400, "%(name)s is no filter of this page.", name=unknown[0][:40])
    try:
        span = read_span(asked.params, asked.desk.today())
    except ValueError as error:
        raise Problem(400, "This address cannot be: %(why)s.", why=str(error)) from None
    past: Past = asked.store(Past)
    begin, end = begin_of(span.first, asked.desk.zone), begin_of(span.end, asked.desk.zone)
    found = []
    for pool in known_pools(asked):
        days = await past.occupancy(begin, end, pool.source, by_day=True)
        found.append(
            ApiPool(
                source=pool.source,
                numbers=pool.numbers,
                hold=pool.hold,
                visits=sum(day.visits for day in days),
                covered=sum(day.covered for day in days),
                peak=max((day.peak for day in days), default=0),
                taken=sum(day.taken for day in days),
                early=sum(day.early for day in days),
            )
        )
    return answer(ApiPools(begin=span.first, end=span.last, pools=found))


def answer(said: BaseModel) -> Response:
    return Response(said.model_dump_json(by_alias=True), media_type="application/json")


async def _listed(asked: Asked) -> Listed:
    call_id = asked.request.path_params["id"]
    lists: Lists = asked.store(Lists)
    found = await lists.listed(bounds_of(asked), asked.desk.zone, [call_id]) if is_call_id(call_id) else []
    if not found:
        raise Problem(404, "There is no such call.")
    return found[0]


def _changes(asked: Asked, wanted: CallChange) -> list[Change]:
    """Raises Problem."""
    changes: list[Change] = []
    given = wanted.model_fields_set
    try:
        if "call_class" in given:
            changes.append(SetClass(class_of(asked, wanted.call_class or "")))
        if "tags" in given:
            changes.append(SetTags(read_tags(wanted.tags or ())))
        if "comment" in given:
            changes.append(SetComment(read_comment(wanted.comment or "")))
    except ValueError as error:
        raise Problem(400, "%(why)s", why=str(error)) from None
    if "value" in given:
        changes.append(SetValue(wanted.value))
    if wanted.checklist:
        if not wanted.checklist.keys() <= asked.desk.settings.checklist.keys():
            raise Problem(400, "This is not an item of the checklist.")
        changes.append(SetChecks(wanted.checklist))
    return changes


def _call(asked: Asked, one: Listed) -> ApiCall:
    zone, caller = asked.desk.zone, one.caller

    def local(at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(zone)

    said = one.said
    return ApiCall(
        id=one.id,
        started_at=one.started_at.astimezone(zone),
        number=one.number,
        caller=caller if caller is None or asked.person.sees_callers else masked(caller),
        caller_name=one.caller_name,
        first_time=one.first_time,
        source=one.source,
        campaign=one.campaign,
        keyword=one.keyword,
        landing=one.landing,
        attribution=ApiAttribution(kind=one.kind, reason=one.reason, confidence=one.confidence),
        line=one.line,
        outcome=one.outcome,
        wait=one.wait,
        talk=one.talk,
        answered_by=one.answered_by,
        recorded=one.recorded,
        spam=one.spam,
        wants_callback=one.wants_callback,
        called_back_at=local(one.called_back_at),
        call_class=said.call_class,
        tags=list(said.tags),
        comment=said.comment,
        value=said.value,
        checklist=dict(said.checks),
        score=one.score,
    )


_PERIOD: Final = (
    ("period", "string", "today, yesterday, 7d (any number of days), this-week, last-week, this-month, last-month, this-year"),
    ("from", "string", "the first day, like 2026-11-01"),
    ("to", "string", "the last day, included"),
)  # fmt: skip
#: Name, JSON type, meaning. A name given twice means either value; `-` those that have none.
FILTERS: Final[Mapping[str, tuple[str, str]]] = {
    "source": ("string", "name of a source"),
    "campaign": ("string", "campaign"),
    "keyword": ("string", "keyword"),
    "landing": ("string", "landing page"),
    "outcome": ("string", "answered, unanswered, busy, ..., or open for calls under way"),
    "class": ("string", "class people gave"),
    "tag": ("string", "tag"),
    "number": ("string", "tracked number"),
    "caller": ("string", "caller's number, or its end as *1234"),
    "line": ("string", "name of a line"),
    "answered_by": ("string", "phone that answered"),
    "kind": ("string", "kind of attribution"),
    "talk_min": ("integer", "seconds of talk, at least"),
    "talk_max": ("integer", "seconds of talk, at most"),
    "confidence_min": ("number", "confidence of the attribution, at least"),
    "confidence_max": ("number", "confidence of the attribution, at most"),
    "first": ("string", "yes or no: the caller's first call"),
    "spam": ("string", "yes or no"),
    "callback": ("string", "waiting, done or never"),
    "recording": ("string", "kept: with a recording"),
    "q": ("string", "words of comments"),
}
_CALLS: Final = (
    *_PERIOD,
    *((name, kind, meaning) for name, (kind, meaning) in FILTERS.items()),
    ("limit", "integer", f"calls of a page, 1 to {_MOST}"),
    ("cursor", "string", "`cursor` of the page before"),
)

ROUTES = [
    Route("GET", "/v1/calls", Right.CALLS, calls, "Calls, newest first", answer=ApiCalls, parameters=_CALLS),
    Route("GET", "/v1/calls/{id}", Right.CALLS, call, "One call", answer=ApiCall),
    Route("PATCH", "/v1/calls/{id}", Right.CLASSIFY, change, "Say something of a call", CallChange, ApiCall),
    Route(
        "GET", "/v1/report", Right.REPORTS, report, "Calls by source", answer=ApiReport,
        parameters=(*_PERIOD, ("source", "string", "name of a source")),
    ),
    Route("GET", "/v1/pools", Right.REPORTS, pools, "Pools of dynamic numbers", answer=ApiPools, parameters=_PERIOD),
]  # fmt: skip
