"""Looking after people and guests' links: the rules, and a line in the audit log for every change. For the pages and for `callbridge user`."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bridge.core.desk.access import Role
from bridge.flows.desk_ports import Accounts, Audited, LastAdminError, Link, User
from bridge.flows.ports import Clock

ROLES: Final = (Role.ADMIN, Role.MARKETER, Role.OPERATOR, Role.LISTENER)  #: that a user may have
MOST_DAYS: Final = 365  #: a link works
_NAME: Final = re.compile(r"[\w.@-]{1,64}")
_SHORT: Final = re.compile(r"[0-9a-f]{8,64}")
_MAIL: Final = re.compile(r"[^\s@<>,;:\"()\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}")


class PeopleError(Exception):
    """Says no, in words for a person; `text` is English with ``%(names)s`` for `values`."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values if values else text)
        self.text = text
        self.values = values


@dataclass(frozen=True, slots=True)
class By:
    """Whoever does it: a user's name, or ``cli:<user of the machine>``."""

    name: str
    address: str = ""


def hash_of(token: str) -> str:
    """What is kept of a session's, link's or key's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """256 bits of chance."""
    return secrets.token_urlsafe(32)


def clean_name(text: str) -> str:
    """A name as people sign in with it. Raises PeopleError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise PeopleError("A name has letters, digits and . _ - @ only, 64 at most.")
    return name


class People:
    """`lines` are the names of the company's lines. Every method may raise PeopleError or StoreDownError."""

    def __init__(self, accounts: Accounts, clock: Clock, lines: Collection[str]) -> None:
        self._accounts = accounts
        self._clock = clock
        self._lines = lines

    async def user(self, name: str) -> User:
        found = await self._accounts.user(clean_name(name))
        if found is None:
            raise PeopleError("There is no user %(name)s.", name=clean_name(name))
        return found

    async def add(
        self, by: By, name: str, role: Role, *, line: str | None = None, email: str = "", password: str | None
    ) -> User:
        """`password` is its hash."""
        name = clean_name(name)
        if await self._accounts.user(name) is not None:
            raise PeopleError("There is a user %(name)s already.", name=name)
        user = User(name, role, self._clock(), self._line(role, line), password, self._email(email))
        await self._put(user)
        await self._note(by, "user-add", f"{name}: {_what(user)}")
        return user

    async def change(self, by: By, name: str, *, role: Role, line: str | None, email: str | None = None) -> User:
        """A new role or line ends the user's sessions. `email` None: as it was."""
        old = await self.user(name)
        mail = old.email if email is None else self._email(email)
        new = replace(old, role=role, line=self._line(role, line), email=mail)
        if new != old:
            await self._put(new)
            await self._note(by, "user-change", f"{old.name}: {_what(old)} -> {_what(new)}")
        return new

    async def set_password(self, by: By, name: str, password: str) -> None:
        """`password` is its hash; it ends the user's sessions and his lock."""
        user = await self.user(name)
        await self._put(replace(user, password=password, failures=0, locked_until=None))
        await self._note(by, "user-password", user.name)

    async def disable(self, by: By, name: str) -> None:
        user = await self.user(name)
        if user.disabled_at is None:
            await self._put(replace(user, disabled_at=self._clock()))
            await self._note(by, "user-lock", user.name)

    async def enable(self, by: By, name: str) -> None:
        """Also for one who gave too many wrong passwords."""
        user = await self.user(name)
        await self._put(replace(user, disabled_at=None, failures=0, locked_until=None))
        await self._note(by, "user-unlock", user.name)

    async def remove(self, by: By, name: str) -> None:
        user = await self.user(name)
        try:
            await self._accounts.remove_user(user.name)
        except LastAdminError:
            raise PeopleError(_LAST) from None
        await self._note(by, "user-remove", user.name)

    async def end_sessions(self, by: By, name: str, *, short: str | None = None, but: str | None = None) -> int:
        """All, one, or all but one; how many there were."""
        user = await self.user(name)
        if short is not None and not _SHORT.fullmatch(short):
            raise PeopleError("There is no such session.")
        count = await self._accounts.end_sessions(user.name, short=short, but=but)
        if count:
            await self._note(by, "sessions-end", f"{user.name}: {count}")
        return count

    async def add_link(self, by: By, title: str, scope: str, days: int) -> str:
        """The token of a new guest's link; it is not kept, only its hash."""
        title = " ".join(title.split())
        if not 1 <= len(title) <= 80 or not title.isprintable():
            raise PeopleError("A link needs a title, of 80 characters at most.")
        if not 1 <= days <= MOST_DAYS:
            raise PeopleError("A link works for 1 to %(most)d days.", most=MOST_DAYS)
        token, now = new_token(), self._clock()
        link = Link(title, by.name, now, now + timedelta(days=days), scope)
        await self._accounts.add_link(hash_of(token), link)
        await self._note(by, "link-add", f"{title}: {days} days, {scope or '*'}")
        return token

    async def revoke_link(self, by: By, short: str) -> None:
        if not _SHORT.fullmatch(short) or not await self._accounts.revoke_link(short, self._clock()):
            raise PeopleError("There is no such link.")
        await self._note(by, "link-revoke", short)

    async def _put(self, user: User) -> None:
        try:
            await self._accounts.put_user(user)
        except LastAdminError:
            raise PeopleError(_LAST) from None

    async def _note(self, by: By, action: str, detail: str) -> None:
        await self._accounts.note(Audited(self._clock(), by.name, action, detail, None, by.address))

    def _line(self, role: Role, line: str | None) -> str | None:
        if role is Role.GUEST:
            raise PeopleError("Guests come by a link.")
        if role is not Role.OPERATOR:
            return None
        if not line:
            raise PeopleError("An operator needs a line: he sees its calls, and no others.")
        if line not in self._lines:
            raise PeopleError("There is no line %(line)s.", line=line[:64])
        return line

    def _email(self, text: str) -> str | None:
        text = text.strip()
        if text and not _MAIL.fullmatch(text):
            raise PeopleError("%(address)s is not a mail address.", address=text[:80])
        return text or None


_LAST: Final = "This is the last administrator: make another one first."


def _what(user: User) -> str:
    return ", ".join(filter(None, (user.role.value, user.line, user.email)))


def locked(user: User, now: datetime) -> bool:
    """Whether too many wrong passwords keep him out."""
    return user.locked_until is not None and user.locked_until > now
