"""One AMI session for looking around, with the rights of the daemon's own user."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bridge.ami import AmiClient, AmiConfig, AmiError, AmiEvent, AmiState, Headers
from bridge.config import Config

PATIENCE: Final = 8.0  #: seconds for connect and login together


class ProbeError(Exception):
    """Asterisk could not be asked. `refused`: it is there and refuses the login."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class Probe:
    """What can be asked of a running Asterisk. Methods raise AmiError."""

    def __init__(self, client: AmiClient, events: list[AmiEvent]) -> None:
        self._client = client
        self.events = events  #: everything that came by itself since the login

    async def get(self, expression: str) -> str:
        """The value of a global, or of a dialplan function that needs no channel; empty where there is none."""
        answer = await self._client.action("Getvar", Variable=expression)
        return answer.headers.get("Value", "")

    async def settings(self) -> Headers:
        """CoreSettings: AsteriskVersion, CoreRunUser, CoreRunGroup, SystemName ..."""
        return (await self._client.action("CoreSettings")).headers

    async def commands(self) -> set[str]:
        """The actions this user may call, in lower case: exactly these, as Asterisk itself counts its rights."""
        headers = (await self._client.action("ListCommands")).headers
        return {name for name, text in headers.items() if "(Priv:" in text}

    async def list(self, action: str, **headers: str) -> list[AmiEvent]:
        return await self._client.list_action(action, timeout=15.0, **headers)


@asynccontextmanager
async def probing(config: Config) -> AsyncIterator[Probe]:
    """A session, closed at the end. Raises ProbeError."""
    ami = config.asterisk.ami
    events: list[AmiEvent] = []

    async def take(event: AmiEvent) -> None:
        events.append(event)

    settings = AmiConfig(username=ami.user, secret=ami.secret.value, host=ami.host, port=ami.port)
    await _reach(ami.host, ami.port)
    client = AmiClient(settings, take)
    said, level = logging.getLogger("bridge.ami"), logging.getLogger("bridge.ami").level
    said.setLevel(logging.CRITICAL)  # what the client would log, the findings say
    run = asyncio.create_task(client.run())
    try:
        await _connected(client, f"{ami.host}:{ami.port}", ami.user)
        yield Probe(client, events)
    finally:
        await client.aclose()
        await asyncio.wait([run])
        said.setLevel(level)


async def _reach(host: str, port: int) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise ProbeError(f"no answer from {host}:{port}") from None
    except OSError as error:
        raise ProbeError(f"nothing answers on {host}:{port} ({error.strerror or error})") from None
    writer.close()


async def _connected(client: AmiClient, where: str, user: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not client.connected:
                if client.state is AmiState.AUTH_FAILED:
                    raise ProbeError(f"Asterisk on {where} refuses the manager user {user!r}", refused=True)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise ProbeError(f"what listens on {where} does not behave like Asterisk's manager") from None


__all__ = ["AmiError", "Probe", "ProbeError", "probing"]
