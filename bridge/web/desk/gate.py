"""What stands before every page: who asks, whether he may, whether the request comes from our own pages; and the headers of every answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from bridge.core.desk.access import Role, Who, who_of
from bridge.flows.desk_ports import Session
from bridge.flows.people import hash_of, new_token
from bridge.flows.ports import StoreDownError
from bridge.web.desk.context import Asked, Desk
from bridge.web.desk.language import choose
from bridge.web.desk.render import gettext
from bridge.web.desk.routing import SAFE, Problem, Route
from bridge.web.site.callers import Proxies

log = logging.getLogger(__name__)

LANGUAGE_COOKIE: Final = "language"
#: htmx and the player set styles by script, which this allows; nothing may be written into the page as style or script.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: Of every answer, unless it says otherwise itself.
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_UNNAMED: Final = "-"


@dataclass(slots=True)
class GateCounters:
    """See `bridge/deskside.py` for what each one counts."""

    requests: int = 0
    refused: int = 0
    limited: int = 0
    failed: int = 0


class Gate:
    """Turns routes into Starlette's endpoints."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.counters = GateCounters()

    def endpoint(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        """The route with all that stands before it."""

        async def answer(request: Request) -> Response:
            asked = self._asked(request)
            self.counters.requests += 1
            try:
                await self._recognise(asked)
                self._from_our_pages(request)
                if route.right is not None and asked.who is None:
                    return self._sign_in_first(asked)
                if route.right is not None and not asked.may(route.right):
                    raise Problem(403, "Your role does not allow this.")
                response = await route.handler(asked)
            except Problem as problem:
                response = self._says_no(asked, problem)
            except StoreDownError as error:
                log.warning("%s %s: the store does not answer: %s", request.method, route.path, error)
                response = self._says_no(asked, Problem(503, "The books cannot be read now. Try again in a moment."))
                response.headers["Retry-After"] = "5"
            except ClientDisconnect:
                response = Response(status_code=400)
            except Exception:
                self.counters.failed += 1
                log.exception("%s %s failed", request.method, route.path)
                response = self._says_no(asked, Problem(500, "Something went wrong here; the log says what."))
            self.counters.refused += response.status_code in (401, 403)
            self.counters.limited += response.status_code == 429
            return response

        return answer

    # -- who asks ------------------------------------------------------------------------------------------------------

    def _asked(self, request: Request) -> Asked:
        peer = request.client.host if request.client else ""
        proxies = Proxies(self.desk.settings.trusted_proxies)
        address = proxies.visitor(peer, request.headers.getlist("x-forwarded-for"))
        language = choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
        return Asked(self.desk, request, None, str(address or peer or _UNNAMED), language)

    async def _recognise(self, asked: Asked) -> None:
        cookies, now = asked.request.cookies, self.desk.clock()
        if token := cookies.get(cookie_name(self.desk, "session")):
            found = await self.desk.accounts.session(hash_of(token))
            if found is not None and found[0].expires_at > now and found[1].disabled_at is None:
                session, user = found
                asked.who = who_of(user.name, user.role, user.line, self.desk.settings.see_callers)
                asked.session = hash_of(token)
                await self._seen(asked.session, session, now)
                return
        if token := cookies.get(cookie_name(self.desk, "link")):
            link = await self.desk.accounts.link(hash_of(token))
            if link is not None and link.expires_at > now and link.revoked_at is None:
                name = f"link:{link.title}"
                asked.who = who_of(name, Role.GUEST, None, self.desk.settings.see_callers, scope=link.scope)

    async def _seen(self, token: str, session: Session, now: datetime) -> None:
        """A session lasts while it is used, `session_lasts` at most."""
        if now - session.seen_at < timedelta(minutes=1):
            return
        settings = self.desk.settings
        latest = session.began_at + timedelta(seconds=settings.session_lasts)
        await self.desk.accounts.session_seen(token, now, min(now + timedelta(seconds=settings.session_idle), latest))

    def _from_our_pages(self, request: Request) -> None:
        """What changes something must come from a page of the desk: Sec-Fetch-Site says so in browsers of today, else Origin must."""
        if request.method in SAFE:
            return
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            if site == "same-origin":
                return
        elif (origin := request.headers.get("origin")) is not None:
            ours = self.desk.settings.url or f"{request.url.scheme}://{request.headers.get('host', '')}"
            if origin != "null" and urlsplit(origin)[:2] == urlsplit(ours)[:2]:
                return
        raise Problem(403, "This request does not come from a page of the desk.")

    # -- saying no -----------------------------------------------------------------------------------------------------

    def _sign_in_first(self, asked: Asked) -> Response:
        request = asked.request
        if request.url.path.startswith("/v1/"):
            return JSONResponse({"error": "sign in first"}, 401)
        if asked.piece or request.method not in SAFE:
            return PlainTextResponse("", 401, {"HX-Redirect": "/sign-in"})
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/sign-in" + ("" if wanted == "/" else f"?next={quote(wanted, safe='/')}"), 303)

    def _says_no(self, asked: Asked, problem: Problem) -> Response:
        text = gettext(asked.language, problem.text, **problem.values)
        if asked.request.url.path.startswith("/v1/"):
            return JSONResponse({"error": str(problem)}, problem.status)
        if asked.piece:
            return PlainTextResponse(text, problem.status)
        return asked.page("problem.html", problem.status, text=text)


def cookie_name(desk: Desk, kind: str) -> str:
    """With TLS a name that browsers take from the very host only, and for all its paths."""
    return f"__Host-callbridge-{kind}" if _secure(desk) else f"callbridge-{kind}"


def set_cookie(desk: Desk, response: Response, name: str, value: str, seconds: int) -> None:
    """One that no script reads and no other site sends along with a form."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=_secure(desk), httponly=True, samesite="lax")


def drop_cookie(desk: Desk, response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=_secure(desk), httponly=True, samesite="lax")


async def begin_session(asked: Asked, user: Any, response: Response) -> None:
    """Signs `user` in with a new token, whatever the browser had before."""
    desk, now = asked.desk, asked.desk.clock()
    token = new_token()
    agent = asked.request.headers.get("user-agent", "")[:200]
    expires = now + timedelta(seconds=desk.settings.session_idle)
    await desk.accounts.begin_session(hash_of(token), Session(user.name, now, now, expires, asked.address, agent))
    if asked.session:
        await desk.accounts.end_session(asked.session)
    asked.who = Who(user.name, user.role, user.line)
    await asked.note("sign-in")
    set_cookie(desk, response, cookie_name(desk, "session"), token, desk.settings.session_lasts)


def _secure(desk: Desk) -> bool:
    return (desk.settings.url or "").startswith("https:")
