"""Links for guests: whoever has one reads what it shows until it expires."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right
from bridge.core.desk.query import pairs_of, read_query
from bridge.core.desk.wrong import WrongError
from bridge.flows.people import MOST_DAYS, PeopleError
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.people import by, people_of, said
from bridge.web.desk.routing import Problem, Route

_MOST_SCOPE: Final = 2000


async def links(asked: Asked) -> Response:
    """With ``?scope=<a query as in the calls' URL>`` the form is filled in."""
    return await _page(asked, {"scope": asked.params.get("scope", "")})


async def add(asked: Asked) -> Response:
    """The link is shown once, here: only its hash is kept."""
    form = await read_form(asked)
    scope = form.get("scope", "").strip().removeprefix("?")
    try:
        if len(scope) > _MOST_SCOPE:
            raise WrongError("This filter is too long.")
        read_query(pairs_of(scope), asked.desk.today(), asked.desk.directory.region)
        days = int(form.get("days", "")) if form.get("days", "").isdecimal() else 0
        token = await people_of(asked).add_link(by(asked), form.get("title", ""), scope, days)
    except WrongError as error:
        return await _page(asked, form, asked.desk.renderer.text(asked, error.text, **error.values))
    except ValueError:
        return await _page(asked, form, asked.desk.renderer.text(asked, "This is no filter of calls."))
    except PeopleError as error:
        return await _page(asked, form, said(asked, error))
    request = asked.request
    home = asked.desk.settings.url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return await _page(asked, {}, shown=f"{home}/l/{token}")


async def revoke(asked: Asked) -> Response:
    try:
        await people_of(asked).revoke_link(by(asked), asked.request.path_params["short"])
    except PeopleError as error:
        raise Problem(404, error.text, **error.values) from None
    return RedirectResponse("/links", 303)


async def _page(asked: Asked, form: dict[str, str], problem: str = "", shown: str = "") -> Response:
    now = asked.desk.clock()
    rows = [(link, _pairs(link.scope)) for link in await asked.desk.accounts.links(now)]
    values: dict[str, Any] = {"rows": rows, "form": form, "shown": shown, "now": now, "most": MOST_DAYS}
    return asked.page("links.html", 400 if problem else 200, problem=problem, **values)


def _pairs(scope: str) -> list[tuple[str, str]]:
    try:
        return pairs_of(scope)
    except ValueError:
        return [("", scope)]


ROUTES = [
    Route("GET", "/links", Right.SHARE, links),
    Route("POST", "/links", Right.SHARE, add),
    Route("POST", "/links/{short}/revoke", Right.SHARE, revoke),
]
