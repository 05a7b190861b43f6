"""Where one begins."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from bridge.web.desk.context import Asked
from bridge.web.desk.menu import FIRST, MENU
from bridge.web.desk.routing import Route


async def home(asked: Asked) -> Response:
    if asked.who is None:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse(FIRST.get(asked.who.role, MENU[0][0]), 303)


ROUTES = [Route("GET", "/", None, home)]
