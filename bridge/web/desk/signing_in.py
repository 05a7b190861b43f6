"""Signing in and out, guests' links, the language of the pages."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from starlette.responses import RedirectResponse, Response

from bridge.flows.people import hash_of
from bridge.web.desk import passwords
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.gate import LANGUAGE_COOKIE, begin_session, cookie_name, drop_cookie, set_cookie
from bridge.web.desk.language import LANGUAGES
from bridge.web.desk.routing import Problem, Route
from bridge.web.site.limits import Buckets

LOCK_AFTER: Final = 10  #: wrong passwords in a row
LOCK_FOR: Final = timedelta(minutes=15)
_TRIES: Final = Buckets(rate=0.2, burst=20)  #: of one address, whatever the names


async def sign_in_page(asked: Asked) -> Response:
    if asked.who is not None and asked.session:
        return RedirectResponse(local_path(asked.params.get("next")), 303)
    return await form_page(asked)


async def sign_in(asked: Asked) -> Response:
    """A name and its password, for a session. A wrong one is answered as a name that is not there."""
    form = await read_form(asked)
    name, password = form.get("name", "").strip().lower(), form.get("password", "")
    accounts, now = asked.desk.accounts, asked.desk.clock()
    if not _TRIES.take(asked.address):
        await asked.note("sign-in-limited", name[:80])
        raise Problem(429, "Too many tries. Wait a minute.")
    user = await accounts.user(name)
    right = await asyncio.to_thread(passwords.fits, password, user.password if user else None)
    locked = user is not None and user.locked_until is not None and user.locked_until > now
    if user is None or locked or not right or user.disabled_at is not None:
        await asked.note("sign-in-failed", name[:80])
        counts = user is not None and not right and not locked
        if user is not None and counts and await accounts.note_failure(user.name, LOCK_AFTER, now + LOCK_FOR):
            await asked.note("sign-in-locked", user.name)
        text = "This name and password do not fit. After %(tries)d wrong passwords a name is locked for %(minutes)d minutes."
        values = {"tries": LOCK_AFTER, "minutes": int(LOCK_FOR.total_seconds() // 60)}
        return await form_page(asked, name, asked.desk.renderer.text(asked, text, **values))
    await accounts.note_success(user.name)
    response = RedirectResponse(local_path(form.get("next")), 303)
    await begin_session(asked, user, response)
    return response


async def sign_out(asked: Asked) -> Response:
    desk = asked.desk
    if asked.session:
        await desk.accounts.end_session(asked.session)
        await asked.note("sign-out")
    response = RedirectResponse("/sign-in", 303)
    for kind in ("session", "link"):
        drop_cookie(desk, response, cookie_name(desk, kind))
    return response


async def by_link(asked: Asked) -> Response:
    """A guest's link: its token goes into a cookie, so that it stands in no further address and in no referrer."""
    token = asked.request.path_params["token"]
    link, now = await asked.desk.accounts.link(hash_of(token)), asked.desk.clock()
    if link is None or link.revoked_at is not None or link.expires_at <= now:
        raise Problem(404, "This link does not exist, or its time is over. Ask for a new one.")
    response = RedirectResponse("/", 303)
    await asked.note("link-opened", link.title)
    set_cookie(
        asked.desk, response, cookie_name(asked.desk, "link"), token, int((link.expires_at - now).total_seconds())
    )
    return response


async def choose_language(asked: Asked) -> Response:
    form = await read_form(asked)
    if form.get("language") not in LANGUAGES:
        raise Problem(400, "There is no such language.")
    response = RedirectResponse(local_path(form.get("next")), 303)
    set_cookie(asked.desk, response, LANGUAGE_COOKIE, form["language"], 365 * 86400)
    return response


async def form_page(asked: Asked, name: str = "", problem: str = "") -> Response:
    """The page, with what went wrong on it."""
    nobody = not await asked.desk.accounts.users()
    wanted = local_path(asked.params.get("next"))
    oidc = asked.desk.settings.oidc
    status = 401 if problem else 200
    return asked.page("sign-in.html", status, name=name, problem=problem, nobody=nobody, wanted=wanted, oidc=oidc)


def local_path(wanted: str | None) -> str:
    """Where to go then: a path of ours, never another site."""
    fine = wanted and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if fine and wanted and "\\" not in wanted else "/"


ROUTES = [
    Route("GET", "/sign-in", None, sign_in_page),
    Route("POST", "/sign-in", None, sign_in),
    Route("POST", "/sign-out", None, sign_out),
    Route("GET", "/l/{token}", None, by_link),
    Route("POST", "/language", None, choose_language),
]
