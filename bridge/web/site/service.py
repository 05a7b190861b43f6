"""The service for the company's pages. It stands open to the world, so every request is small, short and counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from bridge.core.site import Site, Sites, network_of
from bridge.core.sources.touch import clean
from bridge.flows.visit_loading import VISIT_SECONDS
from bridge.flows.visit_words import Changed, EventKind, Hit, Told
from bridge.serving import WebServer
from bridge.web.site.bodies import MAX_BYTES, BeatBody, EventBody, VisitBody
from bridge.web.site.callers import Proxies, is_robot
from bridge.web.site.limits import Buckets
from bridge.web.site.script import Script, missing, read_scripts
from bridge.web.site.wire import Answer, Asked, Endpoint, Refused

B = TypeVar("B", VisitBody, BeatBody, EventBody)
#: Requests a second and at once: an address may be a whole office, or a telephone company's customers.
PER_ADDRESS = (20.0, 400.0)
PER_VISITOR = (2.0, 30.0)
NEW_PER_ADDRESS = (2.0, 60.0)  #: visits that begin: what a pool could be emptied with
_NOTHING = Answer()


class Desk(Protocol):
    """The visits, as the service needs them."""

    sites: Sites

    async def visit(self, site: Site, hit: Hit) -> Told | None: ...
    def beat(self, site: Site, visit_id: str, active: bool) -> Changed | None: ...
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
    """Whose request it is: the visitor's address, and whom the limits count it for."""

    address: str
    network: str


class SiteService:
    """Answers ``/s/...`` for all sites of `desk`."""

    def __init__(self, desk: Desk, trusted: tuple[str, ...], region_header: str | None = None) -> None:
        self.counters = SiteCounters()
        self._desk = desk
        self.trust(trusted, region_header)
        self._addresses = Buckets(*PER_ADDRESS)
        self._beginnings = Buckets(*NEW_PER_ADDRESS)
        self._visitors = Buckets(*PER_VISITOR)
        self._serve_scripts(read_scripts())
        asked = (("beat", self._beat), ("visit", self._visit), ("event", self._event))
        self.app = Router(
            [
                *(
                    Route(f"/s/v1/{name}", self._endpoint(answer), methods=["POST", "OPTIONS"])
                    for name, answer in asked
                ),
                Route("/s/v1.js", self._latest),
                Route("/s/v1.{hash8}.js", self._immutable),
                Route("/s/healthz", self._healthz),
            ]
        )
        self._server = WebServer(self.app, "site")

    def trust(self, trusted: tuple[str, ...], region_header: str | None) -> None:
        """The web servers before the service, and the header in which they name a visitor's region."""
        self._proxies = Proxies(trusted)
        self._region_header = None if region_header is None else region_header.lower().encode()

    async def start(self, host: str, port: int) -> None:
        """Listen, and return when requests are answered. Raises OSError."""
        await self._server.start(host, port)

    @property
    def address(self) -> tuple[str, int]:
        return self._server.address

    async def stop(self) -> None:
        await self._server.stop()

    # -- the script ----------------------------------------------------------------------------------------------------

    def _serve_scripts(self, scripts: Sequence[Script]) -> None:
        self._script = scripts[0] if scripts else None
        self._builds = {script.hash8: script for script in scripts}

    async def _latest(self, request: Request) -> Response:
        self.counters.scripts += 1
        return missing() if self._script is None else self._script.answer(request, for_ever=False)

    async def _immutable(self, request: Request) -> Response:
        self.counters.scripts += 1
        script = self._builds.get(request.path_params["hash8"])
        return missing() if script is None else script.answer(request, for_ever=True)

    async def _healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    # -- what pages ask ------------------------------------------------------------------------------------------------

    async def _visit(self, asked: Asked, sender: _From) -> Answer:
        body = await _read(asked, VisitBody)
        site = self._site(asked, body.site)
        agent = asked.text(b"user-agent")[:500]
        self.counters.visits += 1
        if is_robot(agent):
            self.counters.robots += 1
            return _NOTHING
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
                consent="cookieless" if _declined(asked, site) else body.consent,
                address=sender.address,
                agent=agent,
                region=self._region(asked),
            ),
        )
        if told is None:
            return _NOTHING
        answer = {"visitor": told.visitor, "visit": told.visit, "swap": told.swap}
        return Answer(200, {**answer, "beat": self._desk.sites.heartbeat, "ttl": int(VISIT_SECONDS)})

    async def _beat(self, asked: Asked, _: _From) -> Answer:
        body = await _read(asked, BeatBody)
        site = self._site(asked, body.site)
        self.counters.beats += 1
        self._limit(self._visitors, body.visit or "")
        changed = self._desk.beat(site, body.visit or "", body.active)
        if changed is None:
            return _NOTHING
        return Answer(200, {"swap": changed.swap, "ask": True} if changed.ask else {"swap": changed.swap})

    async def _event(self, asked: Asked, _: _From) -> Answer:
        body = await _read(asked, EventBody)
        site = self._site(asked, body.site)
        self.counters.events += 1
        self._limit(self._visitors, body.visit or "")
        at = None if body.at is None else body.at / 1000.0
        self._desk.event(site, body.visit or "", body.kind, body.page, body.number or "", at)
        return _NOTHING

    # -- inside --------------------------------------------------------------------------------------------------------

    def _endpoint(self, answer: Callable[[Asked, _From], Awaitable[Answer]]) -> Endpoint:
        async def guarded(asked: Asked) -> Answer:
            try:
                asked.allowed = self._is_ours(asked.origin)
                sender = self._who(asked)
                self._limit(self._addresses, sender.network)
                return _NOTHING if asked.is_preflight else await answer(asked, sender)
            except Refused as refused:
                self.counters.malformed += refused.status in (400, 413, 415)
                raise

        return Endpoint(guarded, self._failed)

    def _failed(self) -> None:
        self.counters.failed += 1

    def _who(self, asked: Asked) -> _From:
        found = _sender(self._proxies, asked.peer, *asked.forwarded())
        if found is None:
            raise Refused(400, "whose request is this?")
        return found

    def _limit(self, buckets: Buckets, key: str) -> None:
        if key and not buckets.take(key):
            self.counters.limited += 1
            raise Refused(429, "too many requests")

    def _site(self, asked: Asked, name: str) -> Site:
        site = self._desk.sites.sites.get(name)
        if site is None:
            self.counters.foreign += 1
            asked.allowed = False
            raise Refused(404, "no such site")
        host = _host(asked.origin or asked.headers.get(b"referer") or b"")
        if not host or not site.has(host):
            self.counters.foreign += 1
            asked.allowed = False
            raise Refused(403, "this page does not belong to that site")
        return site

    def _is_ours(self, origin: bytes | None) -> bool:
        host = _host(origin or b"")
        return bool(host) and any(site.has(host) for site in self._desk.sites.sites.values())

    def _region(self, asked: Asked) -> str | None:
        if self._region_header is None:
            return None
        peer = self._proxies.visitor(asked.peer, [])
        if peer is None or not self._proxies.trusts(peer):
            return None
        return clean(asked.headers.get(self._region_header, b"").decode("utf-8", "replace"), 64) or None


async def _read(asked: Asked, kind: type[B]) -> B:
    """The body, checked. Raises Refused."""
    content = asked.headers.get(b"content-type", b"text/plain").partition(b";")[0].strip().lower()
    if content not in (b"text/plain", b"application/json"):
        raise Refused(415, "text/plain or application/json")
    try:
        return kind.model_validate_json(await asked.body(MAX_BYTES))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(400, f"{where}: {first['msg']}"[:200]) from None


def _declined(asked: Asked, site: Site) -> bool:
    """Whether the browser asks not to be followed, and the site minds."""
    asks = asked.headers.get(b"dnt") == b"1" or asked.headers.get(b"sec-gpc") == b"1"
    return asks and site.do_not_track == "cookieless"


@lru_cache(maxsize=8192)
def _sender(proxies: Proxies, peer: str, *forwarded: str) -> _From | None:
    found = proxies.visitor(peer, forwarded)
    return None if found is None else _From(str(found), network_of(found))


@lru_cache(maxsize=4096)
def _host(url: bytes) -> str:
    """Host and port of a page or an origin; empty for what is none."""
    try:
        parts = urlsplit(url.decode("latin-1"))
        return parts.netloc.lower() if parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
    except ValueError:
        return ""
