"""The AMI client: stays connected, hands events on in order through one queue, and asks Asterisk things.

States: `connecting` -> `connected` -> (lost) -> `waiting` -> `connecting` ..., or `auth_failed` where Asterisk refuses the login, with slow
retries. A link is watched by pings: what says nothing at all after a ping is dead, however open its socket looks.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from bridge.ami.buffer import Closed, EventBuffer
from bridge.ami.config import AmiConfig, AmiCounters
from bridge.ami.link import AmiDisconnected, Link
from bridge.ami.message import (
    AmiError,
    AmiEvent,
    AmiResponse,
    AmiWireError,
    Headers,
    parse_message,
    to_event,
    to_response,
)

log = logging.getLogger(__name__)

_MAX_ACTIONS = 256  #: under way at the same time
_BREATHE_EVERY = 64  #: events between two chances for everything else in the loop


class AmiState(StrEnum):
    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    AUTH_FAILED = "auth_failed"


class AmiTimeout(AmiError):  # noqa: N818 - reads better
    """Asterisk did not answer in time."""


class AmiRefused(AmiError):  # noqa: N818 - reads better
    """Asterisk refused the login."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A login that worked. `asterisk_started_at` is None where the AMI user may not read CoreStatus."""

    asterisk_started_at: datetime | None
    asterisk_restarted: bool  #: since the connection before this one


EventHandler: TypeAlias = Callable[[AmiEvent], Awaitable[None]]
ConnectHandler: TypeAlias = Callable[[Connection], Awaitable[None]]
#: Stands in the queue where a connection begins (its result is None if it came to nothing), or, being None, where events were shed.
_Marker: TypeAlias = "asyncio.Future[Connection | None] | None"


class AmiClient:
    """One link to Asterisk's manager.

    `on_event` gets every event in the order Asterisk wrote them, one at a time. `on_connect` runs after each login, before any event of that
    connection, and again after events had to be shed: it is where open calls are reconciled; events wait in the queue meanwhile. What either
    of them raises is logged and counted, never fatal. `uniform` gives numbers in [0, 1) for the back-off, `clock` the time of arrival.
    """

    def __init__(
        self,
        config: AmiConfig,
        on_event: EventHandler,
        on_connect: ConnectHandler | None = None,
        *,
        uniform: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.state = AmiState.STOPPED
        self.asterisk_started_at: datetime | None = None
        self._counters = AmiCounters()
        self._config = config
        self._on_event = on_event
        self._on_connect = on_connect
        self._uniform = uniform
        self._clock = clock
        self._buffer: EventBuffer[_Marker] = EventBuffer(config.max_events, config.max_event_bytes, None)
        self._link: Link | None = None
        self._connection: Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._said = ""
        self._stopping = False
        self._stopped = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self.state is AmiState.CONNECTED

    @property
    def waiting_events(self) -> int:
        """How far the consumer is behind."""
        return len(self._buffer)

    @property
    def counters(self) -> AmiCounters:
        self._counters.shed = self._buffer.shed
        return self._counters

    async def run(self) -> None:
        """Keep the link up and the events coming until cancelled or closed. Runs once."""
        try:
            async with asyncio.TaskGroup() as group:
                self._keeper = group.create_task(self._keep_connected())
                self._keeper.add_done_callback(lambda _: self._buffer.close())
                group.create_task(self._consume())
                if self._stopping:
                    self._keeper.cancel()
        finally:
            self.state = AmiState.STOPPED
            self._stopped.set()

    async def aclose(self) -> None:
        """End `run`, whatever it is waiting for; the event in hand is finished first. Not to be called by a handler."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await self._stopped.wait()

    async def action(self, name: str, timeout: float | None = None, **headers: str | Sequence[str]) -> AmiResponse:  # noqa: ASYNC109
        """Send one action; its answer, be it a refusal. A header given as a list is sent once per item.

        Raises ValueError for headers that are unsafe to send, AmiDisconnected, AmiTimeout. Nothing is ever sent twice.
        """
        return to_response(await self._ask(name, headers, timeout, False))

    async def list_action(
        self,
        name: str,
        timeout: float | None = None,  # noqa: ASYNC109
        **headers: str | Sequence[str],
    ) -> list[AmiEvent]:
        """Send an action that is answered by a list (Status, CoreShowChannels); its items.

        Raises as `action` does, AmiActionError for a refusal, AmiWireError for a list that was tampered with: ask again.
        """
        found = await self._ask(name, headers, timeout, True)
        return [to_event(item, self._clock()) for item in found]

    async def _ask(self, name: str, headers: dict[str, Any], timeout: float | None, as_list: bool) -> Any:  # noqa: ASYNC109
        if self._link is None:
            raise AmiDisconnected("no link to Asterisk")
        if self._link.actions_under_way >= _MAX_ACTIONS:
            raise AmiError(f"{_MAX_ACTIONS} AMI actions are under way already")
        try:
            return await self._link.ask(name, headers, timeout or self._config.action_timeout, as_list)
        except TimeoutError:
            raise AmiTimeout(f"no answer to {name}") from None

    # Keeping connected.

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._stay_connected()
            except AmiRefused as error:
                self._counters.auth_failures += 1
                self.state = AmiState.AUTH_FAILED
                self._say(logging.ERROR, str(error))
                delay = self._config.retry_auth
            except (OSError, AmiError, TimeoutError) as error:
                self.state = AmiState.WAITING
                self._say(logging.WARNING, f"no AMI link: {str(error) or 'no answer'}")
                if loop.time() - began >= self._config.stable_after:
                    failures = 0
                delay = back_off(failures, self._config, self._uniform())
                failures += 1
            await asyncio.sleep(delay)

    def _say(self, level: int, text: str) -> None:
        """Log what keeps the link down, once until it changes or the link was up in between."""
        log.log(logging.DEBUG if text == self._said else level, "%s", text)
        self._said = text

    async def _stay_connected(self) -> None:
        """One connection from its beginning to its end, which is always an exception."""
        self.state = AmiState.CONNECTING
        link = Link(self._config, self._counters, self._take_event)
        begun: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._config.connect_timeout):
                await link.open()
                self._buffer.mark(begun)  # before anything of this connection
                await self._log_in(link)
            connection = await self._recognise(link)
            self._link, self._connection = link, connection
            self.asterisk_started_at = connection.asterisk_started_at
            self.state = AmiState.CONNECTED
            self._counters.connects += 1
            self._said = ""
            log.info("AMI connected")
            _resolve(begun, connection)
            await self._watch(link)
        finally:
            if self._link is not None:
                self._counters.losses += 1
            self._link = self._connection = None
            _resolve(begun, None)
            link.abort()

    async def _log_in(self, link: Link) -> None:
        """By challenge, so that the secret itself never goes over the wire, whoever listens on the port."""
        timeout = self._config.connect_timeout
        challenge = await link.ask("Challenge", {"AuthType": "MD5"}, timeout)
        key = hashlib.md5((challenge.get("challenge", "") + self._config.secret).encode(), usedforsecurity=False)
        login = {"AuthType": "MD5", "Username": self._config.username, "Key": key.hexdigest(), "Events": "on"}
        answer = to_response(await link.ask("Login", login, timeout))
        if not answer.success:
            raise AmiRefused(
                f"Asterisk refuses AMI user {self._config.username!r} ({answer.message[:80]!r}): compare the secret with the one in"
                f" manager.conf; next try in {self._config.retry_auth:g} s"
            )

    async def _recognise(self, link: Link) -> Connection:
        status: Headers = await link.ask("CoreStatus", {}, self._config.action_timeout)
        began = _startup(status)
        before = self.asterisk_started_at
        return Connection(began, asterisk_restarted=None not in (began, before) and began != before)

    async def _watch(self, link: Link) -> None:
        while True:
            try:
                async with asyncio.timeout(self._config.ping_interval):
                    await link.wait_lost()
                raise AmiDisconnected("Asterisk closed the link")
            except TimeoutError:
                pass
            heard = link.bytes_received
            try:
                await link.ask("Ping", {}, self._config.ping_timeout)
            except TimeoutError:
                if link.bytes_received == heard:  # in a flood the answer may be long in coming, but something does
                    raise AmiDisconnected(
                        f"not a sign of life for {self._config.ping_timeout:g} s after a ping"
                    ) from None

    # Events.

    def _take_event(self, raw: bytes) -> None:
        self._buffer.put(raw, self._clock())

    async def _consume(self) -> None:
        taken = 0
        while True:
            try:
                item = await self._buffer.get()
            except Closed:
                return
            if isinstance(item, tuple):
                await self._hand_on(*item)
            else:
                await self._begin(item)
            taken += 1
            if taken % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)

    async def _hand_on(self, raw: bytes, arrived: datetime) -> None:
        try:
            event = to_event(parse_message(raw), arrived)
        except (AmiWireError, KeyError) as error:
            self._counters.forged += 1
            if self._counters.forged <= 5 or self._counters.forged % 100 == 0:
                log.warning("AMI event dropped, not of Asterisk's making (%d so far): %s", self._counters.forged, error)
            return
        self._counters.events += 1
        try:
            await self._on_event(event)
        except Exception:
            self._counters.consumer_errors += 1
            log.exception("AMI event %r could not be handled", event.name)

    async def _begin(self, marker: _Marker) -> None:
        connection = self._connection if marker is None else await marker
        if connection is None or connection is not self._connection or self._on_connect is None:
            return
        try:
            await self._on_connect(connection)
        except Exception:
            self._counters.consumer_errors += 1
            log.exception("what was to be done after connecting to AMI failed")


def back_off(failures: int, config: AmiConfig, uniform: float) -> float:
    """Seconds to wait after so many failures in a row: doubling up to a limit, the upper half of it by chance."""
    most: float = min(config.retry_most, config.retry_first * 2.0 ** min(failures, 30))
    return most * (0.5 + uniform / 2)


def _resolve(marker: asyncio.Future[Connection | None], connection: Connection | None) -> None:
    if not marker.done():
        marker.set_result(connection)


def _startup(status: Headers) -> datetime | None:
    """When Asterisk started, which it says in its own local time: ours, as it runs beside us."""
    try:
        return datetime.fromisoformat(f"{status['CoreStartupDate']}T{status['CoreStartupTime']}").astimezone()
    except (KeyError, ValueError):
        return None
