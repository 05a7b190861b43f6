"""Where the numbers belong: notices, sources, numbers, pools."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from bridge.config.common import (
    Display,
    Language,
    Model,
    Name,
    NoticeName,
    PhoneNumber,
    SoundFile,
    Speech,
    Switch,
    read_duration,
)
from bridge.config.problems import shown


def _decline_key(value: object) -> str:
    text = "" if value == "none" else str(value)
    if isinstance(value, bool) or len(text) > 1 or text not in "0123456789*#":
        raise ValueError(f'{shown(value)} is not a key: write `none` or one of 0 to 9, `"*"`, `"#"`')
    return text


def _hold(value: object) -> int | None:
    if value == "auto":
        return None
    try:
        return read_duration(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a hold time: write `auto` or a duration like `20m`") from None


def _since(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError:
        raise ValueError(f"{shown(value)} is not a date: write it like `2026-11-01`") from None


DeclineKey: TypeAlias = Annotated[str, PlainValidator(_decline_key), WithJsonSchema({"type": ["string", "integer"]})]
Hold: TypeAlias = Annotated[int | None, PlainValidator(_hold), WithJsonSchema({"type": "string"})]
Since: TypeAlias = Annotated[date, PlainValidator(_since), WithJsonSchema({"type": "string", "format": "date"})]


class Notice(Model):
    """What callers are told about the recording."""

    file: SoundFile | None = Field(
        None,
        description="Sound file: PCM 16 bit mono, `.wav` at 8 kHz or `.wav16` at 16 kHz. A relative path begins at bridge.yaml.",
        examples=["/var/lib/callbridge/sounds/notice.wav"],
    )
    text: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="What it says; without `file` the sound is made from it.",
        examples=["This call is recorded."],
    )
    language: Language | None = Field(
        None, description="Its language; as `language` above if not given.", examples=["ru"]
    )
    play: Literal["answer", "early"] = Field(
        "answer",
        description="`answer`: the call is answered first; `early`: before, as early media, free of charge.",
        examples=["answer"],
    )
    decline_key: DeclineKey = Field(
        "none", description="Key with which the caller declines the recording, or `none`.", examples=["none"]
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.file is None and self.text is None:
            raise ValueError("expected `file`, `text` or both")
        return self


class Source(Model):
    """Where an ad runs."""

    title: str | None = Field(
        None, min_length=1, max_length=100, description="What people call it.", examples=["Yandex Direct"]
    )
    prefix: Display = Field(
        "", description="Goes before the caller's name on the phone's display.", examples=["Direct: "]
    )
    line: Name | None = Field(
        None, description="Line its calls ring; the default line if not given.", examples=["sales"]
    )
    notice: NoticeName | None = Field(None, description="Notice of its calls, or `none`.", examples=["standard"])
    whisper: Speech | None = Field(
        None,
        description="What whoever answers hears first. Not given: nothing, or the title if `defaults.whisper` is on.",
        examples=[{"text": "A call from Yandex Direct"}],
    )
    announce_recording_to_company: Literal["beep", "none"] | None = Field(
        None,
        description="How whoever answers is told of the recording; as `defaults` say if not given.",
        examples=["beep"],
    )


class Number(Model):
    """What one number is bound to: exactly one of `source`, `default_of`, `pool`, `retiring`."""

    source: Name | None = Field(None, description="Shown by this source for good (static).", examples=["billboard-m4"])
    default_of: Name | None = Field(
        None,
        description="Default number of this source: shown to whoever gets none of its pool.",
        examples=["yandex-direct"],
    )
    pool: Name | None = Field(
        None, description="Member of this pool; it may stand in the pool's own list instead.", examples=["direct"]
    )
    retiring: Name | None = Field(None, description="Was shown by this source, and still forwards.", examples=["radio"])
    since: Since | None = Field(None, description="Since when it is retiring.", examples=["2026-11-01"])
    title: str | None = Field(
        None, min_length=1, max_length=100, description="A note for people.", examples=["M4, km 42"]
    )
    line: Name | None = Field(None, description="Line its calls ring, instead of its source's.", examples=["support"])
    notice: NoticeName | None = Field(
        None, description="Notice of its calls, instead of its source's, or `none`.", examples=["none"]
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [k for k in ("source", "default_of", "pool", "retiring") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of `source`, `default_of`, `pool` and `retiring`")
        if self.since is not None and self.retiring is None:
            raise ValueError("`since` goes with `retiring`")
        return self


class Pool(Model):
    """Dynamic numbers of one source: each is shown to one visit at a time."""

    source: Name = Field(description="The source whose visits are shown these numbers.", examples=["yandex-direct"])
    numbers: tuple[PhoneNumber, ...] = Field(
        (), description="Its numbers.", examples=[["+74951110010", "+74951110011"]]
    )
    hold: Hold | None = Field(
        None,
        description="How long a visit keeps its number at least; `auto` (if not given) finds it from the traffic.",
        examples=["auto"],
    )


class Defaults(Model):
    """What holds where a number, source or line says nothing."""

    line: Name | None = Field(
        None, description="Line of sources that name none; the fallback line if not given.", examples=["sales"]
    )
    notice: NoticeName | None = Field(
        None, description="Notice of calls for which nothing else is said.", examples=["standard"]
    )
    whisper: Switch = Field(
        False, description="Whether a source without `whisper` of its own is told by its title.", examples=[False]
    )
    announce_recording_to_company: Literal["beep", "none"] = Field(
        "none", description="Whether whoever answers hears a beep before a recorded call.", examples=["none"]
    )


class Fallback(Model):
    """Where calls go that nothing else is said about."""

    line: Name = Field(
        description="Line for numbers nobody bound, and for all calls while the daemon is down.", examples=["sales"]
    )
