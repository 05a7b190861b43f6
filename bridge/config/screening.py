"""The screening of callers: who is blocked, who is suspected, and what is done with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from bridge.config.common import FilePath, Model, Seconds, Speech
from bridge.config.lines import Mailbox
from bridge.config.problems import shown
from bridge.core.phone import normalise
from bridge.core.screening import NumberList

_PREFIX = re.compile(r"\+[0-9]{1,15}\*", re.ASCII)
_AS_SENT = re.compile(r"[0-9]{2,20}", re.ASCII)
_MAX_BYTES = 16 * 1024 * 1024


def _pattern(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"expected a telephone number or the beginning of some, found {shown(value)}")
    return text.strip()


def _key(value: object) -> str:
    text = str(value)
    if isinstance(value, bool) or len(text) != 1 or text not in "0123456789*":
        raise ValueError(f'{shown(value)} is not a key to press: write one of 0 to 9, or `"*"`')
    return text


NumberPattern: TypeAlias = Annotated[
    str, PlainValidator(_pattern), WithJsonSchema({"type": ["string", "integer"]}, mode="validation")
]
Key: TypeAlias = Annotated[str, PlainValidator(_key), WithJsonSchema({"type": ["string", "integer"]})]


def _or_the_number_alone(schema: dict[str, Any]) -> None:
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": ["string", "integer"]}, whole]


class Entry(Model):
    """A number or a beginning of numbers, with the reason why; or just the number as text."""

    model_config = ConfigDict(json_schema_extra=_or_the_number_alone)

    number: NumberPattern = Field(
        description="A telephone number, or a beginning with `*`: `+7495123*`.", examples=["+74951234567"]
    )
    reason: str | None = Field(None, max_length=200, description="A note for people.", examples=["offers loans"])

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, value: Any) -> Any:
        return {"number": value} if type(value) in (str, int) else value


class Rate(Model):
    """How often one caller usually calls at most."""

    calls: int = Field(ge=1, le=100, description="So many calls are usual; more are suspicious.", examples=[5])
    per: Seconds = Field(description="Within so long.", examples=["10m"])

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if not 10 <= self.per <= 24 * 3600:
            raise ValueError("`per` must be between 10s and 24h")
        return self


class Challenge(Speech):
    """What a suspected caller hears; a person presses the key, a robot does not."""

    key: Key = Field("5", description="The key to press.", examples=[5])


class Screening(Model):
    """Callers who are not simply let through. Whatever is found stands in the books, marked and counted apart; nothing is hidden."""

    allow: tuple[Entry, ...] = Field((), description="Who is never screened.", examples=[["+78121234567"]])
    block: tuple[Entry, ...] = Field(
        (), description="Who is turned away.", examples=[["+7495123*", {"number": "+74951234567", "reason": "robot"}]]
    )
    block_file: FilePath | None = Field(
        None,
        description="Text file with more of them, one per line; after `#` stands the reason.",
        examples=["block.txt"],
    )
    blocked: Literal["reject", "busy"] = Field(
        "reject", description="What a blocked caller gets: the call is rejected, or busy.", examples=["reject"]
    )
    rate: Rate | None = Field(None, description="How often a caller may call before he is suspected.")
    withheld: Literal["pass", "suspected"] = Field(
        "pass", description="Whether callers who withhold their number are suspected.", examples=["pass"]
    )
    suspected: Literal["challenge", "voicemail", "busy", "pass"] = Field(
        "challenge",
        description="What a suspected caller gets; with `pass` it rings, marked.",
        examples=["challenge"],
    )
    challenge: Challenge | None = Field(None, description="What he must do with `suspected: challenge`.")
    voicemail: Mailbox | None = Field(
        None, description="His mailbox with `suspected: voicemail`.", examples=["100@default"]
    )

    @model_validator(mode="after")
    def _measure_has_what_it_needs(self) -> Self:
        somebody = self.rate is not None or self.withheld == "suspected"
        for measure in ("challenge", "voicemail"):
            if somebody and self.suspected == measure and getattr(self, measure) is None:
                raise ValueError(f"`suspected: {measure}` needs `{measure}`")
        return self


def read_pattern(written: str, region: str) -> str:
    """A pattern as callers are booked: E.164, a beginning with ``*``, or digits that make no number of any country. Raises ValueError."""
    bare = re.sub(r"[ ()-]", "", written)
    if bare.endswith("*"):
        if not _PREFIX.fullmatch(bare):
            raise ValueError(
                f"{shown(written)} is not a beginning of numbers: write it from the country on, `+7495123*`"
            )
        return bare
    found = normalise(written, region)
    if found is None and not _AS_SENT.fullmatch(bare):
        raise ValueError(f"{shown(written)} is not a telephone number of {region}, nor an international one")
    return found or bare


def read_block_file(path: Path, region: str) -> Iterator[tuple[str, str]]:
    """Patterns and reasons. Raises ValueError naming the file and the line."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{path} is larger than {_MAX_BYTES // 1024 // 1024} MB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {(error.strerror or 'error').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    for number, line in enumerate(text.split("\n"), 1):
        written, _, reason = line.partition("#")
        if written.strip():
            try:
                yield read_pattern(written.strip(), region), reason.strip()[:200]
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None


def number_list(patterns: Iterable[tuple[str, str]]) -> NumberList:
    """Patterns with their reasons as they are looked up; of one that is given twice the first."""
    numbers: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for pattern, reason in patterns:
        place, key = (prefixes, pattern[:-1]) if pattern.endswith("*") else (numbers, pattern)
        place.setdefault(key, reason)
    return NumberList(numbers, prefixes)


def entries(listed: Iterable[Entry], region: str) -> Iterator[tuple[str, str]]:
    """Patterns and reasons. Raises ValueError."""
    for entry in listed:
        yield read_pattern(entry.number, region), entry.reason or ""
