"""The FastAGI server: bounded in time, connections and memory; a session that fails is closed without an answer.

Closing without an answer is always safe: the dialplan goes by its commit flag alone and falls back.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from structlog.contextvars import bind_contextvars

from bridge.fastagi.codec import AgiError, AgiHangup, AgiLimits, AgiProtocolError
from bridge.fastagi.session import AgiSession

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[AgiSession], Awaitable[None]]

LOOPBACK = ("127.0.0.0/8", "::1/128")
_BACKLOG = 1024


@dataclass(slots=True)
class AgiCounters:
    """Since the start. Every connection ends up in exactly one of them, besides `sessions`."""

    sessions: int = 0  #: connections that got as far as a complete environment
    answered: int = 0  #: the handler came to its end
    failed: int = 0  #: the handler raised, Asterisk refused a command, or nobody handles that script
    hung_up: int = 0  #: the caller left meanwhile
    late: int = 0  #: past a deadline
    refused: int = 0  #: unknown peer, or too many connections
    malformed: int = 0  #: not FastAGI, or data with a line break in it, or cut off
    probes: int = 0  #: connected and left without a word


class AgiServer:
    """Serves ``agi://address/<script>`` by the handler of that name.

    A handler that returns has answered; if it raises, or is not done by the deadline, the connection is dropped. Only `peers`
    (addresses or networks) may connect. Log lines of a session carry `call_id` as a context variable.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        limits: AgiLimits | None = None,
        peers: Sequence[str] = LOOPBACK,
    ) -> None:
        self.counters = AgiCounters()
        self._handlers = dict(handlers)
        self._limits = limits or AgiLimits()
        self._peers = [ipaddress.ip_network(peer) for peer in peers]
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 4573, sock: socket.socket | None = None) -> None:
        """Listen on host and port, or on a socket that listens already. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        where = {"sock": sock} if sock is not None else {"host": host, "port": port}
        self._server = await loop.create_server(self._protocol, backlog=_BACKLOG, **where)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens. Raises RuntimeError before `start`."""
        if self._server is None:
            raise RuntimeError("not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def open_sessions(self) -> int:
        return len(self._tasks)

    async def stop(self) -> None:
        """Take no new calls, let those under way end (their deadline bounds it), then close."""
        if self._server is None:
            return
        self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        self._server = None

    def _protocol(self) -> AgiSession:
        return AgiSession(self._limits, self._open)

    def _open(self, session: AgiSession) -> None:
        peer = session.peer
        if peer is None:
            self.counters.probes += 1
            session.abort()
            return
        reason = self._reason_to_refuse(peer)
        if reason is not None:
            self.counters.refused += 1
            if _worth_saying(self.counters.refused):
                log.warning("AGI connection refused (%d so far): %s", self.counters.refused, reason)
            session.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _reason_to_refuse(self, peer: str) -> str | None:
        if len(self._tasks) >= self._limits.connections:
            return f"{self._limits.connections} are open already"
        address = ipaddress.ip_address(peer.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if not any(address in network for network in self._peers):
            return f"{address} is not a known peer"
        return None

    async def _serve(self, session: AgiSession) -> None:
        try:
            async with asyncio.timeout(self._limits.deadline) as deadline:
                await self._answer(session)
        except TimeoutError:
            if deadline.expired():
                self.counters.late += 1
                log.error("AGI session took longer than %g s, the dialplan falls back", self._limits.deadline)  # noqa: TRY400
            else:
                self._failed()
            session.abort()
        except AgiHangup:
            self.counters.hung_up += 1
            log.info("the caller hung up before the answer")
            session.close()
        except AgiProtocolError as error:
            self.counters.malformed += 1
            if _worth_saying(self.counters.malformed):
                log.warning("AGI connection dropped (%d so far): %s", self.counters.malformed, error)
            session.abort()
        except AgiError as error:
            self.counters.failed += 1
            log.error("AGI session failed, the dialplan falls back: %s", error)  # noqa: TRY400 - says it all
            session.abort()
        except Exception:  # noqa: BLE001 - whatever a handler raises, the call goes on by the fallback
            self._failed()
            session.abort()
        except BaseException:
            session.abort()
            raise

    def _failed(self) -> None:
        self.counters.failed += 1
        log.exception("AGI handler failed, the dialplan falls back")

    async def _answer(self, session: AgiSession) -> None:
        try:
            async with asyncio.timeout(self._limits.env_deadline):
                request = await session.receive_request()
        except TimeoutError:
            self.counters.late += 1
            if _worth_saying(self.counters.late):
                log.warning("AGI connection dropped: no complete environment within %g s", self._limits.env_deadline)
            session.abort()
            return
        if request is None:
            self.counters.probes += 1
            session.abort()
            return
        self.counters.sessions += 1
        bind_contextvars(call_id=request.call_id or request.uniqueid)
        if request.anomalies:
            log.warning("the AGI environment holds lines that are no headers: %r", request.anomalies[:5])
        handler = self._handlers.get(request.script)
        if handler is None:
            self.counters.failed += 1
            log.error("nobody handles agi script %r", request.script)
            session.abort()
            return
        await handler(session)
        self.counters.answered += 1
        session.close()


def _worth_saying(count: int) -> bool:
    """Whether the count-th of many alike is logged: the first few and then every hundredth, so that a flood cannot fill the disk."""
    return count <= 5 or count % 100 == 0
