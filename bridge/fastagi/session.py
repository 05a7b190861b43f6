"""One FastAGI connection: the environment in, then one command per round trip.

Several commands in one write would save round trips, but Asterisk reads its AGI socket through a buffered line reader that also watches the
channel, and nothing says that it drains what it has buffered: one command, one reply.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import cast

from bridge.fastagi.codec import (
    AgiCommandError,
    AgiError,
    AgiHangup,
    AgiLimits,
    AgiProtocolError,
    AgiReply,
    AgiRequest,
    EnvParser,
    ReplyItem,
    ReplyParser,
    encode_command,
)

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)
_DATABASE_KEY = re.compile(r"[A-Za-z0-9_+.-]{1,100}", re.ASCII)


class AgiSession(asyncio.Protocol):
    """What a handler gets. Its methods raise AgiHangup once the caller is gone and AgiCommandError where Asterisk refuses."""

    request: AgiRequest
    _transport: asyncio.Transport

    def __init__(self, limits: AgiLimits, on_open: Callable[[AgiSession], None]) -> None:
        self.hung_up = False  #: the caller is gone; a command under way is still carried out
        self._limits = limits
        self._on_open = on_open
        self._env = EnvParser(limits)
        self._replies = ReplyParser(limits)
        self._env_over = asyncio.Event()  #: complete, or never to be
        self._reply: asyncio.Future[AgiReply] | None = None
        self._end: AgiError | None = None  #: why nothing more can be sent

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable. `name` must be a plain name: dialplan functions cannot be written this way."""
        if _VARIABLE.fullmatch(name) is None:
            raise ValueError(f"not a variable name: {name!r}")
        await self._carried_out("SET VARIABLE", name, value)

    async def set_variables(self, values: Mapping[str, str]) -> None:
        """Set channel variables in the order given, one round trip each: put the one that commits the answer last."""
        for name, value in values.items():
            await self.set_variable(name, value)

    async def get_variable(self, name: str) -> str | None:
        """A channel variable's value; None if it is not set. A value with a line break ends the session (AgiProtocolError)."""
        if _VARIABLE.fullmatch(name) is None:
            raise ValueError(f"not a variable name: {name!r}")
        return (await self.command("GET VARIABLE", name)).value

    async def database_put(self, family: str, key: str, value: str) -> None:
        """Write into AstDB."""
        for part in (family, key):
            if _DATABASE_KEY.fullmatch(part) is None:
                raise ValueError(f"not an AstDB family or key: {part!r}")
        await self._carried_out("DATABASE PUT", family, key, value)

    async def command(self, verb: str, *arguments: str) -> AgiReply:
        """Send one command and wait for its reply. Raises ValueError, before anything is sent, for unsafe arguments."""
        line = encode_command(verb, *arguments)
        if self._end is not None:
            raise self._end
        if self.hung_up:
            raise AgiHangup("the caller hung up")
        if self._reply is not None:
            raise RuntimeError("one AGI command at a time")
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(line)
        try:
            reply = await self._reply
        finally:
            self._reply = None
        if reply.code == 511:
            self.hung_up = True
            raise AgiHangup("the channel is dead")
        if reply.code != 200:
            raise AgiCommandError(f"{verb}: {reply.code} {reply.text[:200]}")
        return reply

    async def _carried_out(self, verb: str, *arguments: str) -> None:
        reply = await self.command(verb, *arguments)
        if reply.result != "1":
            raise AgiCommandError(f"{verb} {arguments[0]}: result={reply.result}")

    # What the server uses.

    async def receive_request(self) -> AgiRequest | None:
        """The request; None if the peer left without a word. Raises AgiProtocolError."""
        await self._env_over.wait()
        if self._end is None:
            return self.request
        if not self._env.touched:
            return None
        raise self._end

    @property
    def peer(self) -> str | None:
        """The peer's IP address; None if it has left already."""
        name = self._transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else None

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        if self._end is not None:
            return
        try:
            if self._env_over.is_set():
                self._take_replies(data)
            else:
                self._take_env(data)
        except AgiProtocolError as error:
            self._finish(error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._env_over.is_set():  # without AGISIGHUP this is how Asterisk says that the caller is gone
            self._finish(AgiHangup("Asterisk closed the session"))
        else:
            self._finish(AgiProtocolError("the connection ended within the environment"))

    def _take_env(self, data: bytes) -> None:
        request = self._env.feed(data)
        if request is None:
            return
        self.request = request
        self._env_over.set()
        self._take_replies(self._env.take_rest())

    def _take_replies(self, data: bytes) -> None:
        for item in self._replies.feed(data):
            self._take_reply(item)

    def _take_reply(self, item: ReplyItem) -> None:
        if item == "HANGUP":
            self.hung_up = True
        elif self._reply is None or self._reply.done():
            raise AgiProtocolError("a reply that nobody asked for: somebody's data holds a line break")
        else:
            self._reply.set_result(item)

    def _finish(self, error: AgiError) -> None:
        if self._end is not None:
            return
        self._end = error
        self._env_over.set()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
