"""Users, for administrators: who may sign in, as what, and where they are signed in."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Right, Role
from bridge.flows.people import ROLES, By, People, PeopleError, clean_name, locked
from bridge.web.desk import passwords
from bridge.web.desk.agents import browser_of
from bridge.web.desk.context import Asked
from bridge.web.desk.forms import read_form
from bridge.web.desk.routing import Problem, Route


def people_of(asked: Asked) -> People:
    return People(asked.desk.accounts, asked.desk.clock, asked.desk.directory.lines)


def by(asked: Asked) -> By:
    """Whoever asks, for the audit log."""
    return By(asked.person.name, asked.address)


def said(asked: Asked, error: PeopleError) -> str:
    """The error in the person's language."""
    return asked.desk.renderer.text(asked, error.text, **error.values)


async def users(asked: Asked) -> Response:
    return await _list(asked)


async def add(asked: Asked) -> Response:
    """A new user, with a password made up here and shown once."""
    form = await read_form(asked)
    made = passwords.generated()
    try:
        kept = await asyncio.to_thread(passwords.hashed, made)
        await people_of(asked).add(
            by(asked),
            form.get("name", ""),
            _role(form),
            line=form.get("line"),
            email=form.get("email", ""),
            password=kept,
        )
    except PeopleError as error:
        return await _list(asked, form, said(asked, error))
    return await _list(asked, shown=(clean_name(form["name"]), made))


async def user(asked: Asked) -> Response:
    return await _one(asked)


async def change(asked: Asked) -> Response:
    form = await read_form(asked)
    try:
        changed = await people_of(asked).change(
            by(asked), _name(asked), role=_role(form), line=form.get("line"), email=form.get("email")
        )
    except PeopleError as error:
        return await _one(asked, form, said(asked, error))
    return RedirectResponse(f"/users/{changed.name}", 303)


async def reset_password(asked: Asked) -> Response:
    made = passwords.generated()
    try:
        kept = await asyncio.to_thread(passwords.hashed, made)
        await people_of(asked).set_password(by(asked), _name(asked), kept)
    except PeopleError as error:
        raise Problem(404, error.text, **error.values) from None
    if asked.person.name == _name(asked):  # it ended this session too
        return asked.page("user-password.html", name=_name(asked), password=made)
    return await _one(asked, shown=made)


async def act(asked: Asked) -> Response:
    """Lock, unlock, remove, end sessions: what the last part of the path says."""
    name, form = _name(asked), await read_form(asked)
    people, who = people_of(asked), by(asked)
    try:
        match asked.request.path_params["act"]:
            case "lock":
                await people.disable(who, name)
            case "unlock":
                await people.enable(who, name)
            case "remove":
                await people.remove(who, name)
                return RedirectResponse("/users", 303)
            case "sessions":
                await people.end_sessions(who, name, short=form.get("session"))
            case _:
                raise Problem(404, "There is no such page.")
    except PeopleError as error:
        return await _one(asked, {}, said(asked, error))
    return RedirectResponse(f"/users/{name}", 303)


async def _list(
    asked: Asked, form: dict[str, str] | None = None, problem: str = "", shown: tuple[str, str] | None = None
) -> Response:
    now, accounts = asked.desk.clock(), asked.desk.accounts
    rows = [(user, locked(user, now)) for user in await accounts.users()]
    values: dict[str, Any] = {"rows": rows, "form": form or {}, "problem": problem, "shown": shown, "roles": ROLES}
    return asked.page("users.html", 400 if problem else 200, **values)


async def _one(asked: Asked, form: dict[str, str] | None = None, problem: str = "", shown: str = "") -> Response:
    now, accounts = asked.desk.clock(), asked.desk.accounts
    found = await accounts.user(_name(asked))
    if found is None:
        raise Problem(404, "There is no user %(name)s.", name=_name(asked))
    sessions = [(session, browser_of(session.agent)) for session in await accounts.sessions_of(found.name, now)]
    values: dict[str, Any] = {"user": found, "locked": locked(found, now), "sessions": sessions, "roles": ROLES}
    status = 400 if problem else 200
    return asked.page("user.html", status, form=form or {}, problem=problem, shown=shown, now=now, **values)


def _name(asked: Asked) -> str:
    try:
        return clean_name(asked.request.path_params["name"])
    except PeopleError:
        raise Problem(404, "There is no such page.") from None


def _role(form: dict[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise PeopleError("Choose a role.") from None


ROUTES = [
    Route("GET", "/users", Right.USERS, users),
    Route("POST", "/users", Right.USERS, add),
    Route("GET", "/users/{name}", Right.USERS, user),
    Route("POST", "/users/{name}", Right.USERS, change),
    Route("POST", "/users/{name}/password", Right.USERS, reset_password),
    Route("POST", "/users/{name}/{act}", Right.USERS, act),
]
