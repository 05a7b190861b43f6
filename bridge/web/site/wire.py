"""What a page asks, and the answer, straight on ASGI: most requests are signs of life, and cost no more than that."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.types import Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_JSON = (b"content-type", b"application/json")
_ALWAYS = ((b"vary", b"Origin"), (b"cache-control", b"no-store"))
_PREFLIGHT = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"Content-Type"),
    (b"access-control-max-age", b"86400"),
)


class Refused(Exception):  # noqa: N818 - it is an answer
    """The answer is `status` and this text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Gone(Exception):  # noqa: N818 - the same: nobody reads it
    """The page has gone away before it had asked."""


class Asked:
    """A request. `origin` is the page's, and allowed to read the answer where `allowed`."""

    __slots__ = ("_receive", "_scope", "allowed", "headers", "origin")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.origin = self.headers.get(b"origin")
        self.allowed = False
        self._scope = scope
        self._receive = receive

    @property
    def is_preflight(self) -> bool:
        return bool(self._scope["method"] == "OPTIONS")

    @property
    def peer(self) -> str:
        """The address the request came from, or nothing."""
        client = self._scope["client"]
        return client[0] if client else ""

    def text(self, name: bytes) -> str:
        """A header, empty where there is none."""
        return self.headers.get(name, b"").decode("latin-1")

    def forwarded(self) -> list[str]:
        """All that is said in X-Forwarded-For."""
        if b"x-forwarded-for" not in self.headers:
            return []
        return [value.decode("latin-1") for name, value in self._scope["headers"] if name == b"x-forwarded-for"]

    async def body(self, most: int) -> bytes:
        """Raises Refused where it is longer than `most`, Gone."""
        length = self.headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 9 or int(length) > most:
            raise Refused(413, f"at most {most} bytes")
        read = bytearray()
        while True:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            read += message.get("body", b"")
            if len(read) > most:
                raise Refused(413, f"at most {most} bytes")
            if not message.get("more_body", False):
                return bytes(read)


@dataclass(frozen=True, slots=True)
class Answer:
    """`said` becomes JSON; None: nothing is said."""

    status: int = 204
    said: Any = None


class Endpoint:
    """An ASGI application of one answer. Whatever goes wrong, the page hears something short; `failed` is told of what should not have."""

    def __init__(self, answer: Callable[[Asked], Awaitable[Answer]], failed: Callable[[], None]) -> None:
        self._answer = answer
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Asked(scope, receive)
        headers = [*_ALWAYS]
        body = b""
        try:
            answer = await self._answer(asked)
            status = answer.status
            if answer.said is not None:
                body = to_json(answer.said)
                headers.append(_JSON)
        except Refused as refused:
            status, body = refused.status, f"{refused}\n".encode("ascii", "replace")
            headers.append(_TEXT)
            if status == 429:
                headers.append((b"retry-after", b"5"))
        except Gone:
            return
        except Exception:
            self._failed()
            log.exception("a page could not be answered")
            status, body = 503, b"not now\n"
            headers.append(_TEXT)
        if asked.is_preflight:
            headers += _PREFLIGHT
        if asked.allowed and asked.origin is not None:
            headers.append((b"access-control-allow-origin", asked.origin))
        if status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
