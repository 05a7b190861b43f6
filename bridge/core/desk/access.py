"""Who may see and do what at the desk. One matrix; every route names the right it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final

from bridge.core.model import Call


class Role(StrEnum):
    """What a person is at the desk."""

    ADMIN = "admin"
    MARKETER = "marketer"
    OPERATOR = "operator"  #: sees the calls of his own line, and no other
    LISTENER = "listener"  #: listens and scores
    GUEST = "guest"  #: whoever came by a link, until it expires


class Right(StrEnum):
    """What a route may ask for."""

    NOW = auto()  #: calls of this minute
    CALLS = auto()  #: the list of calls, and each call without its sound
    LISTEN = auto()
    DOWNLOAD = auto()  #: keep a recording as a file
    CLASSIFY = auto()  #: class, tags, comment, value, checklist, called back
    ATTRIBUTE = auto()  #: correct where a call came from
    BULK = auto()  #: change many calls at once
    EXPORT = auto()
    REPORTS = auto()  #: sources, pools
    QUALITY = auto()  #: samples, scores, speed
    MISSED = auto()
    SETUP = auto()  #: the configuration in force, health
    SHARE = auto()  #: make and revoke links
    USERS = auto()
    AUDIT = auto()
    ACCOUNT = auto()  #: one's own password and sessions


_OPERATOR: Final = {Right.NOW, Right.CALLS, Right.LISTEN, Right.CLASSIFY, Right.MISSED, Right.ACCOUNT}
_LISTENER: Final = {Right.CALLS, Right.LISTEN, Right.CLASSIFY, Right.QUALITY, Right.ACCOUNT}
_MARKETER: Final = {
    *(Right.NOW, Right.CALLS, Right.LISTEN, Right.CLASSIFY, Right.ATTRIBUTE, Right.BULK, Right.EXPORT, Right.REPORTS),
    *(Right.QUALITY, Right.MISSED, Right.SHARE, Right.ACCOUNT),
}

RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Right),
        Role.MARKETER: frozenset(_MARKETER),
        Role.OPERATOR: frozenset(_OPERATOR),
        Role.LISTENER: frozenset(_LISTENER),
        Role.GUEST: frozenset({Right.CALLS, Right.REPORTS}),
    }
)

#: Roles that see callers' numbers whole, unless the configuration says otherwise.
SEE_CALLERS: Final = (Role.ADMIN, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever asks. `name` is a user's, or ``link:<title>``; `line` restricts an operator; `scope` (a filter as in the
    calls' URL) restricts a guest.
    """

    name: str
    role: Role
    line: str | None = None
    scope: str = ""
    sees_callers: bool = False

    def may(self, right: Right) -> bool:
        return right in RIGHTS[self.role]

    def sees(self, call: Call) -> bool:
        """Whether `call` is on his line; who has none sees none. A guest's scope is a matter of the query."""
        return self.role is not Role.OPERATOR or (self.line is not None and call.line == self.line)


def who_of(
    name: str, role: Role, line: str | None, see_callers: Collection[str] = SEE_CALLERS, *, scope: str = ""
) -> Who:
    """The person, as the configuration has it. An operator without a line sees no call."""
    return Who(name, role, line, scope, role in see_callers)
