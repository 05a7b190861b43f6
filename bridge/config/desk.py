"""The desk: where it is served, what people may say of calls, who is told of missed ones, signing in elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from bridge.config.common import Address, Listen, Model, Name, Seconds, Secret, is_loopback
from bridge.config.problems import Path, shown
from bridge.config.sites import Network
from bridge.core.desk.settings import CLASSES, OWN_KEYS

_KEY = "[a-z0-9]"
_DAYS = "([1-9][0-9]{0,2})d"
_MAIL = re.compile(r"[^\s@<>,;:\"()\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}")
_TITLE: dict[str, Any] = {"min_length": 1, "max_length": 60}
Role: TypeAlias = Literal["admin", "marketer", "operator", "listener"]
SeesCallers: TypeAlias = Literal["admin", "marketer", "operator", "listener", "guest"]


def _key(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not re.fullmatch(_KEY, text):
        raise ValueError(f"{shown(value)} is not one key: write a small latin letter or a digit")
    if text in OWN_KEYS:
        raise ValueError(f"`{text}` has a meaning of its own at the desk: take another key than {', '.join(OWN_KEYS)}")
    return text


def _days(value: object) -> int:
    found = re.fullmatch(_DAYS, value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{shown(value)} is not a number of days: write it like `30d`")
    return int(found[1]) * 86400


def _url(value: object) -> str:
    """With a host, without a name and password in it, of http or https; without a slash at its end."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and value.isprintable() else None
        fine = parts is not None and parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fine = False
    if not fine or parts is None or parts.username is not None or parts.fragment:
        raise ValueError(f"{shown(value)} is not the address of a web page: write it like `https://example.org/`")
    return str(value).rstrip("/")


def _home(value: object) -> str:
    url = _url(value)
    if urlsplit(url).path or urlsplit(url).query:
        raise ValueError(f"{shown(value)} has a path: the desk has a host of its own, like `https://desk.example.org`")
    return url


def _mail_address(value: object) -> str:
    if not isinstance(value, str) or not _MAIL.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a mail address: write it like `sales@example.org`")
    return value


def _currency(value: object) -> str:
    from babel.numbers import is_currency

    if not isinstance(value, str) or not is_currency(value):
        raise ValueError(f"{shown(value)} is not a currency: write its three letters, like `RUB`")
    return value


def _tag(value: object) -> str:
    text = str(value) if type(value) is int else value
    if (
        not isinstance(text, str)
        or not 1 <= len(text) <= 40
        or not text.isprintable()
        or "," in text
        or text != text.strip()
    ):
        raise ValueError(f"{shown(value)} cannot be a tag: a few words without a comma, at most 40 characters")
    return text


def _text_schema(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


Key: TypeAlias = Annotated[str, PlainValidator(_key), WithJsonSchema({"type": ["string", "integer"]})]
Days: TypeAlias = Annotated[int, PlainValidator(_days), _text_schema(pattern=f"^{_DAYS}$")]
Url: TypeAlias = Annotated[str, PlainValidator(_url), _text_schema(format="uri")]
Home: TypeAlias = Annotated[str, PlainValidator(_home), _text_schema(format="uri")]
MailAddress: TypeAlias = Annotated[
    str, PlainValidator(_mail_address), PlainSerializer(str), _text_schema(format="email")
]
Currency: TypeAlias = Annotated[str, PlainValidator(_currency), _text_schema(pattern="^[A-Z]{3}$")]
Tag: TypeAlias = Annotated[str, PlainValidator(_tag), _text_schema(maxLength=40)]


class CallClass(Model):
    """A class people give a call, by name. One of `target`, `not-target` and `spam` is the bridge's own, changed so."""

    title: str | None = Field(None, **_TITLE, description="What people read.", examples=["Repeat order"])
    key: Key | None = Field(
        None, description="The one key that gives it: a small latin letter or a digit.", examples=["r"]
    )
    counts: Literal["target", "spam", "none"] | None = Field(
        None, description="What reports count such a call as; `none`: as neither.", examples=["target"]
    )


class Sessions(Model):
    """How long people stay signed in."""

    idle: Seconds = Field(
        12 * 3600, validate_default=False, description="Without a sign of life for so long one is signed out.",
        examples=["12h"], json_schema_extra={"default": "12h"},
    )  # fmt: skip
    lasts: Days = Field(
        30 * 86400, validate_default=False, description="After so long one signs in again, whatever happens.",
        examples=["30d"], json_schema_extra={"default": "30d"},
    )  # fmt: skip

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if not 300 <= self.idle <= self.lasts:
            raise ValueError("`idle` must be at least 5m, and not longer than `lasts`")
        return self


class Mail(Model):
    """Mails about missed calls."""

    host: str = Field(min_length=1, description="The mail server.", examples=["smtp.example.org"])
    port: int = Field(587, ge=1, le=65535, description="Its port.", examples=[587])
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the way there is encrypted.", examples=["starttls"]
    )
    sender: MailAddress = Field(alias="from", description="Who writes.", examples=["calls@example.org"])
    to: tuple[MailAddress, ...] = Field(min_length=1, description="Who is told.", examples=[["sales@example.org"]])
    user: str | None = Field(None, min_length=1, description="User of the mail server.", examples=["calls"])
    password: Secret | None = Field(
        None, description="His password.", examples=[{"file": "/etc/callbridge/mail.secret"}]
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("`user` and `password` go together")
        return self


class Webhook(Model):
    """A request to a program of yours about every missed call."""

    url: Url = Field(description="Where it is sent to.", examples=["https://crm.example.org/missed"])
    secret: Secret | None = Field(
        None, description="What the requests are signed with.", examples=[{"env": "BRIDGE_WEBHOOK_SECRET"}]
    )


class Missed(Model):
    """Missed calls nobody has called back."""

    after: Seconds = Field(
        15 * 60, validate_default=False, description="How long nobody has called back before somebody is told.",
        examples=["15m"], json_schema_extra={"default": "15m"},
    )  # fmt: skip
    mail: Mail | None = Field(None, description="Mails about them; none if not given.")
    webhook: Webhook | None = Field(None, description="Requests about them; none if not given.")


class Oidc(Model):
    """Signing in with an account of the company (OpenID Connect)."""

    issuer: Url = Field(description="The provider, as it names itself.", examples=["https://login.example.org"])
    client_id: str = Field(min_length=1, description="What the provider knows the desk by.", examples=["callbridge"])
    client_secret: Secret = Field(
        description="The secret it gave for that.", examples=[{"file": "/etc/callbridge/oidc.secret"}]
    )
    claim: str = Field(
        "groups", min_length=1, max_length=100, description="The claim that says what a person is.", examples=["groups"]
    )
    roles: dict[str, Role] = Field(
        min_length=1,
        description="Roles by values of that claim; the first that fits decides, and whoever has none does not get in.",
        examples=[{"it": "admin", "marketing": "marketer"}],
    )
    title: str | None = Field(None, **_TITLE, description="Text of the button.", examples=["Sign in with Example"])


class DeskService(Model):
    """The browser pages of operators and marketers."""

    listen: Listen = Field(
        default_factory=lambda: Address("127.0.0.1", 9481),
        description="Address and port of the desk, to which nginx or Caddy passes everything on.",
        examples=["127.0.0.1:9481"],
        json_schema_extra={"default": "127.0.0.1:9481"},
    )
    url: Home | None = Field(
        None,
        description="Where people open it. With https, its cookies are sent over TLS only.",
        examples=["https://desk.example.org"],
    )
    trusted_proxies: tuple[Network, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Web servers before it, whose X-Forwarded-For is believed.",
        examples=[["127.0.0.0/8", "::1/128"]],
    )
    currency: Currency = Field("RUB", description="What the value of calls is counted in.", examples=["RUB"])
    classes: dict[Name, CallClass] = Field(
        default_factory=dict, description="Classes of calls beside `target`, `not-target` and `spam`, by name."
    )
    checklist: dict[Name, Annotated[str, Field(**_TITLE)]] = Field(
        default_factory=dict,
        description="What whoever answers should do, by name: calls are scored by it.",
        examples=[{"introduced": "Introduced himself"}],
    )
    tags: tuple[Tag, ...] = Field(
        (), description="Tags that are suggested; any other may be given.", examples=[["VIP"]]
    )
    show_callers: tuple[SeesCallers, ...] = Field(
        ("admin", "operator"),
        description="Roles that see callers' numbers whole; for all others their middle is hidden.",
        examples=[["admin", "operator"]],
    )
    sessions: Sessions = Field(default_factory=Sessions, description="How long people stay signed in.")
    sample: int = Field(
        20, ge=0, le=1000, description="Calls drawn by chance for listening to, each week.", examples=[20]
    )
    missed: Missed = Field(default_factory=Missed, description="Missed calls nobody has called back.")
    oidc: Oidc | None = Field(None, description="Signing in with an account of the company; off if not given.")


def desk_secrets(desk: DeskService | None) -> Iterator[tuple[Path, Secret]]:
    """The section's secrets, and where they stand."""
    if desk is None:
        return
    if desk.missed.mail is not None and desk.missed.mail.password is not None:
        yield ("desk", "missed", "mail", "password"), desk.missed.mail.password
    if desk.missed.webhook is not None and desk.missed.webhook.secret is not None:
        yield ("desk", "missed", "webhook", "secret"), desk.missed.webhook.secret
    if desk.oidc is not None:
        yield ("desk", "oidc", "client_secret"), desk.oidc.client_secret


def desk_problems(desk: DeskService) -> Iterator[tuple[Path, str]]:
    """What is wrong beyond the models: paths and messages."""
    own = {known.name: known for known in CLASSES}
    owners = {known.key: known.name for known in CLASSES if not (c := desk.classes.get(known.name)) or c.key is None}
    for name, wish in desk.classes.items():
        if name not in own and wish.key is None:
            yield ("desk", "classes", name), "`key` is missing: the one key that gives this class"
        if wish.key is None:
            continue
        if wish.key in owners:
            yield ("desk", "classes", name, "key"), f"`{wish.key}` gives `{owners[wish.key]}` already"
        owners.setdefault(wish.key, name)
    if desk.oidc is not None and desk.url is None:
        yield ("desk", "oidc"), "needs `desk.url`: the provider sends people back there"


def missing_extra(desk: DeskService) -> Iterator[tuple[Path, str]]:
    """What is not installed and has to be."""
    if desk.oidc is not None and not (find_spec("joserfc") and find_spec("httpx2")):
        yield ("desk", "oidc"), "needs more packages: install them with `pip install 'callbridge[oidc]'`"


def desk_warnings(desk: DeskService) -> Iterator[tuple[Path, str]]:
    """What is allowed and seldom meant."""
    https = (desk.url or "").startswith("https:")
    if not desk.listen.is_loopback:
        where = f"`{desk.listen}` can be reached from outside without TLS"
        yield ("desk", "listen"), f"{where}: let nginx or Caddy listen there, see docs/desk/README.md"
    if desk.url is not None and not https and not is_loopback(urlsplit(desk.url).hostname or ""):
        yield ("desk", "url"), "without https passwords and recordings go over the wire in the open"
    mail, webhook, oidc = desk.missed.mail, desk.missed.webhook, desk.oidc
    if mail is not None and mail.tls == "none" and not is_loopback(mail.host):
        yield ("desk", "missed", "mail", "tls"), "callers' numbers go over the wire in the open"
    for path, url in ((("missed", "webhook"), webhook and webhook.url), (("oidc",), oidc and oidc.issuer)):
        if url and url.startswith("http:") and not is_loopback(urlsplit(url).hostname or ""):
            yield ("desk", *path), f"`{url}` is not https: what goes there can be read and changed on its way"
