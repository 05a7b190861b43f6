"""What the desk needs of the store to know who asks, and to leave a trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.core.desk.access import Role


@dataclass(frozen=True, slots=True)
class User:
    """A person at the desk. `password` is an argon2 hash; None: he signs in elsewhere only."""

    name: str
    role: Role
    created_at: datetime
    line: str | None = None
    password: str | None = None
    email: str | None = None
    oidc_subject: str | None = None  #: ``issuer|sub``
    disabled_at: datetime | None = None
    failures: int = 0
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """`short`: the beginning of its token's hash, which names it in lists and opens nothing."""

    user: str
    began_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str
    short: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """`scope`: a filter as in the calls' URL; a guest sees nothing beyond it."""

    title: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    scope: str = ""
    revoked_at: datetime | None = None
    short: str = ""


@dataclass(frozen=True, slots=True)
class Audited:
    """One entry of the audit log. `action` is like ``listen``, ``download``, ``sign-in``, ``sign-in-failed``, ``export``, ``user-add``."""

    at: datetime
    by: str
    action: str
    detail: str = ""
    call_id: str | None = None
    address: str = ""


class LastAdminError(Exception):
    """Nobody could look after the desk any more."""


class Accounts(Protocol):
    """People, sessions, links, the audit log. Tokens are given as their SHA-256. Every method may raise StoreDownError."""

    async def users(self) -> list[User]: ...
    async def user(self, name: str) -> User | None: ...
    async def user_of_subject(self, subject: str) -> User | None: ...
    async def put_user(self, user: User) -> None: ...
    async def remove_user(self, name: str) -> bool: ...
    async def note_failure(self, name: str, lock_after: int, lock_until: datetime) -> bool: ...
    async def note_success(self, name: str) -> None: ...
    async def begin_session(self, token: str, session: Session) -> None: ...
    async def session(self, token: str) -> tuple[Session, User] | None: ...
    async def session_seen(self, token: str, at: datetime, expires_at: datetime) -> None: ...
    async def sessions_of(self, name: str, now: datetime) -> list[Session]: ...
    async def end_session(self, token: str) -> None: ...
    async def end_sessions(self, name: str, *, but: str | None = None, short: str | None = None) -> int: ...
    async def add_link(self, token: str, link: Link) -> None: ...
    async def link(self, token: str) -> Link | None: ...
    async def links(self, now: datetime) -> list[Link]: ...
    async def revoke_link(self, short: str, at: datetime) -> bool: ...
    async def note(self, entry: Audited) -> None: ...
    async def audited(
        self, *, by: str | None = None, call_id: str | None = None, action: str | None = None,
        before: int | None = None, limit: int = 100,
    ) -> list[tuple[int, Audited]]: ...  # fmt: skip
