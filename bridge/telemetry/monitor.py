"""GET /healthz and GET /metrics, served inside the daemon's event loop."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.serving import WebServer
from bridge.telemetry.health import OK, Health
from bridge.telemetry.metrics import CONTENT_TYPE

_CONNECTIONS = 32


class Monitor:
    """The daemon's health and metrics over HTTP. `metrics` gives the exposition at each scrape."""

    def __init__(self, health: Health, metrics: Callable[[], bytes], version: str = "") -> None:
        self._health = health
        self._metrics = metrics
        self._version = version
        self._server: WebServer | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 9473) -> None:
        """Listen, and return when requests are answered. Raises OSError where the port is taken."""
        routes = [Route("/healthz", self._healthz), Route("/metrics", self._scrape)]
        self._server = WebServer(Starlette(routes=routes), "monitor", _CONNECTIONS)
        await self._server.start(host, port)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens. Raises RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("not started")
        return self._server.address

    async def stop(self) -> None:
        """Answer what has been asked, then close. Nothing happens if it was not started."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def _healthz(self, _: Request) -> Response:
        body = {**self._health.as_dict(), "version": self._version}
        return JSONResponse(body, 200 if self._health.state == OK else 503, {"Cache-Control": "no-store"})

    async def _scrape(self, _: Request) -> Response:
        return Response(self._metrics(), headers={"Content-Type": CONTENT_TYPE})
