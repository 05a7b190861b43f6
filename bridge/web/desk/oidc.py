"""Signing in with an account of the company."""

from __future__ import annotations

import hmac
import logging
import re
from dataclasses import replace
from typing import Final

from starlette.responses import RedirectResponse, Response

from bridge.core.desk.access import Role
from bridge.core.desk.settings import Oidc
from bridge.flows.desk_ports import Audited, LastAdminError, User
from bridge.flows.people import new_token
from bridge.web.desk.context import Asked
from bridge.web.desk.gate import begin_session, cookie_name, drop_cookie, set_cookie
from bridge.web.desk.oidc_provider import OidcError, Person, Provider
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.signing_in import form_page, local_path
from bridge.web.site.limits import Buckets

log = logging.getLogger(__name__)

_COOKIE: Final = "oidc"
_LASTS: Final = 600  #: seconds between leaving for the provider and coming back
_BACK: Final = "/sign-in/oidc/done"
_TRIES: Final = Buckets(rate=0.2, burst=20)


async def begin(asked: Asked) -> Response:
    """To the provider. What must come back with the answer stays in a cookie of this browser."""
    provider = _provider(asked)
    if not _TRIES.take(asked.address):
        raise Problem(429, "Too many tries. Wait a minute.")
    state, nonce, verifier = new_token(), new_token(), new_token()
    try:
        away = await provider.where_to(_back(asked), state, nonce, verifier)
    except OidcError as error:
        return await _refused(asked, error)
    response = RedirectResponse(away, 303)
    kept = "|".join((state, nonce, verifier, local_path(asked.params.get("next"))))
    set_cookie(asked.desk, response, cookie_name(asked.desk, _COOKIE), kept.encode().hex(), _LASTS)
    return response


async def done(asked: Asked) -> Response:
    """Back from the provider, with a code for a token about the person, or with its no."""
    provider = _provider(asked)
    try:
        state, nonce, verifier, wanted = _kept(asked)
        if not hmac.compare_digest(asked.params.get("state", "").encode(), state.encode()):
            raise OidcError("This answer belongs to no try to sign in of this browser. Try again.")
        if why := asked.params.get("error"):
            raise OidcError("The provider said no: %(why)s", why=why[:80])
        person = await provider.person(asked.params.get("code", ""), _back(asked), nonce, verifier, asked.desk.clock())
        user = await _user(asked, person, provider.settings)
    except OidcError as error:
        return await _refused(asked, error)
    response = RedirectResponse(wanted, 303)
    await begin_session(asked, user, response)
    drop_cookie(asked.desk, response, cookie_name(asked.desk, _COOKIE))
    return response


def role_of(person: Person, roles: dict[str, str]) -> Role:
    """By the first of `roles` that the person has. Raises OidcError."""
    for value, role in roles.items():
        if value in person.groups:
            return Role(role)
    raise OidcError("Your account has no role at the desk. Ask whoever looks after it.")


async def _user(asked: Asked, person: Person, settings: Oidc) -> User:
    """The person's user: made at the first time, with the role of now at every time."""
    accounts, now = asked.desk.accounts, asked.desk.clock()
    known = await accounts.user_of_subject(person.subject)
    if known is not None and known.disabled_at is not None:
        raise OidcError("An administrator has locked this user out.")
    role = role_of(person, dict(settings.roles))
    if known is None:
        made = User(await _free_name(asked, person), role, now, email=person.email, oidc_subject=person.subject)
        await accounts.put_user(made)
        await accounts.note(Audited(now, made.name, "user-add", f"{made.name}: {role}, oidc", None, asked.address))
        return made
    new = replace(known, role=role, line=known.line if role is Role.OPERATOR else None, email=person.email)
    if new != known:
        try:
            await accounts.put_user(new)
        except LastAdminError:
            raise OidcError("This is the last administrator: make another one first.") from None
        if new.role is not known.role:
            detail = f"{new.name}: {known.role} -> {role}, oidc"
            await accounts.note(Audited(now, new.name, "user-change", detail, None, asked.address))
    return new


async def _free_name(asked: Asked, person: Person) -> str:
    """Nobody gets into a user that was there before by bearing his name."""
    wanted = re.sub(r"[^\w.@-]+", "-", person.name.lower())[:56].strip("-") or "user"
    taken = {user.name for user in await asked.desk.accounts.users()}
    return next(name for n in range(1, len(taken) + 2) if (name := wanted if n == 1 else f"{wanted}-{n}") not in taken)


async def _refused(asked: Asked, error: OidcError) -> Response:
    log.warning("signing in by the provider failed: %s (%s)", error, error.__cause__ or "-")
    await asked.note("sign-in-failed", f"oidc: {error}"[:200])
    response = await form_page(asked, problem=asked.desk.renderer.text(asked, error.text, **error.values))
    drop_cookie(asked.desk, response, cookie_name(asked.desk, _COOKIE))
    return response


def _kept(asked: Asked) -> tuple[str, str, str, str]:
    try:
        kept = bytes.fromhex(asked.request.cookies.get(cookie_name(asked.desk, _COOKIE), "")).decode()
        state, nonce, verifier, wanted = kept.split("|", 3)
    except ValueError:
        raise OidcError("This answer belongs to no try to sign in of this browser. Try again.") from None
    if not state or not nonce or not verifier:
        raise OidcError("This answer belongs to no try to sign in of this browser. Try again.")
    return state, nonce, verifier, local_path(wanted)


def _provider(asked: Asked) -> Provider:
    wanted = asked.desk.settings.oidc
    if wanted is None:
        raise Problem(404, "There is no such page.")
    known = asked.desk.stores.get(Provider)
    if known is None or known.settings != wanted:
        known = asked.desk.stores[Provider] = Provider(wanted)
    return known


def _back(asked: Asked) -> str:
    return f"{asked.desk.settings.url}{_BACK}"


ROUTES = [
    Route("GET", "/sign-in/oidc", None, begin),
    Route("GET", _BACK, None, done),
]
