"""Missed: who waits to be called back, since when; and who was."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right, Role
from bridge.core.desk.missed import Done, Promptness, Waiting
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.routing import Problem, Route

MOST: Final = 200
_DAYS: Final = 7


class Missed(Protocol):
    """The store, for this page."""

    async def waiting(self, line: str | None, without: Sequence[str], limit: int) -> list[Waiting]: ...
    async def count(self, line: str | None, without: Sequence[str]) -> int: ...
    async def done(self, line: str | None, limit: int) -> list[Done]: ...
    async def promptness(self, line: str | None, since: datetime) -> Promptness: ...
    async def mark_done(self, caller: str, line: str | None, by: str, at: datetime, batch: str) -> int: ...
    async def take_back(self, batch: str, by: str, at: datetime, new_batch: str) -> int: ...


async def missed_page(asked: Asked) -> Response:
    """Those who wait; with ``?done=yes`` those who were talked to since."""
    if set(asked.params) - {"done"} or asked.params.get("done", "yes") != "yes":
        raise Problem(400, "This page knows only ?done=yes.")
    return await _page(asked, "missed.html")


async def mark_done(asked: Asked) -> Response:
    """A person says that a caller is done with; for all his calls that wait, on the lines the person sees."""
    form = await read_form(asked)
    call_id, missed = form.get("call", ""), _missed(asked)
    line, without = _line(asked), _spam(asked)
    who = next((one.caller for one in await missed.waiting(line, without, 10_000) if one.call_id == call_id), None)
    if who is None:
        raise Problem(404, "This caller does not wait any more.")
    batch = secrets.token_hex(8)
    count = await missed.mark_done(who, line, asked.person.name, asked.desk.clock(), batch)
    text = asked.desk.renderer.text
    undo = {"url": f"/missed/undo/{batch}", "text": text(asked, "Undo")}
    told = {"text": text(asked, "Done; missed calls of his: %(count)d.", count=count), "undo": undo}
    return await _changed(asked, told)


async def take_back(asked: Asked) -> Response:
    """Undo."""
    batch = asked.request.path_params["batch"]
    count = await _missed(asked).take_back(batch, asked.person.name, asked.desk.clock(), secrets.token_hex(8))
    if not count:
        raise Problem(409, "This cannot be undone: it was changed since.")
    return await _changed(asked, {"text": asked.desk.renderer.text(asked, "Taken back.")})


async def _changed(asked: Asked, told: Mapping[str, object]) -> Response:
    if not asked.piece:
        return RedirectResponse("/missed", 303)
    response = await _page(asked, "missed.html#list")
    response.headers["HX-Trigger"] = json.dumps({"toast": told})
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#list", "outerHTML"
    return response


async def _page(asked: Asked, template: str) -> Response:
    line, now = _line(asked), asked.desk.now()
    missed, done = _missed(asked), asked.params.get("done") == "yes"
    return asked.page(
        template,
        done=done,
        now=now,
        most=MOST,
        waiting=[] if done else await missed.waiting(line, _spam(asked), MOST),
        finished=await missed.done(line, MOST) if done else [],
        count=await missed.count(line, _spam(asked)),
        prompt=await missed.promptness(line, now - timedelta(days=_DAYS)),
        days=_DAYS,
        late=timedelta(seconds=asked.desk.settings.missed_after),
    )


def _missed(asked: Asked) -> Missed:
    found: Missed = asked.store(Missed)
    return found


def _line(asked: Asked) -> str | None:
    """An operator sees his line; one without sees that of nobody."""
    return (asked.person.line or "") if asked.person.role is Role.OPERATOR else None


def _spam(asked: Asked) -> tuple[str, ...]:
    return tuple(c.name for c in asked.desk.settings.classes.values() if c.counts == "spam")


ROUTES = [
    Route("GET", "/missed", Right.MISSED, missed_page),
    Route("POST", "/missed/done", Right.MISSED, mark_done),
    Route("POST", "/missed/undo/{batch}", Right.MISSED, take_back),
]
