"""bridge.yaml as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from bridge.config.common import Language, Model, Name, PhoneNumber, Secret
from bridge.config.desk import DeskService, desk_secrets
from bridge.config.lines import Line
from bridge.config.numbers import Defaults, Fallback, Notice, Number, Pool, Source
from bridge.config.opening import Zone
from bridge.config.problems import Path, shown
from bridge.config.retention import Retention
from bridge.config.screening import Screening
from bridge.config.services import Asterisk, Log, Monitor, Recordings, Store
from bridge.config.sites import AttributionSettings, SiteService
from bridge.core.phone import is_region

#: What a file named by `include` may hold.
INCLUDABLE = ("lines", "numbers", "pools", "sources")


def _region(value: object) -> str:
    if not isinstance(value, str) or not is_region(value):
        raise ValueError(f"{shown(value)} is not a country: write its two letters, like `RU`")
    return value


Region: TypeAlias = Annotated[str, PlainValidator(_region), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]


class Config(Model):
    """The configuration of the bridge. Numbers stand as they were written; `build_directory` reads them into E.164."""

    include: tuple[str, ...] = Field(
        (),
        description="More files with lines, numbers, pools and sources; a relative path begins at this file.",
        examples=[["config/pools/*.yaml"]],
    )
    region: Region = Field(
        "RU", description="Country whose local numbers are understood (two letters).", examples=["RU"]
    )
    timezone: Zone = Field("UTC", description="Time zone of opening hours and reports.", examples=["Europe/Moscow"])
    language: Language = Field("en", description="Language of sounds where nothing else is said.", examples=["ru"])
    store: Store = Field(default_factory=Store, description="Where calls are written down.")
    asterisk: Asterisk = Field(description="The PBX beside the daemon.")
    recordings: Recordings = Field(default_factory=Recordings, description="Recordings of the calls.")
    retention: Retention = Field(default_factory=Retention, description="How long recordings are kept.")
    notices: dict[Name, Notice] = Field(default_factory=dict, description="Announcements of the recording, by name.")
    lines: dict[Name, Line] = Field(min_length=1, description="The company's phones, by name.")
    sources: dict[Name, Source] = Field(default_factory=dict, description="Where ads run, by name.")
    numbers: dict[PhoneNumber, Number] = Field(
        default_factory=dict, description="Tracked numbers and what they are bound to."
    )
    pools: dict[Name, Pool] = Field(default_factory=dict, description="Dynamic numbers, by name of the pool.")
    defaults: Defaults = Field(default_factory=Defaults, description="What holds where nothing else is said.")
    fallback: Fallback = Field(description="Where calls go that nothing else is said about.")
    screening: Screening | None = Field(None, description="Callers who are not simply let through.")
    site: SiteService | None = Field(
        None, description="The service that shows every visit its number; off if not given."
    )
    attribution: AttributionSettings = Field(
        default_factory=AttributionSettings, description="How calls to numbers of a pool are booked."
    )
    desk: DeskService | None = Field(
        None, description="The browser pages of operators and marketers; off if not given."
    )
    monitor: Monitor = Field(default_factory=Monitor, description="For the sysadmin's monitoring.")
    log: Log = Field(default_factory=Log, description="The daemon's log.")

    def secrets(self) -> Iterator[tuple[Path, Secret]]:
        """Every secret, and where it stands."""
        yield ("asterisk", "ami", "secret"), self.asterisk.ami.secret
        if self.store.password is not None:
            yield ("store", "password"), self.store.password
        yield from desk_secrets(self.desk)
