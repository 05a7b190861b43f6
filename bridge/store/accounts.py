"""People at the desk: users, their sessions, links for guests, and the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.access import Role
from bridge.flows.desk_ports import Audited, LastAdminError, Link, Session, User
from bridge.store.desk_schema import audit, links, sessions, users
from bridge.store.engine import Database
from bridge.store.rows import storable_text

_SEEN_EVERY = timedelta(minutes=1)


class AccountStore:
    """Every method may raise StoreBusy or StoreUnavailable. `token` is always the SHA-256 of a token, as hexadecimal digits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- users ---------------------------------------------------------------------------------------------------------

    async def users(self) -> list[User]:
        """All, by name."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(users).order_by(users.c.name))).mappings()
            return [_user(row) for row in rows]

    async def user(self, name: str) -> User | None:
        return await self._one(users.c.name == name)

    async def user_of_subject(self, subject: str) -> User | None:
        """The user of an OIDC subject (``issuer|sub``)."""
        return await self._one(users.c.oidc_subject == subject)

    async def put_user(self, user: User) -> None:
        """Adds the user, or makes the books say exactly that of him; a new password or role ends his sessions. Raises LastAdminError."""
        row = {name: getattr(user, name) for name in _USER}
        async with self._database.writing(durable=True) as connection:
            query = select(users).where(users.c.name == user.name)
            known = (await connection.execute(query)).mappings().one_or_none()
            if known is None:
                await connection.execute(insert(users), row)
                return
            await connection.execute(update(users).where(users.c.name == user.name).values(row))
            if any(known[name] != row[name] for name in ("password", "role", "line", "disabled_at")):
                await connection.execute(delete(sessions).where(sessions.c.user == user.name))
            if _is_admin(known):
                await _require_admin(connection)

    async def remove_user(self, name: str) -> bool:
        """Removes the user and his sessions; what he said of calls stays. Whether there was one. Raises LastAdminError."""
        async with self._database.writing(durable=True) as connection:
            query = select(users).where(users.c.name == name)
            known = (await connection.execute(query)).mappings().one_or_none()
            await connection.execute(delete(sessions).where(sessions.c.user == name))
            await connection.execute(delete(users).where(users.c.name == name))
            if known is not None and _is_admin(known):
                await _require_admin(connection)
            return known is not None

    async def note_failure(self, name: str, lock_after: int, lock_until: datetime) -> bool:
        """One more wrong password; from `lock_after` of them on the user is locked. Returns whether he is locked now by this."""
        async with self._database.writing() as connection:
            changed = update(users).where(users.c.name == name).values(failures=users.c.failures + 1)
            await connection.execute(changed)
            locked = update(users).where(users.c.name == name, users.c.failures >= lock_after)
            return bool((await connection.execute(locked.values(locked_until=lock_until))).rowcount)

    async def note_success(self, name: str) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(users).where(users.c.name == name).values(failures=0, locked_until=None))

    # -- sessions ------------------------------------------------------------------------------------------------------

    async def begin_session(self, token: str, session: Session) -> None:
        """Begins it, and forgets those that are over."""
        async with self._database.writing(durable=True) as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires_at <= session.began_at))
            row = {name: storable_text(getattr(session, name)) for name in _SESSION}
            await connection.execute(insert(sessions), {"token": token, **row})

    async def session(self, token: str) -> tuple[Session, User] | None:
        """The session of that token and its user, whether it is over or not."""
        query = select(sessions, *_USER_COLUMNS).join(users, users.c.name == sessions.c.user)
        async with self._database.reading() as connection:
            row = (await connection.execute(query.where(sessions.c.token == token))).mappings().one_or_none()
        if row is None:
            return None
        user = User(**{name: row[f"user_{name}"] for name in _USER} | {"role": Role(row["user_role"])})
        return _session(row), user

    async def session_seen(self, token: str, at: datetime, expires_at: datetime) -> None:
        """A sign of life; written down once a minute at most."""
        old = sessions.c.seen_at <= at - _SEEN_EVERY
        async with self._database.writing() as connection:
            await connection.execute(
                update(sessions).where(sessions.c.token == token, old).values(seen_at=at, expires_at=expires_at)
            )

    async def sessions_of(self, name: str, now: datetime) -> list[Session]:
        """Those that are not over, the one seen last first."""
        query = select(sessions).where(sessions.c.user == name, sessions.c.expires_at > now)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(sessions.c.seen_at.desc()))
            return [_session(row) for row in rows.mappings()]

    async def end_session(self, token: str) -> None:
        async with self._database.writing(durable=True) as connection:
            await connection.execute(delete(sessions).where(sessions.c.token == token))

    async def end_sessions(self, name: str, *, but: str | None = None, short: str | None = None) -> int:
        """Ends all sessions of a user, or all `but` one, or only the one whose `short` name that is. Returns how many."""
        which = sessions.c.user == name
        if but is not None:
            which &= sessions.c.token != but
        if short is not None:
            which &= sessions.c.token.startswith(short, autoescape=True)
        async with self._database.writing(durable=True) as connection:
            return int((await connection.execute(delete(sessions).where(which))).rowcount)

    # -- links ---------------------------------------------------------------------------------------------------------

    async def add_link(self, token: str, link: Link) -> None:
        row = {name: storable_text(getattr(link, name)) for name in _LINK}
        async with self._database.writing(durable=True) as connection:
            await connection.execute(insert(links), {"token": token, **row})

    async def link(self, token: str) -> Link | None:
        """The link of that token, whether it is over or not."""
        async with self._database.reading() as connection:
            found = (await connection.execute(select(links).where(links.c.token == token))).mappings().one_or_none()
        return None if found is None else _link(found)

    async def links(self, now: datetime) -> list[Link]:
        """Those that still work, the newest first."""
        alive = select(links).where(links.c.expires_at > now, links.c.revoked_at.is_(None))
        async with self._database.reading() as connection:
            return [_link(row) for row in (await connection.execute(alive.order_by(links.c.made_at.desc()))).mappings()]

    async def revoke_link(self, short: str, at: datetime) -> bool:
        which = links.c.token.startswith(short, autoescape=True) & links.c.revoked_at.is_(None)
        async with self._database.writing(durable=True) as connection:
            return bool((await connection.execute(update(links).where(which).values(revoked_at=at))).rowcount)

    # -- audit ---------------------------------------------------------------------------------------------------------

    async def note(self, entry: Audited) -> None:
        """Writes it down for good."""
        row = {name: storable_text(getattr(entry, name)) for name in _AUDITED}
        async with self._database.writing(durable=True) as connection:
            await connection.execute(insert(audit), row)

    async def audited(
        self, *, by: str | None = None, call_id: str | None = None, action: str | None = None,
        before: int | None = None, limit: int = 100,
    ) -> list[tuple[int, Audited]]:  # fmt: skip
        """Entries with their ids, the newest first; `before` an id, for the next page."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        for column, wanted in ((audit.c.by, by), (audit.c.call_id, call_id)):
            if wanted is not None:
                query = query.where(column == wanted)
        if action is not None:
            query = query.where(or_(audit.c.action == action, audit.c.action.startswith(f"{action}-", autoescape=True)))
        if before is not None:
            query = query.where(audit.c.id < before)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [(row["id"], Audited(**{name: row[name] for name in _AUDITED})) for row in rows]

    async def _one(self, which: Any) -> User | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(users).where(which))).mappings().one_or_none()
        return None if row is None else _user(row)


def _is_admin(user: RowMapping) -> bool:
    return user["role"] == Role.ADMIN and user["disabled_at"] is None


async def _require_admin(connection: AsyncConnection) -> None:
    """Raises LastAdminError where none is left; the transaction is undone by that."""
    query = select(users.c.name).where(users.c.role == Role.ADMIN.value, users.c.disabled_at.is_(None)).limit(1)
    if (await connection.execute(query)).first() is None:
        raise LastAdminError


_USER = tuple(User.__dataclass_fields__)
_USER_COLUMNS = [users.c[name].label(f"user_{name}") for name in _USER]
_SESSION = ("user", "began_at", "seen_at", "expires_at", "address", "agent")
_LINK = ("title", "made_by", "made_at", "expires_at", "revoked_at", "scope")
_AUDITED = tuple(Audited.__dataclass_fields__)


def _user(row: RowMapping) -> User:
    return User(**{name: row[name] for name in _USER} | {"role": Role(row["role"])})


def _session(row: RowMapping) -> Session:
    return Session(short=row["token"][:12], **{name: row[name] for name in _SESSION})


def _link(row: RowMapping) -> Link:
    return Link(short=row["token"][:12], **{name: row[name] for name in _LINK})
