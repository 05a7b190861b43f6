"""The page of one call: what was said, how it went, where it came from, and what people said of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from bridge.core.desk.access import Right
from bridge.core.desk.story import grade, quality_of, way_of, without_caller
from bridge.core.model import Call, RecordingStatus
from bridge.web.desk import call_words
from bridge.web.desk.asking import bounds_of, query_of
from bridge.web.desk.call_ports import NO_SUCH_CALL, OneCall, the_call
from bridge.web.desk.context import Asked
from bridge.web.desk.formats import Formats
from bridge.web.desk.gate import POLICY
from bridge.web.desk.reasons import translated
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.sound import NO_SOUND
from bridge.web.desk.urls import query as url_query

_EARLIER: Final = 10
_AUDITED: Final = 20
_STYLES: Final = "style-src 'self'"


async def page(asked: Asked) -> Response:
    """``GET /calls/{id}?<query of the list>``"""
    book: OneCall = asked.store(OneCall)
    call = await the_call(asked)
    query = query_of(asked)
    story = await book.story(call.id)
    if story is None:
        raise Problem(404, NO_SUCH_CALL)
    above, below = await book.neighbours(call, query, asked.desk.zone)
    audited = await asked.desk.accounts.audited(call_id=call.id, limit=_AUDITED) if asked.may(Right.AUDIT) else []
    nonce = secrets.token_urlsafe(16)
    response = asked.page(
        "call.html",
        story=story,
        call=call,
        said=story.said,
        kept=call.recording.status is RecordingStatus.KEPT,
        no_sound=NO_SOUND.get(call.recording.status, ""),
        way=way_of(call),
        quality=quality_of(call.quality),
        grade=grade,
        earlier=await book.earlier(call, bounds_of(asked), asked.desk.zone, _EARLIER),
        above=above,
        below=below,
        suffix=f"?{found}" if (found := url_query(query.pairs())) else "",
        done=next((change for change in story.changes if change.batch == asked.params.get("batch")), None),
        audited=[entry for _, entry in audited],
        words=call_words,
        hide=hiding(asked, call),
        reason=reasons_of(asked, call),
        nonce=nonce,
    )
    # the player makes its own small style sheet, which this lets in; nothing else of the page may
    response.headers["Content-Security-Policy"] = POLICY.replace(_STYLES, f"{_STYLES} 'nonce-{nonce}'")
    return response


def hiding(asked: Asked, call: Call) -> Callable[[str | None], str]:
    """Makes texts fit for the person: without the caller's number where he need not see it."""
    sees = asked.person.sees_callers
    return lambda text: text or "" if sees else without_caller(text or "", call.caller)


def reasons_of(asked: Asked, call: Call) -> Callable[[str | None], str]:
    """Makes reasons fit for the person: in his language, and as `hiding` does."""
    settings = asked.desk.settings
    formats = Formats(asked.language, asked.desk.zone, settings.currency, asked.who)
    hide = hiding(asked, call)
    return lambda text: hide(translated(text or "", formats))


ROUTES = [Route("GET", "/calls/{id}", Right.CALLS, page)]
