"""What the daemon talks to and writes to: store, Asterisk, recordings, monitoring, log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bridge.config.common import Address, FilePath, IpAddress, Listen, Model, Secret, SoundFolder, Switch
from bridge.config.problems import shown
from bridge.config.retention import Part, Share

SQLITE = "sqlite+aiosqlite:///"
POSTGRES = "postgresql+asyncpg://"


class Store(Model):
    """Where calls are written down."""

    url: str = Field(
        "/var/lib/callbridge/bridge.db",
        description="Path of an SQLite file, or `postgresql+asyncpg://user@host/database`.",
        examples=["/var/lib/callbridge/bridge.db"],
    )
    password: Secret | None = Field(
        None, description="Password of the PostgreSQL user.", examples=[{"file": "/etc/callbridge/store.secret"}]
    )

    @field_validator("url", mode="before")
    @classmethod
    def _url(cls, value: Any, info: ValidationInfo) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError(f"expected a path or a URL, found {shown(value)}")
        scheme, colon, _ = value.partition("://")
        if not colon:
            folder = (info.context or {}).get("folder")
            return value if folder is None or value.startswith("/") else f"{folder}/{value}"
        if scheme == "sqlite+aiosqlite":
            return value.removeprefix(SQLITE)
        if scheme != "postgresql+asyncpg":
            raise ValueError(
                f"`{scheme}` is not known here: write a path, or `postgresql+asyncpg://user@host/database`"
            )
        if urlsplit(value).password is not None:
            raise ValueError("a password does not stand in the URL: put it into `store.password`")
        return value

    @property
    def is_sqlite(self) -> bool:
        return not self.url.startswith(POSTGRES)

    def dsn(self) -> str:
        """The URL for the database library, with the password in it: never log it."""
        if self.is_sqlite:
            return SQLITE + self.url
        if self.password is None:
            return self.url
        user, at, rest = self.url.removeprefix(POSTGRES).rpartition("@")
        return f"{POSTGRES}{user}:{quote(self.password.value, safe='')}{at or '@'}{rest}"

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        if self.password is not None and not re.search(r"://[^/@]+@", self.url):
            raise ValueError("`password` needs a URL with a user: `postgresql+asyncpg://user@host/database`")
        return self


class Ami(Model):
    """The manager interface of Asterisk."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="Where Asterisk's manager listens.", examples=["127.0.0.1"]
    )
    port: int = Field(5038, ge=1, le=65535, description="Its port.", examples=[5038])
    user: str = Field(
        min_length=1, description="User of manager.conf (`callbridge init` makes one).", examples=["callbridge"]
    )
    secret: Secret = Field(description="Password of that user.", examples=[{"file": "/etc/callbridge/ami.secret"}])


class Agi(Model):
    """Where the daemon answers the dialplan."""

    listen: Listen = Field(
        default_factory=lambda: Address("127.0.0.1", 4573),
        description="Address and port for Asterisk's FastAGI.",
        examples=["127.0.0.1:4573"],
        json_schema_extra={"default": "127.0.0.1:4573"},
    )
    allow: tuple[IpAddress, ...] = Field(
        (),
        description="Addresses of Asterisk machines that may connect, if it runs elsewhere.",
        examples=[["192.0.2.10"]],
    )

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Self:
        if not self.listen.is_loopback and not self.allow:
            raise ValueError(
                f"`{self.listen}` can be reached from outside: name the Asterisk machines in `allow`, or use 127.0.0.1"
            )
        return self


class Asterisk(Model):
    """The PBX beside the daemon."""

    ami: Ami = Field(description="The manager interface.")
    agi: Agi = Field(default_factory=Agi, description="Where the daemon answers the dialplan.")
    spool: FilePath = Field(
        Path("/var/spool/callbridge"),
        description="Folder into which Asterisk writes its journal and the raw recordings.",
        examples=["/var/spool/callbridge"],
    )
    config: FilePath = Field(
        Path("/etc/asterisk"),
        description="Folder of Asterisk's configuration; `init` and `doctor` look there.",
        examples=["/etc/asterisk"],
    )
    sounds: SoundFolder = Field(
        Path("/var/lib/asterisk/sounds"),
        description="Folder of Asterisk's sounds; sounds made from texts go into `callbridge/` below it.",
        examples=["/var/lib/asterisk/sounds"],
    )


class Recordings(Model):
    """Recordings of the calls."""

    enabled: Switch = Field(True, description="Whether calls are recorded at all.", examples=[True])
    folder: FilePath = Field(
        Path("/var/lib/callbridge/recordings"),
        description="Folder of the recordings: `YYYY/MM/DD/<call id>.<format>`.",
        examples=["/var/lib/callbridge/recordings"],
    )
    format: Literal["wav", "flac", "mp3", "ogg"] = Field(
        "wav", description="How finished recordings are kept.", examples=["wav"]
    )
    without_notice: Literal["skip", "record"] = Field(
        "skip",
        description="A call whose caller heard no notice to its end: `skip` does not record it, `record` does.",
        examples=["skip"],
    )
    alarm_below: Share = Field(
        default_factory=lambda: Part(0.1),
        description="An alarm in the log and in `/healthz` when less of the disk is free.",
        examples=["10%"],
        json_schema_extra={"default": "10%"},
    )
    stop_below: Share = Field(
        default_factory=lambda: Part(0.05),
        description="New calls are not recorded while less of the disk is free; they go on all the same.",
        examples=["5%"],
        json_schema_extra={"default": "5%"},
    )

    @model_validator(mode="after")
    def _alarm_comes_first(self) -> Self:
        if self.stop_below > self.alarm_below:
            raise ValueError("`stop_below` is more than `alarm_below`: the alarm would come after the stop")
        return self


class Monitor(Model):
    """For the sysadmin's monitoring."""

    listen: Listen = Field(
        default_factory=lambda: Address("127.0.0.1", 9473),
        description="Address and port of `/metrics` and `/healthz`.",
        examples=["127.0.0.1:9473"],
        json_schema_extra={"default": "127.0.0.1:9473"},
    )


class Log(Model):
    """The daemon's log on standard error."""

    format: Literal["console", "json"] = Field(
        "console", description="For people or for machines.", examples=["console"]
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged.", examples=["info"]
    )
