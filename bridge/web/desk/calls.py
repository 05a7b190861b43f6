"""The list of calls: newest first, endless, filtered by its URL."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right
from bridge.core.desk.calls import CallPage
from bridge.core.desk.query import CallQuery
from bridge.core.desk.saying import Entry
from bridge.web.desk.asking import OTHERS, address_of, as_seen, bounds_of, call_of, query_of
from bridge.web.desk.call_filters import Choices, chips
from bridge.web.desk.calls_ports import Lists, Saying
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem, Route

PAGE: Final = 50
MOST_COUNTED: Final = 10_000


async def calls_page(asked: Asked) -> Response:
    """The page, or with htmx and a cursor its next rows."""
    query, params = query_of(asked), asked.request.query_params
    lists: Lists = asked.store(Lists)
    cursor = params.get("cursor") or None
    try:
        found = await lists.page(query, asked.desk.zone, PAGE, cursor)
    except ValueError:
        raise Problem(400, "There is no such page of this list.") from None
    values = list_values(asked, query, found, cursor)
    if asked.piece and cursor:
        return asked.page("calls.html#rows", **values)
    if not all(params.values()):
        # the form says its empty fields too: a shareable address does not
        also = {name: params[name] for name in OTHERS if params.get(name)}
        return RedirectResponse(address_of(query, **also), 303)
    whole = cursor is None and found.cursor is None
    count = len(found.calls) if whole else await lists.count(query, asked.desk.zone, MOST_COUNTED + 1)
    batch = await _batch(asked, params.get("batch", ""))
    return asked.page(
        "calls.html",
        **values,
        wanted=query,
        chips=chips(asked, query),
        choices=Choices(asked, query),
        count=count,
        most_counted=MOST_COUNTED,
        views=await lists.views(asked.person.name),
        known_tags=sorted({*asked.desk.settings.tags, *await lists.known_tags()}),
        batch=batch,
        classes_of_keys={known.key: known.name for known in asked.desk.settings.classes.values() if known.key},
    )


async def row(asked: Asked) -> Response:
    """One row of the list that the query says, as it is now, whether or not it is still part of it."""
    call_id = await call_of(asked)
    lists: Lists = asked.store(Lists)
    found = await lists.listed(bounds_of(asked), asked.desk.zone, [call_id])
    values = list_values(asked, query_of(asked), CallPage(tuple(found), None), None)
    return asked.page("calls.html#rows", **values | {"days": {}})


def list_values(asked: Asked, query: CallQuery, found: CallPage, cursor: str | None) -> dict[str, Any]:
    """What the block of rows needs."""
    last = cursor.partition("~")[0] if cursor else ""
    return {
        "calls": as_seen(asked, found.calls),
        "days": _days(asked, found, datetime.fromisoformat(last).astimezone(asked.desk.zone).date() if last else None),
        "cursor": found.cursor,
        "more": address_of(query, cursor=found.cursor) if found.cursor else "",
        "filter": urlencode(query.pairs()),
        "first_page": cursor is None,
        "filtered": query.narrows,
    }


def _days(asked: Asked, found: CallPage, before: date | None) -> dict[str, date]:
    """The calls that begin a day in the list."""
    days: dict[str, date] = {}
    for call in found.calls:
        day = call.started_at.astimezone(asked.desk.zone).date()
        if day != before:
            days[call.id] = before = day
    return days


async def _batch(asked: Asked, batch: str) -> list[Entry]:
    """What was done just now, by him."""
    if not batch:
        return []
    saying: Saying = asked.store(Saying)
    return [entry for entry in await saying.batch(batch) if entry.by == asked.person.name]


ROUTES = [
    Route("GET", "/calls", Right.CALLS, calls_page),
    Route("GET", "/calls/{id}/row", Right.CALLS, row),
]
