"""One's own password and sessions."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right
from bridge.flows.people import PeopleError
from bridge.web.desk import passwords
from bridge.web.desk.agents import browser_of
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.gate import begin_session
from bridge.web.desk.people import by, people_of, said
from bridge.web.desk.routing import Problem, Route
from bridge.web.site.limits import Buckets

_TRIES: Final = Buckets(rate=0.05, burst=10)  #: of one user: a session left open does not let its password be guessed
_PROBLEMS: Final = {
    f"a password needs at least {passwords.SHORTEST} characters": "A password needs at least %(shortest)d characters.",
    f"a password has at most {passwords.LONGEST} characters": "A password has at most %(longest)d characters.",
    "this password is too easy to guess": "This password is too easy to guess.",
}


async def account(asked: Asked) -> Response:
    return await _page(asked)


async def set_password(asked: Asked) -> Response:
    """It needs the old one, and ends all other sessions."""
    form, name = await read_form(asked), asked.person.name
    if not _TRIES.take(name):
        raise Problem(429, "Too many tries. Wait a minute.")
    user = await asked.desk.accounts.user(name)
    if user is None or user.password is None:
        raise Problem(400, "You sign in with the company account: it has no password here.")
    if not await asyncio.to_thread(passwords.fits, form.get("old", ""), user.password):
        await asked.note("password-failed")
        return await _page(asked, asked.desk.renderer.text(asked, "The old password is another one."))
    wanted = form.get("new", "")
    if wanted != form.get("again", ""):
        return await _page(asked, asked.desk.renderer.text(asked, "The two new passwords are not the same."))
    if problem := passwords.problem_of(wanted, name):
        lengths = {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
        return await _page(asked, asked.desk.renderer.text(asked, _PROBLEMS[problem], **lengths))
    await people_of(asked).set_password(by(asked), name, await asyncio.to_thread(passwords.hashed, wanted))
    response = RedirectResponse("/account", 303)
    await begin_session(asked, user, response)
    return response


async def end_sessions(asked: Asked) -> Response:
    """One, or all but this one."""
    form = await read_form(asked)
    short = form.get("session")
    but = None if short else asked.session
    try:
        await people_of(asked).end_sessions(by(asked), asked.person.name, short=short, but=but)
    except PeopleError as error:
        return await _page(asked, said(asked, error))
    return RedirectResponse("/account", 303)


async def _page(asked: Asked, problem: str = "") -> Response:
    now, name = asked.desk.clock(), asked.person.name
    user = await asked.desk.accounts.user(name)
    sessions = [(one, browser_of(one.agent)) for one in await asked.desk.accounts.sessions_of(name, now)]
    here = asked.session[:12]
    has_password = user is not None and user.password is not None
    values = {"sessions": sessions, "here": here, "has_password": has_password, "shortest": passwords.SHORTEST}
    return asked.page("account.html", 400 if problem else 200, problem=problem, now=now, **values)


ROUTES = [
    Route("GET", "/account", Right.ACCOUNT, account),
    Route("POST", "/account/password", Right.ACCOUNT, set_password),
    Route("POST", "/account/sessions", Right.ACCOUNT, end_sessions),
]
