"""One AMI connection: panoramisk's Manager and protocol, made safe.

Of panoramisk stay the making of the connection, the action ids (a random part per process, so no caller can guess one), the writing of
actions and the futures for their answers. Replaced is what loses letters, breaks the link on an odd message, sends actions a second time
after a reconnect or reconnects by itself: framing, matching of answers, and the life of the link, which `client.AmiClient` looks after.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from bridge.ami.config import AmiConfig, AmiCounters
from bridge.ami.message import AmiError, AmiWireError, Framer, Headers, check_action, parse_message, to_response

log = logging.getLogger(__name__)

_BANNER = b"Asterisk Call Manager/"
_MAX_BANNER = 200
_MAX_ITEMS = 20_000
#: The end of a list holds nothing else. A caller can forge an end, but not without some header of the item that he cut short.
_OF_A_LIST_END = frozenset(
    (
        "event", "privilege", "actionid", "eventlist", "listitems", "items", "timestamp",
        "listextensions", "listpriorities", "listcontexts",  # ShowDialPlan counts these, too
    )
)  # fmt: skip


class AmiDisconnected(AmiError):  # noqa: N818 - a state, not an error
    """There is no link to Asterisk, or it broke before the answer came."""


class AmiActionError(AmiError):
    """Asterisk refused an action."""


class _Pending(Action):  # type: ignore[misc]
    """An action under way. Its future gives the Headers of the answer, or a list of those of the items."""

    def __init__(self, headers: Mapping[str, Any], as_list: bool) -> None:
        super().__init__(headers, as_list=as_list)
        self.items_received: list[Headers] = []
        self.started = False

    def add_message(self, message: Headers) -> bool:
        """Take one message; True when nothing more is to come."""
        if self.future.done():
            return True
        try:
            done = self._add(message)
        except AmiError as error:
            self.future.set_exception(error)
            return True
        return done

    def _add(self, message: Headers) -> bool:
        if not self.as_list:
            self.future.set_result(message)
            return True
        if not self.started:
            self.started = True
            response = to_response(message)
            if not response.success:
                raise AmiActionError(f"{self['Action']}: {response.message}")
            return False
        if message.get("eventlist", "").lower() == "complete":
            self.future.set_result(self._complete(message))
            return True
        if len(self.items_received) >= _MAX_ITEMS:
            raise AmiWireError(f"{self['Action']}: a list of more than {_MAX_ITEMS} items")
        self.items_received.append(message)
        return False

    def _complete(self, message: Headers) -> list[Headers]:
        if not _OF_A_LIST_END.issuperset(message) or message.get("listitems") != str(len(self.items_received)):
            raise AmiWireError(f"{self['Action']}: the list does not add up, somebody's data holds a line break")
        return self.items_received


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """Takes bytes apart; hands events on raw, so that the reader stays quick whatever floods in."""

    encoding = "utf-8"

    def __init__(self, config: AmiConfig, counters: AmiCounters, on_event: Callable[[bytes], None]) -> None:
        self.greeted = asyncio.Event()
        self.lost = asyncio.Event()
        self.bytes_received = 0
        self._counters = counters
        self._on_event = on_event
        self._framer = Framer(config.max_message)
        self._banner: bytearray | None = bytearray()

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        try:
            if self._banner is not None:
                data = self._take_banner(self._banner, data)
            for raw in self._framer.feed(data):
                self._take(raw)
        except AmiWireError as error:
            log.error("AMI link dropped: %s", error)  # noqa: TRY400 - says it all
            self.close()

    def _take_banner(self, banner: bytearray, data: bytes) -> bytes:
        banner += data
        line, end, rest = bytes(banner).partition(b"\r\n")
        if not (line.startswith(_BANNER) or _BANNER.startswith(line)) or len(line) > _MAX_BANNER:
            raise AmiWireError(f"not Asterisk's manager: it begins with {line[:40]!r}")
        if not end:
            return b""
        self._banner = None
        self.greeted.set()
        return rest

    def _take(self, raw: bytes) -> None:
        if not raw.startswith(b"Response:") and b"\r\nActionID: " not in raw:
            self._on_event(raw)
            return
        try:
            message = parse_message(raw)
        except AmiWireError:
            self._counters.forged += 1
            return
        pending = self.responses.get(message.get("actionid", ""))
        if pending is not None:
            if pending.add_message(message):
                del self.responses[pending.id]
        elif "event" in message:
            self._on_event(raw)
        else:
            self._counters.unmatched += 1

    def send(self, data: _Pending, as_list: bool = False) -> asyncio.Future[Any]:
        """Write an action; its future. Raises ValueError for unsafe headers, AmiDisconnected when there is no link."""
        check_action(data)
        if self.closed or self.transport.is_closing():
            raise AmiDisconnected("no link to Asterisk")
        future: asyncio.Future[Any] = super().send(data, as_list=as_list)
        return future

    def forget(self, action: _Pending) -> None:
        self.responses.pop(action.id, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.close()

    def close(self) -> None:
        """Cut the link; whoever waits for an answer gets AmiDisconnected. Nothing is kept to be sent again."""
        self.closed = True
        self.transport.abort()
        for pending in self.responses.values():
            if not pending.future.done():
                pending.future.set_exception(AmiDisconnected("the link to Asterisk broke before the answer"))
        self.responses.clear()
        self.lost.set()
        self.greeted.set()


class Link(Manager):  # type: ignore[misc]
    """One connection and no more: once lost it stays lost."""

    protocol: _Protocol | None

    def __init__(self, config: AmiConfig, counters: AmiCounters, on_event: Callable[[bytes], None]) -> None:
        def make_protocol() -> _Protocol:
            self.protocol = _Protocol(config, counters, on_event)
            return self.protocol

        super().__init__(
            host=config.host,
            port=config.port,
            ssl=config.ssl or False,
            loop=asyncio.get_running_loop(),
            protocol_factory=make_protocol,
            log=log,
        )

    async def open(self) -> None:
        """Connect and wait for Asterisk's greeting. Raises OSError, AmiError."""
        await self.connect()
        protocol = self._protocol()
        await protocol.greeted.wait()
        if protocol.lost.is_set():
            raise AmiDisconnected("closed without a greeting")

    async def ask(self, name: str, headers: Mapping[str, Any], timeout: float, as_list: bool = False) -> Any:  # noqa: ASYNC109
        """Send an action and wait for its answer. Raises ValueError, AmiError, TimeoutError."""
        action = _Pending({"Action": name, **headers}, as_list)
        future = self.send_action(action, as_list=as_list)
        try:
            async with asyncio.timeout(timeout):
                return await future
        finally:
            self._protocol().forget(action)

    @property
    def actions_under_way(self) -> int:
        return len(self._protocol().responses)

    @property
    def bytes_received(self) -> int:
        return self._protocol().bytes_received

    async def wait_lost(self) -> None:
        await self._protocol().lost.wait()

    def abort(self) -> None:
        if self.protocol is not None and hasattr(self.protocol, "transport"):
            self.protocol.close()

    def _protocol(self) -> _Protocol:
        if self.protocol is None:
            raise AmiDisconnected("no link to Asterisk")
        return self.protocol

    def connection_made(self, f: asyncio.Future[Any]) -> None:
        """Called by Manager.connect when the attempt is over: `open` takes it from there, login included."""
