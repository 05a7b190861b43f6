"""First match wins: the owner's rules, then the presets, then what the address itself says."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from bridge.core.sources.touch import CLICK_IDS, Landing, Touch, take_apart

DIRECT = "direct"
REFERRAL = "referral"
PAID_MEDIA = re.compile(
    r"(cpc|ppc|cpm|cpa|cpv|paid.*|.*ads?|retargeting|banner|display|affiliate)", re.IGNORECASE | re.ASCII
)
MAX_MATCHED = 2048


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions that are given must hold. Values are compared without regard to case.

    `hosts` and `referrers` also match subdomains (``yandex.ru`` matches ``m.yandex.ru``); a name that ends in ``.*`` matches every country
    (``google.*``). `utm` and `query` map a field to a pattern that must match the whole value (``*`` = is there at all);
    `landing` and `referring` are patterns searched in the URLs.
    """

    source: str
    name: str = ""
    hosts: tuple[str, ...] = ()
    referrers: tuple[str, ...] = ()
    utm: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    query: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    click_ids: tuple[str, ...] = ()
    landing: re.Pattern[str] | None = None
    referring: re.Pattern[str] | None = None
    paid: bool | None = None

    def matches(self, landing: Landing, utm: Mapping[str, str]) -> bool:
        """Whether every condition holds."""
        return (
            (not self.hosts or any(_is_host(landing.host, host) for host in self.hosts))
            and (not self.referrers or any(_is_host(landing.referrer_host, host) for host in self.referrers))
            and all(_full(pattern, utm.get(name)) for name, pattern in self.utm.items())
            and all(_full(pattern, landing.query.get(name.lower())) for name, pattern in self.query.items())
            and (not self.click_ids or any(landing.query.get(name) for name in self.click_ids))
            and (self.landing is None or self.landing.search(landing.url[:MAX_MATCHED]) is not None)
            and (self.referring is None or self.referring.search(landing.referrer[:MAX_MATCHED]) is not None)
        )


def pattern(text: str) -> re.Pattern[str]:
    """A rule's pattern: a regular expression, or ``*`` for anything. Raises ValueError with the place for a broken one."""
    try:
        return re.compile(".+" if text == "*" else text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None


def classify(url: str, referrer: str | None, rules: Sequence[Rule], own_hosts: Sequence[str] = ()) -> Touch:
    """Where a visit to `url` came from. `own_hosts` are the site's own, whose referrers say nothing. Never raises."""
    landing = take_apart(url, referrer)
    if landing.referrer_host and any(
        _is_host(landing.referrer_host, host) for host in (*own_hosts, landing.host) if host
    ):
        landing = take_apart(url, None)
    utm = utm_of(landing)
    for rule in rules:
        if rule.matches(landing, utm):
            return _touch(rule.source, rule.name or rule.source, landing, utm, rule.paid)
    click = landing.click_id
    if click is not None:
        return _touch(CLICK_IDS[click[0]], f"click id {click[0]}", landing, utm, click[0] not in _UNPAID_CLICKS)
    if utm.get("source"):
        return _touch(_as_name(utm["source"]), "utm_source", landing, utm, None)
    if landing.referrer_host:
        return _touch(REFERRAL, "referrer", landing, utm, None)
    return _touch(DIRECT, "no referrer", landing, utm, None)


def utm_of(landing: Landing) -> dict[str, str]:
    """The UTM fields by their short names, or what Metrica's openstat says where there are none."""
    utm = {name[4:]: value for name, value in landing.query.items() if name.startswith("utm_") and value}
    if not utm and (openstat := landing.query.get("_openstat")):
        parts = _openstat(openstat)
        names = ("source", "campaign", "content")  # the fourth part is the place on the page
        utm = {name: part for name, part in zip(names, parts, strict=False) if part}
        if utm.get("source") == "direct.yandex.ru":
            utm["medium"] = "cpc"
    return utm


def _openstat(text: str) -> list[str]:
    if ";" not in unquote(text):
        try:
            padded = text + "=" * (-len(text) % 4)
            text = base64.b64decode(padded, altchars=b"-_").decode("utf-8", errors="replace")
        except (binascii.Error, ValueError):
            return []
    return [part.strip() for part in unquote(text).split(";")[:4]]


def _touch(source: str, rule: str, landing: Landing, utm: Mapping[str, str], paid: bool | None) -> Touch:
    click = landing.click_id
    medium = utm.get("medium")
    if paid is None:
        paid = bool(medium and PAID_MEDIA.fullmatch(medium)) or (click is not None and click[0] not in _UNPAID_CLICKS)
    return Touch(
        source=source,
        rule=rule,
        paid=paid,
        medium=medium,
        campaign=utm.get("campaign"),
        keyword=utm.get("term"),
        content=utm.get("content"),
        click_id=click[1] if click else None,
        click_id_kind=click[0] if click else None,
        referrer_host=landing.referrer_host or None,
    )


_UNPAID_CLICKS = frozenset({"ysclid", "fbclid"})  #: also set on clicks nobody paid for


def _full(wanted: re.Pattern[str], value: str | None) -> bool:
    return value is not None and wanted.fullmatch(value[:MAX_MATCHED]) is not None


def _is_host(host: str, wanted: str) -> bool:
    if wanted.endswith(".*"):
        stem = wanted[:-2]
        labels, stems = host.split("."), stem.split(".")
        return any(
            labels[at : at + len(stems)] == stems and 1 <= len(labels) - at - len(stems) <= 2
            for at in range(len(labels))
        )
    return host == wanted or host.endswith(f".{wanted}")


def _as_name(text: str) -> str:
    """A source's name out of a utm_source: lower case, digits, ``-`` and ``_``."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower(), flags=re.ASCII).strip("-_")[:64]
    return name or REFERRAL
