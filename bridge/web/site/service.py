"""The service for the company's pages. It stands open to the world, so every request is small, short and counted."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bridge.core.site import Site, Sites, network_of
from bridge.core.sources.touch import clean
from bridge.flows.visit_words import EventKind, Hit, Swap, Told
from bridge.flows.visits import VISIT_SECONDS
from bridge.serving import WebServer
from bridge.web.site.bodies import MAX_BYTES, BeatBody, EventBody, VisitBody
from bridge.web.site.callers import Address, Proxies, is_robot
from bridge.web.site.limits import Buckets
from bridge.web.site.script import missing, read_script

log = logging.getLogger(__name__)

_ALWAYS = [(b"vary", b"Origin"), (b"cache-control", b"no-store")]

B = TypeVar("B", VisitBody, BeatBody, EventBody)
#: Requests a second and at once: an address may be a whole office, or a telephone company's customers.
PER_ADDRESS = (20.0, 400.0)
PER_VISITOR = (2.0, 30.0)
NEW_PER_ADDRESS = (2.0, 60.0)  #: visits that begin: what a pool could be emptied with


class Desk(Protocol):
    """The visits, as the service needs them."""

    sites: Sites

    async def visit(self, site: Site, hit: Hit) -> Told | None: ...
    def beat(self, site: Site, visit_id: str, page: str, active: bool) -> Swap | None: ...
    def event(self, site: Site, visit_id: str, kind: EventKind, page: str, number: str, at: float | None) -> None: ...


@dataclass(slots=True)
class SiteCounters:
    """Since the start."""

    visits: int = 0
    beats: int = 0
    events: int = 0
    scripts: int = 0
    robots: int = 0
    malformed: int = 0  #: bodies that are not what pages send
    foreign: int = 0  #: requests from pages of no site of ours
    limited: int = 0
    failed: int = 0


class _From(NamedTuple):
    """Whose request it is, and whom the limits count it for."""

    address: Address
    network: str


class _Refused(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class SiteService:
    """Answers ``/s/...`` for all sites of `desk`."""

    def __init__(self, desk: Desk, trusted: tuple[str, ...], region_header: str | None = None) -> None:
        self.counters = SiteCounters()
        self._desk = desk
        self.trust(trusted, region_header)
        self._addresses = Buckets(*PER_ADDRESS)
        self._beginnings = Buckets(*NEW_PER_ADDRESS)
        self._visitors = Buckets(*PER_VISITOR)
        self._script = read_script()
        self.app = Starlette(
            routes=[
                Route("/s/v1.js", self._latest),
                Route("/s/v1.{hash8}.js", self._immutable),
                *(
                    Route(f"/s/v1/{name}", self._guarded(answer), methods=["POST", "OPTIONS"])
                    for name, answer in (("visit", self._visit), ("beat", self._beat), ("event", self._event))
                ),
                Route("/s/healthz", self._healthz),
            ]
        )
        self._server = WebServer(self.app, "site")

    def trust(self, trusted: tuple[str, ...], region_header: str | None) -> None:
        """The web servers before the service, and the header in which they name a visitor's region."""
        self._proxies = Proxies(trusted)
        self._region_header = region_header

    async def start(self, host: str, port: int) -> None:
        """Listen, and return when requests are answered. Raises OSError."""
        await self._server.start(host, port)

    @property
    def address(self) -> tuple[str, int]:
        return self._server.address

    async def stop(self) -> None:
        await self._server.stop()

    # -- the script ----------------------------------------------------------------------------------------------------

    async def _latest(self, request: Request) -> Response:
        self.counters.scripts += 1
        return missing() if self._script is None else self._script.answer(request, for_ever=False)

    async def _immutable(self, request: Request) -> Response:
        self.counters.scripts += 1
        if self._script is None or request.path_params["hash8"] != self._script.hash8:
            return missing()
        return self._script.answer(request, for_ever=True)

    async def _healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    # -- what pages ask ------------------------------------------------------------------------------------------------

    async def _visit(self, request: Request, sender: _From) -> Response:
        body = await _read(request, VisitBody)
        site = self._site(request, body.site)
        agent = request.headers.get("user-agent", "")[:500]
        self.counters.visits += 1
        if is_robot(agent):
            self.counters.robots += 1
            return Response(status_code=204)
        self._limit(self._visitors, body.visitor or body.visit or "")
        if body.visit is None:
            self._limit(self._beginnings, sender.network)
        told = await self._desk.visit(
            site,
            Hit(
                page=body.page,
                referrer=body.referrer,
                visitor=body.visitor,
                visit=body.visit,
                ids=body.ids,
                mobile=body.mobile,
                consent="cookieless" if _declined(request, site) else body.consent,
                address=str(sender.address),
                agent=agent,
                region=self._region(request),
            ),
        )
        if told is None:
            return Response(status_code=204)
        answer = {"visitor": told.visitor, "visit": told.visit, "swap": told.swap}
        return JSONResponse({**answer, "beat": self._desk.sites.heartbeat, "ttl": int(VISIT_SECONDS)})

    async def _beat(self, request: Request, _: _From) -> Response:
        body = await _read(request, BeatBody)
        site = self._site(request, body.site)
        self.counters.beats += 1
        self._limit(self._visitors, body.visit or "")
        swap = self._desk.beat(site, body.visit or "", body.page, body.active)
        return Response(status_code=204) if swap is None else JSONResponse({"swap": swap})

    async def _event(self, request: Request, _: _From) -> Response:
        body = await _read(request, EventBody)
        site = self._site(request, body.site)
        self.counters.events += 1
        self._limit(self._visitors, body.visit or "")
        at = None if body.at is None else body.at / 1000.0
        self._desk.event(site, body.visit or "", body.kind, body.page, body.number or "", at)
        return Response(status_code=204)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _guarded(self, answer: Callable[[Request, _From], Awaitable[Response]]) -> Callable[[Request], Any]:
        """Every answer with its headers for the page that asked; whatever goes wrong, a short one and no more."""

        async def guarded(request: Request) -> Response:
            try:
                address = self._who(request)
                network = network_of(address)
                self._limit(self._addresses, network)
                response = (
                    _preflight() if request.method == "OPTIONS" else await answer(request, _From(address, network))
                )
            except _Refused as refused:
                self.counters.malformed += refused.status in (400, 413, 415)
                response = PlainTextResponse(f"{refused}\n", refused.status)
                if refused.status == 429:
                    response.headers["Retry-After"] = "5"
            except ClientDisconnect:
                response = Response(status_code=400)
            except Exception:
                self.counters.failed += 1
                log.exception("a page could not be answered")
                response = PlainTextResponse("not now\n", 503)
            response.raw_headers += _ALWAYS
            origin = request.headers.get("origin")
            if origin is not None and response.status_code not in (403, 404) and self._is_ours(origin):
                response.raw_headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
            return response

        return guarded

    def _who(self, request: Request) -> Address:
        peer = request.client.host if request.client else ""
        found = self._proxies.visitor(peer, request.headers.getlist("x-forwarded-for"))
        if found is None:
            raise _Refused(400, "whose request is this?")
        return found

    def _limit(self, buckets: Buckets, key: str) -> None:
        if key and not buckets.take(key):
            self.counters.limited += 1
            raise _Refused(429, "too many requests")

    def _site(self, request: Request, name: str) -> Site:
        site = self._desk.sites.sites.get(name)
        if site is None:
            self.counters.foreign += 1
            raise _Refused(404, "no such site")
        host = _host(request.headers.get("origin") or request.headers.get("referer") or "")
        if not host or not site.has(host):
            self.counters.foreign += 1
            raise _Refused(403, "this page does not belong to that site")
        return site

    def _is_ours(self, origin: str) -> bool:
        host = _host(origin)
        return bool(host) and any(site.has(host) for site in self._desk.sites.sites.values())

    def _region(self, request: Request) -> str | None:
        if self._region_header is None:
            return None
        peer = self._proxies.visitor(request.client.host if request.client else "", [])
        if peer is None or not self._proxies.trusts(peer):
            return None
        return clean(_utf8(request.headers.get(self._region_header, "")), 64) or None


async def _read(request: Request, kind: type[B]) -> B:
    """The body, checked. Raises _Refused."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > MAX_BYTES:
        raise _Refused(413, f"at most {MAX_BYTES} bytes")
    content = request.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if content not in ("text/plain", "application/json"):
        raise _Refused(415, "text/plain or application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise _Refused(413, f"at most {MAX_BYTES} bytes")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _Refused(400, f"{where}: {first['msg']}"[:200].encode("ascii", "replace").decode()) from None


def _preflight() -> Response:
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "86400",
        },
    )


def _declined(request: Request, site: Site) -> bool:
    """Whether the browser asks not to be followed, and the site minds."""
    asks = request.headers.get("dnt") == "1" or request.headers.get("sec-gpc") == "1"
    return asks and site.do_not_track == "cookieless"


def _host(url: str) -> str:
    """Host and port of a page or an origin; empty for what is none."""
    try:
        parts = urlsplit(url)
        return parts.netloc.lower() if parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
    except ValueError:
        return ""


def _utf8(text: str) -> str:
    """A header's text: Starlette reads bytes as Latin-1."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
