"""Local days and months as the numbers that sums stand under: ``20261122`` and ``202611``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from bridge.core.report import Step, first_day, label_of, next_first

_QUARTER = timedelta(minutes=15)


def day_number(day: date) -> int:
    """20261122 for 22 November 2026."""
    return day.year * 10000 + day.month * 100 + day.day


def month_number(day: date) -> int:
    """202611 for any day of November 2026."""
    return day.year * 100 + day.month


def date_of(number: int) -> date:
    """The day of its number."""
    return date(number // 10000, number // 100 % 100, number % 100)


def begin_of(day: date, zone: tzinfo) -> datetime:
    """The day's first moment in the zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def days_from(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def next_month(day: date) -> date:
    """The next month's first day."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def hours_of(day: date, zone: tzinfo) -> list[tuple[datetime, int]]:
    """When each hour of the clock began on that day, in UTC, and which: 23 to 25 of them, one of them twice where the clock goes back."""
    found: list[tuple[datetime, int]] = []
    at, end = begin_of(day, zone), begin_of(day + timedelta(days=1), zone)
    while at < end:
        hour = at.astimezone(zone).hour
        if not found or found[-1][1] != hour:
            found.append((at, hour))
        at += _QUARTER
    return found


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `begin` to before `end`; `label` as in `bridge.core.report.Period`."""

    label: str
    begin: date
    end: date


def steps(begin: date, end: date, step: Step) -> list[Days]:
    """The days, weeks or months from `begin` to before `end`; the first and last may be cut short."""
    found: list[Days] = []
    first = first_day(begin, step)
    while first < end:
        following = next_first(first, step)
        found.append(Days(label_of(first, step), max(begin, first), min(end, following)))
        first = following
    return found


def parts_of(begin: date, end: date, closed: int) -> list[int]:
    """The periods that make up the days from `begin` to before `end`, in order: whole months up to `closed`, else days."""
    found: list[int] = []
    day = begin
    while day < end:
        if day.day == 1 and month_number(day) <= closed and next_month(day) <= end:
            found.append(month_number(day))
            day = next_month(day)
        else:
            found.append(day_number(day))
            day += timedelta(days=1)
    return found
