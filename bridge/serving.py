"""uvicorn inside the daemon's event loop: no signals of its own, no exit of its own, an OSError where it cannot listen."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

_BACKLOG = 1024


class WebServer:
    """Serves `app` on an address of its own, at most `connections` at once; beyond them it answers 503."""

    def __init__(self, app: ASGIApp, name: str, connections: int = 1000) -> None:
        self._name = name
        self._config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,  # the app knows whom to trust
            limit_concurrency=connections,
            h11_max_incomplete_event_size=16_384,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=2,
        )
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen, and return when requests are answered. Raises OSError where the address cannot be had."""
        self._socket = _listen(host, port)
        self._server = _Server(self._config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name=self._name)
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
