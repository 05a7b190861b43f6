"""The days a page is about, as its URL says them: ``period=30d``, or ``from=2026-11-01&to=2026-11-22``, both included."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

MOST_DAYS: Final = 3660
#: The periods offered, in their order.
NAMED: Final = (
    "today", "yesterday", "7d", "30d", "90d", "365d", "this-week", "last-week", "this-month", "last-month", "this-year"
)  # fmt: skip
_LAST = re.compile(r"([1-9][0-9]{0,3})d")


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`, both included. `name`: how the URL said it, ``""`` where it gave the dates."""

    first: date
    last: date
    name: str = ""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def end(self) -> date:
        """The day after the last one."""
        return self.last + timedelta(days=1)

    def before(self) -> Span:
        """As many days just before; for a month the month before, and for this month and year the same days of the one before."""
        if self.name == "this-month":
            begin = _month(self.first, -1)
            return Span(begin, min(begin + timedelta(days=self.days - 1), self.first - timedelta(days=1)))
        if self.name == "last-month":
            return Span(_month(self.first, -1), self.first - timedelta(days=1))
        if self.name == "this-year":
            begin = self.first.replace(year=self.first.year - 1)
            return Span(begin, begin + timedelta(days=self.days - 1))
        return Span(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    def bounds(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """From this moment (included) to that one (excluded)."""
        return _midnight(self.first, zone), _midnight(self.end, zone)

    def params(self) -> dict[str, str]:
        """As the URL says it."""
        return {"period": self.name} if self.name else {"from": self.first.isoformat(), "to": self.last.isoformat()}


def read_span(params: Mapping[str, str], today: date, otherwise: str = "30d") -> Span:
    """The days meant by a URL's parameters. Raises ValueError, in words for the person who wrote it."""
    if params.get("from") or params.get("to"):
        first, last = _date(params.get("from")), _date(params.get("to"))
        first, last = first or last or today, last or max(today, first or today)
        if first > last:
            raise ValueError("the period ends before it begins")
        if (last - first).days >= MOST_DAYS:
            raise ValueError(f"a period may have at most {MOST_DAYS} days")
        return Span(first, last)
    return named_span(params.get("period") or otherwise, today)


def named_span(name: str, today: date) -> Span:
    """The days of one of NAMED, or of the last N (``45d``), today included. Raises ValueError."""
    monday, month = today - timedelta(days=today.weekday()), today.replace(day=1)
    day = timedelta(days=1)
    known = {
        "today": (today, today),
        "yesterday": (today - day, today - day),
        "this-week": (monday, today),
        "last-week": (monday - 7 * day, monday - day),
        "this-month": (month, today),
        "last-month": (_month(month, -1), month - day),
        "this-year": (today.replace(month=1, day=1), today),
    }
    if name in known:
        return Span(*known[name], name)
    if (found := _LAST.fullmatch(name)) and int(found[1]) <= MOST_DAYS:
        return Span(today - timedelta(days=int(found[1]) - 1), today, name)
    raise ValueError(f"{name[:40]!r} is not a period: one of {', '.join(NAMED)}")


def _date(text: str | None) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date: write it like 2026-11-22") from None
    if not 2000 <= found.year <= 2199:
        raise ValueError(f"{text[:40]!r} is not a date of our time")
    return found


def _month(first: date, step: int) -> date:
    months = first.year * 12 + first.month - 1 + step
    return date(months // 12, months % 12 + 1, 1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
