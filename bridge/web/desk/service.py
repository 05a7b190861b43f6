"""The desk's web service: every route behind the gate, static files beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.serving import WebServer
from bridge.web.desk.context import Asked, Desk
from bridge.web.desk.gate import HEADERS, Gate
from bridge.web.desk.routes import ROUTES
from bridge.web.desk.routing import Problem, Route


class DeskService:
    """Answers people. `extra` routes are for tests."""

    def __init__(self, desk: Desk, extra: Iterable[Route] = ()) -> None:
        self.desk = desk
        self.gate = Gate(desk)
        made = [StarletteRoute(r.path, self.gate.endpoint(r), methods=[r.method]) for r in (*ROUTES, *extra)]
        nowhere = self.gate.endpoint(Route("GET", "/{path:path}", None, _nowhere))
        self.app = Starlette(
            routes=[StarletteRoute("/static/{path:path}", desk.renderer.static.answer), *made],
            exception_handlers={404: _plain(nowhere), 405: _wrong_method},
        )
        self._server = WebServer(_with_headers(self.app), "desk")

    async def start(self, host: str, port: int) -> None:
        """Listen, and return when requests are answered. Raises OSError."""
        self.desk.closing.clear()
        await self._server.start(host, port)

    @property
    def address(self) -> tuple[str, int]:
        return self._server.address

    async def stop(self) -> None:
        self.desk.closing.set()
        await self._server.stop()


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Every answer has the gate's headers: also those that no route of ours made."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, with_headers)

    return answer


async def _nowhere(asked: Asked) -> Response:
    raise Problem(404, "There is no such page.")


def _plain(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, _: Exception) -> Response:
        return await endpoint(request)

    return handler


async def _wrong_method(request: Request, _: Exception) -> Response:
    fitting = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    allowed = {"Allow": ", ".join(sorted({method for route in fitting for method in route.methods}))}
    if request.url.path.startswith("/v1/"):
        return JSONResponse({"error": "this address does not take that method"}, 405, allowed)
    return PlainTextResponse("this address does not take that method\n", 405, allowed)
