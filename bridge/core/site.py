"""The company's sites as the service sees them, a visit with its pages, and how numbers and addresses are written for it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal, TypeAlias

import phonenumbers
from phonenumbers import PhoneNumberFormat

from bridge.core.sources.policy import Policy
from bridge.core.sources.rules import Rule
from bridge.core.sources.touch import Touch

Consent: TypeAlias = Literal["full", "cookieless"]
Kept: TypeAlias = Literal["hashed", "truncated", "none"]
MAX_PAGES = 50  #: pages kept of one visit


@dataclass(frozen=True, slots=True)
class Site:
    """One of the company's sites. `replace` has the printed numbers in E.164; `rules` are the owner's and then the presets."""

    name: str
    domains: tuple[str, ...]
    replace: tuple[str, ...]
    rules: tuple[Rule, ...]
    otherwise: str | None = None
    policy: Policy = Policy.LAST_TOUCH
    consent: Consent = "full"
    do_not_track: Literal["ignore", "cookieless"] = "cookieless"

    def has(self, host: str) -> bool:
        """Whether a page of `host` (with its port if that is not the usual one) belongs to this site."""
        bare = host.rpartition(":")[0] or host
        return any(
            candidate == domain or candidate.endswith(f".{domain}")
            for domain in self.domains
            for candidate in ((host,) if ":" in domain else (bare,))
        )


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites, and what holds for them together. Lengths of time in seconds, `keep` in days."""

    sites: Mapping[str, Site]
    region: str = "RU"
    address: Kept = "truncated"
    keep: int = 90
    heartbeat: int = 15
    idle: int = 300
    threshold: float = 0.5
    revise: float = 300.0


@dataclass(frozen=True, slots=True)
class PageView:
    """A page opened, at an epoch second."""

    at: float
    url: str


@dataclass(slots=True)
class Visit:
    """One session on a site. Times are epoch seconds. `touch` is where this visit came from, `credited` what it is booked on.

    Mutable: the record of whoever keeps the visits, written down now and then. `source` None: no source with a number of its own.
    """

    id: str
    site: str
    visitor: str | None
    began: float
    active: float
    source: str | None
    touch: Touch
    credited: Touch
    landing: str
    referrer: str = ""
    mobile: bool | None = None
    region: str | None = None
    address: str | None = None
    consent: Consent = "full"
    ids: Mapping[str, str] = field(default_factory=dict)
    covered: bool = False  #: was shown a number of its own
    pages: list[PageView] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  #: every number its pages were told to show

    def saw(self, at: float, url: str) -> bool:
        """Note a page; False where it is the one seen last, or one too many."""
        if len(self.pages) >= MAX_PAGES or (self.pages and self.pages[-1].url == url):
            return False
        self.pages.append(PageView(at, url))
        return True


_DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"  # in the order of their codes
RANDOM_BYTES = 9


def new_id(at: float, random: bytes) -> str:
    """An id of 16 characters for a visit or a visitor: the second, and RANDOM_BYTES that nobody guesses.

    In the order of their time they lie side by side in the books, where a tree of ids at random has every row on a page of its own.
    """
    seconds = int(at) & 0x3FFFFFFF
    time = "".join(_DIGITS[seconds >> shift & 63] for shift in (24, 18, 12, 6, 0))
    return time + urlsafe_b64encode(random).decode()[:11]


@lru_cache(maxsize=4096)
def written(e164: str) -> Mapping[str, str]:
    """The ways a page may write a number."""
    number = phonenumbers.parse(e164, None)
    return {
        "e164": e164,
        "national": phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        "international": phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        "tel": e164,
    }


@lru_cache(maxsize=4096)
def kept_address(address: str, how: Kept, key: bytes) -> str | None:
    """What the books keep of a visitor's address; None for nothing, and for what is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if how == "none":
        return None
    if how == "hashed":
        return hmac.new(key, found.packed, hashlib.sha256).hexdigest()[:16]
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))


def network_of(address: IPv4Address | IPv6Address) -> str:
    """Whom a limit per address counts: an IPv4 address, or the /64 that one household has of IPv6."""
    if address.version == 4:
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else str(ip_network((address, 64), strict=False).network_address)
