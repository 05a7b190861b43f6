"""What a landing URL and a referrer say, taken apart once. Hostile input gives fewer facts, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

MAX_URL = 4096
MAX_FIELD = 512
MAX_FIELDS = 60

#: Click ids and the advertiser's name they stand for; the first one found in this order counts.
CLICK_IDS = MappingProxyType(
    {
        "gclid": "google-ads",
        "gbraid": "google-ads",
        "wbraid": "google-ads",
        "dclid": "google-ads",
        "yclid": "yandex-direct",
        "ysclid": "yandex",
        "msclkid": "microsoft-ads",
        "fbclid": "meta",
        "ttclid": "tiktok",
        "vk_ads": "vk-ads",
        "rb_clickid": "vk-ads",
        "twclid": "x",
        "li_fat_id": "linkedin",
    }
)
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Landing:
    """A landing URL and a referrer in parts. Hosts are in lower case without ``www.``; `query` keeps the first value of each field."""

    url: str
    host: str
    path: str
    referrer: str
    referrer_host: str
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @property
    def click_id(self) -> tuple[str, str] | None:
        """(name, value) of the first click id found."""
        return next(((name, self.query[name]) for name in CLICK_IDS if self.query.get(name)), None)


@dataclass(frozen=True, slots=True)
class Touch:
    """Where one visit came from. `rule` names what decided; `paid` is whether somebody paid for the click."""

    source: str
    rule: str
    paid: bool = False
    medium: str | None = None
    campaign: str | None = None
    keyword: str | None = None
    content: str | None = None
    click_id: str | None = None
    click_id_kind: str | None = None
    referrer_host: str | None = None


def take_apart(url: str, referrer: str | None = None) -> Landing:
    """The parts of a landing URL and a referrer, of whatever text is given."""
    host, path, query = _parts(url)
    referrer_host, _, _ = _parts(referrer or "")
    return Landing(url[:MAX_URL], host, path, (referrer or "")[:MAX_URL], referrer_host, query)


def _parts(url: str) -> tuple[str, str, Mapping[str, str]]:
    text = clean(url, MAX_URL)
    try:
        split = urlsplit(text if "://" in text else f"//{text}" if text and not text.startswith("/") else text)
        host = (split.hostname or "").rstrip(".").removeprefix("www.")
        pairs = parse_qsl(split.query, max_num_fields=MAX_FIELDS, errors="replace")
        path = split.path or "/"
    except ValueError:
        return "", "", _NOTHING
    query: dict[str, str] = {}
    for name, value in pairs:
        query.setdefault(name.lower()[:64], clean(value, MAX_FIELD))
    return _readable(host), path, query


def clean(text: str, limit: int) -> str:
    """Without control characters and half characters, and not longer than `limit`."""
    if not text.isprintable():
        text = "".join(c for c in text[: 2 * limit] if c.isprintable())
    return text.strip()[:limit]


def _readable(host: str) -> str:
    """A host name as people write it (``xn--…`` decoded), or as it came."""
    if "xn--" not in host:
        return host
    try:
        return host.encode("ascii").decode("idna")
    except UnicodeError:
        return host
