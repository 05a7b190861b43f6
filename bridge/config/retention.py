"""How long recordings are kept, and how much of the disk they may take."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from bridge.config.common import Model, Name
from bridge.config.problems import shown
from bridge.core import retention as core

_AGE = r"([1-9][0-9]{0,4})d"
_SHARE = r"([0-9]{1,2}(?:\.[0-9]{1,2})?) ?%"
_SIZE = r"([1-9][0-9]{0,5}) ?(MB|GB|TB)"
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


FOREVER = timedelta.max


class Part(float):
    """A share, 0 to 1. In bridge.yaml it is written in percent; a bare number there is a mistake."""


def _age(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if value == "forever":
        return FOREVER
    found = re.fullmatch(_AGE, value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{shown(value)} is not an age: write days, like `365d`, or `forever`")
    return timedelta(days=int(found[1]))


def _age_text(value: timedelta) -> str:
    return "forever" if value == FOREVER else f"{value.days}d"


def _share(value: object) -> Part:
    if isinstance(value, Part):
        return value
    found = re.fullmatch(_SHARE, value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{shown(value)} is not a share of the disk: write it like `5%`")
    return Part(float(found[1]) / 100)


def _share_text(value: Part) -> str:
    return f"{value * 100:g}%"


def _budget(value: object) -> int | Part:
    text = value if isinstance(value, str) else ""
    if found := re.fullmatch(_SIZE, text, re.ASCII):
        return int(found[1]) * _UNITS[found[2]]
    if re.fullmatch(_SHARE, text, re.ASCII):
        return _share(text)
    raise ValueError(f"{shown(value)} is no amount of disk: write it like `50 GB`, or as a share, like `80%`")


def _text(pattern: str) -> Any:
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$"})


Age: TypeAlias = Annotated[timedelta, PlainValidator(_age), PlainSerializer(_age_text), _text(f"{_AGE}|forever")]
Share: TypeAlias = Annotated[Part, PlainValidator(_share), PlainSerializer(_share_text), _text(_SHARE)]
Budget: TypeAlias = Annotated[int | Part, PlainValidator(_budget), _text(f"{_SIZE}|{_SHARE}")]


class Retention(Model):
    """How long recordings are kept. What is on hold (`callbridge hold`) is never deleted."""

    default: Age = Field(
        FOREVER,
        description="How old recordings become before they are deleted: days, or `forever`.",
        examples=["365d"],
        json_schema_extra={"default": "forever"},
    )
    sources: dict[Name, Age] = Field(
        default_factory=dict, description="Other ages for the calls of some sources.", examples=[{"radio": "90d"}]
    )
    disk_budget: Budget | None = Field(
        None,
        description="What all recordings together may take, as a size or a share of the disk; the oldest go first.",
        examples=["50 GB", "80%"],
    )
    sidecars: Literal["delete", "keep"] = Field(
        "delete",
        description="What becomes of a deleted recording's `<call id>.json`: it goes too, or stays and says so.",
        examples=["delete"],
    )
    journal: Age = Field(
        timedelta(days=30),
        description="How long the journal's old files are kept after they are booked. As far back as they reach, calls are"
        " booked again after a restore.",
        examples=["30d"],
        json_schema_extra={"default": "30d"},
    )

    def rules(self, disk_bytes: int) -> core.Retention:
        """As the core has it; `disk_bytes` is the size of the recordings' disk."""
        budget = self.disk_budget
        return core.Retention(
            self.default, self.sources, int(budget * disk_bytes) if isinstance(budget, Part) else budget
        )
