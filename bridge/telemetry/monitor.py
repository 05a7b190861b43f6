"""GET /healthz and GET /metrics, served inside the daemon's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.telemetry.health import OK, Health
from bridge.telemetry.metrics import CONTENT_TYPE

_BACKLOG = 64
_CONNECTIONS = 32


class Monitor:
    """The daemon's health and metrics over HTTP. `metrics` gives the exposition at each scrape."""

    def __init__(self, health: Health, metrics: Callable[[], bytes], version: str = "") -> None:
        self._health = health
        self._metrics = metrics
        self._version = version
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 9473) -> None:
        """Listen, and return when requests are answered. Raises OSError where the port is taken."""
        routes = [Route("/healthz", self._healthz), Route("/metrics", self._scrape)]
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
        )
        # uvicorn ends the process where it cannot listen; the socket is opened here, so that it is an OSError
        self._socket = _listen(host, port)
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="monitor")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        if self._task.done():
            await self._task

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens. Raises RuntimeError before `start`."""
        if self._socket is None:
            raise RuntimeError("not started")
        host, port = self._socket.getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Answer what has been asked, then close. Nothing happens if it was not started."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        if self._socket is not None:
            self._socket.close()
        self._socket = self._server = self._task = None

    async def _healthz(self, _: Request) -> Response:
        body = {**self._health.as_dict(), "version": self._version}
        return JSONResponse(body, 200 if self._health.state == OK else 503, {"Cache-Control": "no-store"})

    async def _scrape(self, _: Request) -> Response:
        return Response(self._metrics(), headers={"Content-Type": CONTENT_TYPE})


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the daemon."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
