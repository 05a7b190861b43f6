"""Opening hours as they are written: weekdays, times, holidays, extra days."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from bridge.config.common import FilePath, Model
from bridge.config.problems import did_you_mean, shown
from bridge.core.hours import DAY, Interval

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = r"([01]?[0-9]|2[0-4]):([0-5][0-9])"
_INTERVAL = re.compile(rf"{_TIME}\s*[-–]\s*{_TIME}", re.ASCII)

#: A date, or a month and a day of every year.
Day: TypeAlias = date | tuple[int, int]


def read_interval(value: object) -> Interval:
    """``09:00-18:00`` as minutes after midnight; over midnight the end lies beyond 24 hours. Raises ValueError."""
    found = _INTERVAL.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{shown(value)} is not a time of opening: write it like `09:00-18:00`")
    begin = int(found[1]) * 60 + int(found[2])
    end = int(found[3]) * 60 + int(found[4])
    if begin >= DAY or end > DAY:
        raise ValueError(f"{shown(value)} is not a time of opening: a day ends at 24:00 and begins at 00:00")
    if begin == end:
        raise ValueError(f"{shown(value)} begins and ends at once: all day is `00:00-24:00`")
    return (begin, end if end > begin else end + DAY)


def read_days(text: str) -> tuple[int, ...]:
    """``mon-fri``, ``sat,sun``, ``daily`` as weekdays, Monday 0. Raises ValueError."""
    if text == "daily":
        return tuple(range(7))
    result: list[int] = []
    for part in text.split(","):
        ends = [p.strip().lower() for p in part.split("-")]
        for end in ends:
            if end not in DAYS:
                raise ValueError(
                    f"{shown(end)} is not a day{did_you_mean(end, DAYS) or ': write `mon-fri`, `sat,sun` or `daily`'}"
                )
        if len(ends) > 2:
            raise ValueError(f"{shown(part)} is not a range of days: write it like `mon-fri`")
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        result += [(first + n) % 7 for n in range((last - first) % 7 + 1)]
    return tuple(result)


def read_day(value: object) -> Day:
    """``2026-12-31`` or, for every year, ``12-31``. Raises ValueError."""
    text = value if isinstance(value, str) else ""
    try:
        if re.fullmatch(r"\d\d-\d\d", text, re.ASCII):
            every = date.fromisoformat(f"2024-{text}")  # a leap year, so that 02-29 is a day
            return (every.month, every.day)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{shown(value)} is not a day: write it like `2026-12-31`, or `12-31` for every year")


def _zone(value: object) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        near = did_you_mean(value, available_timezones()) if isinstance(value, str) else ""
        raise ValueError(f"{shown(value)} is not a time zone{near or ': write it like `Europe/Moscow`'}")
    ZoneInfo(value)
    return value


def _days(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueError
            f"{shown(value)} is not a day: write `mon-fri`, `sat,sun` or `daily`"
        )
    read_days(value)
    return value


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else () if value is None else value


def _in_order(value: tuple[Interval, ...]) -> tuple[Interval, ...]:
    ordered = tuple(sorted(value))
    for (_, end), (begin, _) in pairwise(ordered):
        if begin < end:
            raise ValueError(f"two times of opening overlap at {begin // 60:02}:{begin % 60:02}")
    return ordered


_INTERVAL_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{_TIME}-{_TIME}$"})
Zone: TypeAlias = Annotated[str, PlainValidator(_zone), WithJsonSchema({"type": "string"})]
Intervals: TypeAlias = Annotated[
    tuple[Annotated[Interval, PlainValidator(read_interval), _INTERVAL_SCHEMA], ...],
    BeforeValidator(_as_list, json_schema_input_type=str | list[str] | None),
    AfterValidator(_in_order),
]
DayName: TypeAlias = Annotated[str, PlainValidator(_days), WithJsonSchema({"type": "string"})]
DayText: TypeAlias = Annotated[
    Day, PlainValidator(read_day), WithJsonSchema({"type": "string", "pattern": r"^(\d{4}-)?\d\d-\d\d$"})
]


class Opening(Model):
    """When a line is open. All times are the wall clock of its time zone."""

    timezone: Zone | None = Field(
        None, description="Time zone of this line; as `timezone` above if not given.", examples=["Asia/Yekaterinburg"]
    )
    open: dict[DayName, Intervals] = Field(
        description="Times by weekday (`mon-fri`, `sat,sun`, `daily`); `22:00-06:00` runs over midnight; a day not named is closed.",
        examples=[{"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": "10:00-15:00"}],
    )
    holidays: tuple[DayText, ...] = Field(
        (), description="Days closed; without a year: every year.", examples=[["2026-12-31", "01-01"]]
    )
    holidays_file: FilePath | None = Field(
        None, description="Text file with one such day per line; `#` begins a comment.", examples=["holidays.txt"]
    )
    extra: dict[DayText, Intervals] = Field(
        default_factory=dict,
        description="Days with other times than their weekday's, holiday or not.",
        examples=[{"2026-12-30": ["10:00-14:00"]}],
    )

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        seen: dict[int, str] = {}
        for text in self.open:
            for day in read_days(text):
                if day in seen:
                    raise ValueError(f"{DAYS[day]} is named by `{seen[day]}` and by `{text}`")
                seen[day] = text
        return self

    def week(self) -> tuple[tuple[Interval, ...], ...]:
        """Seven entries, Monday first."""
        days = {day: intervals for text, intervals in self.open.items() for day in read_days(text)}
        return tuple(days.get(day, ()) for day in range(7))


def read_holidays(path: Path) -> tuple[Day, ...]:
    """The days of a holidays file. Raises ValueError naming the file and the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {(error.strerror or 'error').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    days: list[Day] = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].strip()
        if word:
            try:
                days.append(read_day(word))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
    return tuple(days)
