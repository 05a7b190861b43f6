"""What changes on the page Now, as server-sent events: pieces of the page, each whole in itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from bridge.core.desk.access import Right, who_of
from bridge.flows.live import Watch
from bridge.flows.ports import StoreDownError
from bridge.web.desk.context import Asked
from bridge.web.desk.now import calls_seen, calls_values, rest_values
from bridge.web.desk.routing import Problem, Route

MOST: Final = 60  #: streams at once
LOOK: Final = 0.5
REST_EVERY: Final = 10.0
STILL_EVERY: Final = 20.0  #: how soon a stream ends whose session was revoked
BEAT_EVERY: Final = 15.0
LONGEST: Final = 900.0  #: the browser comes again, and the session is seen to be in use


async def events(asked: Asked) -> Response:
    if asked.desk.streams >= MOST:
        raise Problem(503, "Too many pages watch the calls now; this one does not follow them.")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(asked), media_type="text/event-stream", headers=headers)


async def _stream(asked: Asked) -> AsyncIterator[str]:
    desk, render, watch = asked.desk, asked.desk.renderer.render, asked.store(Watch)
    loop = asyncio.get_running_loop()
    began = said = checked = loop.time()
    rest_at, calls, rest = began, None, ""
    desk.streams += 1
    try:
        yield "retry: 2000\n\n"
        while not desk.closing.is_set() and (now := loop.time()) - began < LONGEST:
            if now - checked >= STILL_EVERY:
                checked = now
                if not await _still(asked):
                    return
            if (seen := calls_seen(asked)) != calls:
                calls, said = seen, now
                yield _event("calls", render(asked, "now.html#calls", calls_values(asked, seen)))
            if now >= rest_at:
                rest_at = now + REST_EVERY
                if (piece := await _rest(asked)) and piece != rest:
                    rest, said = piece, now
                    yield _event("rest", piece)
            if now - said >= BEAT_EVERY:
                said = now
                yield ": still here\n\n"
            await watch.moved(LOOK)
    finally:
        desk.streams -= 1


async def _rest(asked: Asked) -> str:
    try:
        values = await rest_values(asked)
    except StoreDownError:
        return ""
    return asked.desk.renderer.render(asked, "now.html#rest", values)


async def _still(asked: Asked) -> bool:
    """Whether the session is still there, and still of the same person with the same rights."""
    desk = asked.desk
    try:
        found = await desk.accounts.session(asked.session)
    except StoreDownError:
        return True
    if found is None or found[0].expires_at <= desk.clock() or found[1].disabled_at is not None:
        return False
    user = found[1]
    return who_of(user.name, user.role, user.line, desk.settings.see_callers) == asked.who


def _event(name: str, text: str) -> str:
    data = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{data}\n"


ROUTES = [Route("GET", "/now/events", Right.NOW, events)]
