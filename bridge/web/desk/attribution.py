"""Correcting where a call came from: by hand, with a reason, and undone if need be."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right
from bridge.core.desk.story import Story
from bridge.core.model import Attribution, AttributionKind
from bridge.web.desk.asking import query_of
from bridge.web.desk.call_ports import NO_SUCH_CALL, OneCall, the_call
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.urls import query

_LONGEST: Final = 500


async def correct(asked: Asked) -> Response:
    """``POST /calls/{id}/attribution`` with `visit` (an id, or "" for none), `source` ("" for unknown; only without a visit), `reason`."""
    book: OneCall = asked.store(OneCall)
    call, form = await the_call(asked), await read_form(asked)
    if call.ended_at is None:
        raise Problem(409, "The call is under way: correct it once it has ended.")
    why = " ".join(form.get("reason", "").split())[:_LONGEST]
    if not why:
        raise Problem(400, "Say why: the reason stands in the books.")
    story = await book.story(call.id)
    if story is None:
        raise Problem(404, NO_SUCH_CALL)
    person = asked.person.name
    found = _meant(asked, story, form.get("visit", ""), form.get("source", ""), f"{person}: {why}")
    batch = secrets.token_urlsafe(12)
    await book.correct(call.id, found, by=person, at=asked.desk.clock(), batch=batch)
    return _back(asked, call.id)


async def take_back(asked: Asked) -> Response:
    """``POST /calls/{id}/attribution/undo/{batch}``"""
    book: OneCall = asked.store(OneCall)
    call = await the_call(asked)
    batch, undone_as = asked.request.path_params["batch"], secrets.token_urlsafe(12)
    if not await book.take_back(call.id, batch, by=asked.person.name, at=asked.desk.clock(), undone_as=undone_as):
        raise Problem(409, "This cannot be undone: the call has been booked otherwise since.")
    return _back(asked, call.id)


def _meant(asked: Asked, story: Story, visit_id: str, source: str, said: str) -> Attribution:
    if visit_id:
        if visit_id not in story.possible_visits:
            raise Problem(400, "That visit is none of those that this call may have come from.")
        visit = story.visits[visit_id]
        return Attribution(AttributionKind.VISIT, visit.source or visit.credited.source, said, visit.id)
    if source and source not in asked.desk.directory.sources and source != story.call.attribution.source:
        raise Problem(400, "There is no such source.")
    if source:
        return Attribution(AttributionKind.SOURCE_DEFAULT, source, said)
    return Attribution(AttributionKind.UNKNOWN, None, said, confidence=0.0)


def _back(asked: Asked, call_id: str) -> Response:
    found = query(query_of(asked).pairs())
    return RedirectResponse(f"/calls/{call_id}" + (f"?{found}" if found else "") + "#attribution", 303)


ROUTES = [
    Route("POST", "/calls/{id}/attribution", Right.ATTRIBUTE, correct),
    Route("POST", "/calls/{id}/attribution/undo/{batch}", Right.ATTRIBUTE, take_back),
]
