"""Filters people keep under a name, for themselves or for all."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right, Role
from bridge.core.desk.calls import View
from bridge.web.desk.asking import address_of, query_in
from bridge.web.desk.calls_ports import Lists
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.routing import Problem, Route

_MOST_NAME: Final = 60
_MOST_VIEWS: Final = 100


async def keep(asked: Asked) -> Response:
    """``name``, ``query`` (as in the URL), ``shared``."""
    form = await read_form(asked)
    name = " ".join(form.get("name", "").split())
    if not name or len(name) > _MOST_NAME or not name.isprintable():
        raise Problem(400, "A view needs a name of at most %(most)d characters.", most=_MOST_NAME)
    query = query_in(asked, form.get("query", ""))
    lists: Lists = asked.store(Lists)
    mine = [view for view in await lists.views(asked.person.name) if view.user == asked.person.name]
    if len(mine) >= _MOST_VIEWS and name not in {view.name for view in mine}:
        raise Problem(400, "There are %(most)d views already: remove one first.", most=_MOST_VIEWS)
    address = address_of(query)
    view = View(asked.person.name, name, address.partition("?")[2], shared=form.get("shared") == "yes")
    await lists.keep_view(view)
    return RedirectResponse(address, 303)


async def drop(asked: Asked) -> Response:
    """``name``, and for an administrator ``user``; ``query``: where to go back to."""
    form = await read_form(asked)
    user = form.get("user") or asked.person.name
    if user != asked.person.name and asked.person.role is not Role.ADMIN:
        raise Problem(403, "Your role does not allow this.")
    lists: Lists = asked.store(Lists)
    if not await lists.drop_view(user, form.get("name", "")):
        raise Problem(404, "There is no such view.")
    return RedirectResponse(address_of(query_in(asked, form.get("query", ""))), 303)


ROUTES = [
    Route("POST", "/views", Right.ACCOUNT, keep),
    Route("POST", "/views/remove", Right.ACCOUNT, drop),
]
