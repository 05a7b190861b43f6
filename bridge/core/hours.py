"""Opening hours: a week of intervals in a time zone, with holidays and extra days.

All times are wall-clock times of the zone, so 09:00 stays 09:00 when clocks change. An interval belongs to the day it
begins on: one that crosses midnight on a Friday ends on Saturday even if Saturday is a holiday.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeAlias

DAY = 24 * 60

#: How far `next_change` looks ahead.
HORIZON_DAYS = 400

#: Minutes after midnight, from and until (until not included); more than a day's minutes: the next morning.
Interval: TypeAlias = tuple[int, int]
Intervals: TypeAlias = tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """`week` has seven entries, Monday first. `dates` and `yearly` (month, day) replace the weekday's; none: a holiday.

    A date in `dates` wins over the same day in `yearly`.
    """

    zone: tzinfo
    week: tuple[Intervals, ...]
    dates: Mapping[date, Intervals] = field(default_factory=dict)
    yearly: Mapping[tuple[int, int], Intervals] = field(default_factory=dict)

    def intervals_of(self, day: date) -> Intervals:
        """The intervals that begin on `day`."""
        found = self.dates.get(day)
        if found is None:
            found = self.yearly.get((day.month, day.day))
        return self.week[day.weekday()] if found is None else found

    def is_open(self, at: datetime) -> bool:
        """Whether the line is open at `at` (an aware datetime; ValueError otherwise)."""
        local = _aware(at).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today = local.date()
        return any(begin <= minute < end for begin, end in self.intervals_of(today)) or any(
            minute < end - DAY for _, end in self.intervals_of(today - timedelta(days=1))
        )

    def next_change(self, at: datetime) -> datetime | None:
        """The first moment after `at` (UTC) when the line opens or closes; None if it does not within 400 days."""
        now = self.is_open(at)
        first = at.astimezone(self.zone).date()
        pending: list[datetime] = []
        for ahead in range(-1, HORIZON_DAYS):
            day = first + timedelta(days=ahead)
            pending = sorted({*pending, *self._moments(day)})
            # a midnight that comes twice mixes the moments of two days: those near it wait for the next day's
            settled = self._midnight(day + timedelta(days=1)) - timedelta(hours=3)
            while pending and pending[0] < settled:
                moment = pending.pop(0)
                if moment > at and self.is_open(moment) != now:
                    return moment
        return None

    def _moments(self, day: date) -> Iterator[datetime]:
        """Every moment of `day` (UTC) at which something may change: ends of intervals, and the zone's own jumps."""
        edges = {edge for begin, end in self.intervals_of(day) for edge in (begin, min(end, DAY))}
        edges |= {end - DAY for _, end in self.intervals_of(day - timedelta(days=1)) if end > DAY}
        for edge in edges:
            wall = datetime.combine(day, time(), self.zone) + timedelta(minutes=edge)
            yield wall.replace(fold=0).astimezone(UTC)
            yield wall.replace(fold=1).astimezone(UTC)
        begin, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        if self._offset(begin) != self._offset(end):
            yield self._jump(begin, end)

    def _jump(self, before: datetime, after: datetime) -> datetime:
        """The moment between two at which the zone's offset changes, to the second."""
        offset = self._offset(before)
        low, high = int(before.timestamp()), int(after.timestamp())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(datetime.fromtimestamp(middle, UTC)) == offset:
                low = middle
            else:
                high = middle
        return datetime.fromtimestamp(high, UTC)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self.zone).utcoffset()


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time without a zone says nothing about opening hours")
    return at
