"""The site's side: the service that shows every visit its number, the company's sites, and how sure an attribution must be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from bridge.config.common import Address, Listen, Model, Name, PhoneNumber, Seconds, Switch
from bridge.config.problems import Path, did_you_mean, listed, shown
from bridge.core.phone import normalise
from bridge.core.sources.presets import rule as read_rule
from bridge.core.sources.rules import Rule, pattern

_DOMAIN = re.compile(r"[a-z0-9а-яё]([a-z0-9а-яё-]{0,62}\.)*[a-z0-9а-яё-]{1,63}(:[0-9]{1,5})?", re.IGNORECASE)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}", re.ASCII)
Preset: TypeAlias = Literal["ads", "maps", "classifieds", "social", "assistants", "mail", "search"]
PRESETS: tuple[Preset, ...] = get_args(Preset)


def _domain(value: object) -> str:
    text = value.strip().lower().rstrip(".") if isinstance(value, str) else ""
    if not _DOMAIN.fullmatch(text) or ".." in text:
        raise ValueError(f"{shown(value)} is not a site's name: write it like `example.org`, without https://")
    return text


def _network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(str(value)))
    except ValueError:
        raise ValueError(f"{shown(value)} is not an IP address, nor a network like `10.0.0.0/8`") from None


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a regular expression, or `*` for anything, found {shown(value)}")
    pattern(value)
    return value


def _header(value: object) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ValueError(f"{shown(value)} is not the name of an HTTP header: write it like `X-Region`")
    return value


def _text_schema(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


Domain: TypeAlias = Annotated[str, PlainValidator(_domain), _text_schema()]
Network: TypeAlias = Annotated[str, PlainValidator(_network), _text_schema()]
Pattern: TypeAlias = Annotated[str, PlainValidator(_pattern), _text_schema()]
Header: TypeAlias = Annotated[str, PlainValidator(_header), _text_schema()]


class SourceRule(Model):
    """Which visits belong to a source. All conditions that are given must hold; the first rule that fits decides."""

    source: Name = Field(description="The source these visits belong to.", examples=["yandex-direct"])
    name: str | None = Field(None, max_length=100, description="What people call the rule.", examples=["Flyers"])
    hosts: tuple[str, ...] = Field(
        (), description="Host of the page; subdomains too.", examples=[["promo.example.org"]]
    )
    referrers: tuple[str, ...] = Field(
        (),
        description="Host the visitor came from; subdomains too; `google.*` is any country.",
        examples=[["google.*"]],
    )
    click_ids: tuple[str, ...] = Field((), description="One of these click ids is there.", examples=[["yclid"]])
    landing: Pattern | None = Field(None, description="Pattern found in the page's URL.", examples=["/spring"])
    referring: Pattern | None = Field(None, description="Pattern found in the referrer's URL.", examples=["/catalog/"])
    utm: dict[str, Pattern] = Field(
        default_factory=dict,
        description="UTM fields by their short names; the pattern must match the whole value, `*` is anything.",
        examples=[{"source": "yandex", "medium": "cpc"}],
    )
    query: dict[str, Pattern] = Field(
        default_factory=dict, description="Any other fields of the page's URL, likewise.", examples=[{"from": "flyer"}]
    )
    paid: Switch | None = Field(
        None, description="Whether the click was paid for; guessed if not given.", examples=[True]
    )

    @model_validator(mode="after")
    def _some_condition(self) -> Self:
        if not any((self.hosts, self.referrers, self.click_ids, self.landing, self.referring, self.utm, self.query)):
            raise ValueError(
                "expected a condition: `hosts`, `referrers`, `click_ids`, `landing`, `referring`, `utm` or `query`"
            )
        return self

    def rule(self) -> Rule:
        """The rule as it is applied."""
        return read_rule({key: value for key, value in self.model_dump().items() if value not in (None, (), {})})


class Site(Model):
    """One of the company's sites."""

    domains: tuple[Domain, ...] = Field(
        min_length=1, description="Its names; subdomains belong to it too.", examples=[["example.org"]]
    )
    replace: tuple[PhoneNumber, ...] = Field(
        min_length=1,
        description="The numbers printed on its pages, in whose place a visit is shown its own.",
        examples=[["8 (495) 111-22-33"]],
    )
    rules: tuple[SourceRule, ...] = Field(
        (), description="Rules for sources, tried before the presets, first match wins."
    )
    presets: tuple[Preset, ...] = Field(
        PRESETS, description="Groups of rules that come with the bridge; all if not given.", examples=[list(PRESETS)]
    )
    otherwise: Name | None = Field(
        None,
        description="Source of visits whose own source has no entry in `sources`; if not given they see the printed number.",
        examples=["yandex-direct"],
    )
    policy: Literal["first-touch", "last-touch", "paid-override"] = Field(
        "last-touch",
        description="Which of a visitor's visits decides: the first, the last that has a source, or the last paid one.",
        examples=["last-touch"],
    )
    consent: Literal["full", "cookieless"] = Field(
        "full",
        description="`cookieless`: no visitor is known again. `full`: unless the page's consent banner says otherwise.",
        examples=["full"],
    )
    do_not_track: Literal["ignore", "cookieless"] = Field(
        "cookieless",
        description="What a browser's Do Not Track or Global Privacy Control means.",
        examples=["cookieless"],
    )


class SiteService(Model):
    """The service that shows every visit its number."""

    listen: Listen = Field(
        default_factory=lambda: Address("127.0.0.1", 9480),
        description="Address and port of the service, which nginx or Caddy passes `/s/` on to.",
        examples=["127.0.0.1:9480"],
        json_schema_extra={"default": "127.0.0.1:9480"},
    )
    trusted_proxies: tuple[Network, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Web servers before it, whose X-Forwarded-For is believed.",
        examples=[["127.0.0.0/8", "::1/128"]],
    )
    region_header: Header | None = Field(
        None, description="Header in which such a web server names the visitor's region.", examples=["X-Region"]
    )
    address: Literal["hashed", "truncated", "none"] = Field(
        "truncated",
        description="How a visitor's address is kept: `hashed` with a secret, `truncated` to its network, or not at all.",
        examples=["truncated"],
    )
    keep: int = Field(
        90,
        ge=1,
        le=3650,
        description="Days after which a visit is forgotten that no call in the books came from.",
        examples=[90],
    )
    heartbeat: Seconds = Field(
        15, validate_default=False, description="How often an active page says so.", examples=["15s"],
        json_schema_extra={"default": "15s"},
    )  # fmt: skip
    idle: Seconds = Field(
        300, validate_default=False, description="A page without a sign of life for so long may lose its number.",
        examples=["5m"], json_schema_extra={"default": "5m"},
    )  # fmt: skip
    sites: dict[Name, Site] = Field(min_length=1, description="The company's sites, by name.")

    @model_validator(mode="after")
    def _sound_lengths(self) -> Self:
        if not 5 <= self.heartbeat <= 120:
            raise ValueError("`heartbeat` must be between 5s and 2m")
        if self.idle < 2 * self.heartbeat:
            raise ValueError("`idle` must be at least two heartbeats")
        return self


class AttributionSettings(Model):
    """How calls to numbers of a pool are booked."""

    threshold: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A call whose likeliest visit is less probable names only its source.",
        examples=[0.5],
    )
    revise: Seconds = Field(
        300, validate_default=False, description="For so long after a call began, what comes in late may still change it.",
        examples=["5m"], json_schema_extra={"default": "5m"},
    )  # fmt: skip


def site_problems(service: SiteService, region: str, sources: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong beyond the models: paths and messages."""
    owners: dict[str, str] = {}
    for name, site in service.sites.items():
        for index, domain in enumerate(site.domains):
            if domain in owners:
                yield (
                    ("site", "sites", name, "domains", index),
                    f"`{domain}` belongs to site `{owners[domain]}` already",
                )
            owners.setdefault(domain, name)
        for index, written in enumerate(site.replace):
            if normalise(written, region) is None:
                yield (
                    ("site", "sites", name, "replace", index),
                    f"{shown(written)} is not a telephone number of {region}, nor an international one",
                )
        for index, rule in enumerate(site.rules):
            if rule.source not in sources:
                yield (
                    ("site", "sites", name, "rules", index, "source"),
                    f"there is no source {shown(rule.source)}{did_you_mean(rule.source, sources)}",
                )


def site_warnings(service: SiteService, defaults: set[str], pooled: set[str]) -> Iterator[tuple[Path, str]]:
    """What is allowed and seldom meant. `defaults` and `pooled`: sources with a default number, and with a pool."""
    if not service.listen.is_loopback:
        yield (
            ("site", "listen"),
            f"`{service.listen}` can be reached from outside without TLS: let nginx or Caddy listen there, see docs/site.md",
        )
    if not defaults | pooled:
        yield (
            ("site",),
            f"no source has a pool or a default number, so no page shows another than {listed(['replace'])}",
        )
