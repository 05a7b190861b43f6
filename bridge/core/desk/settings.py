"""What the configuration says of the desk, as its parts need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from bridge.core.desk.access import SEE_CALLERS


@dataclass(frozen=True, slots=True)
class CallClass:
    """A class a person gives a call. `key`: the one key that gives it; `counts`: what it means in reports."""

    name: str
    title: str  #: as the owner wrote it; "" for the bridge's own classes, whose titles are translated
    key: str
    counts: Literal["target", "spam", "none"] = "none"


#: Keys with a meaning of their own on the calls' pages: no class may have one of them.
OWN_KEYS: Final = ("c", "e", "f", "g", "j", "k", "m", "p", "u", "v", "x")

CLASSES: tuple[CallClass, ...] = (
    CallClass("target", "", "t", "target"),
    CallClass("not-target", "", "n"),
    CallClass("spam", "", "s", "spam"),
)


@dataclass(frozen=True, slots=True)
class Mail:
    """How mails are sent. `tls`: ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Oidc:
    """Signing in elsewhere. `roles`: of values of `claim`; who has none of them does not get in."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    claim: str = "groups"
    roles: Mapping[str, str] = field(default_factory=dict)
    title: str = ""  #: on the button


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Durations are in seconds. `url`: where people open the desk, without a slash at its end; None: as they ask for it."""

    url: str | None = None
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    currency: str = "RUB"
    classes: Mapping[str, CallClass] = field(default_factory=lambda: MappingProxyType({c.name: c for c in CLASSES}))
    checklist: Mapping[str, str] = field(default_factory=dict)  #: name -> title
    tags: tuple[str, ...] = ()  #: suggested ones; any other may be given
    see_callers: tuple[str, ...] = SEE_CALLERS  #: roles that see callers' numbers whole
    session_idle: int = 12 * 3600
    session_lasts: int = 30 * 86400
    sample: int = 20  #: calls drawn for listening to, each week
    missed_after: int = 15 * 60  #: a missed call nobody has called back for so long is told of
    mail: Mail | None = None
    webhook: Webhook | None = None
    oidc: Oidc | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The classes that count as target calls."""
        return tuple(c.name for c in self.classes.values() if c.counts == "target")

    @property
    def spam(self) -> tuple[str, ...]:
        """The classes that count as spam."""
        return tuple(c.name for c in self.classes.values() if c.counts == "spam")
