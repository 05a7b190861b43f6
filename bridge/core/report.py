"""The arithmetic of reports: periods, counts, rates with their uncertainty, and when a retired number may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from math import sqrt

MOST_PERIODS = 1000


class Step(StrEnum):
    """How long one period of a report is."""

    DAY = "day"
    WEEK = "week"  #: Monday to Sunday, named by ISO 8601
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` to before `end`; `label` names it: ``2026-11-22``, ``2026-W47``, ``2026-11``."""

    label: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a group of calls. `unique` callers are those who sent their number; `talk_ms` is in milliseconds.

    A call is answered when a phone was connected, missed when it ended without; the rest is under way. Spam is counted apart: it is in
    none of the other figures. `wait_ms`: until a phone was connected. `sure`: calls whose attribution is right with 0.9 or more; `expected`:
    calls, each shared among the visits it may have come from by their probability. `value` is in hundredths of the currency.
    """

    calls: int = 0
    unique: int = 0
    first_time: int = 0
    answered: int = 0
    missed: int = 0
    talk_ms: int = 0
    spam: int = 0
    wait_ms: int = 0
    target: int = 0
    sure: int = 0
    expected: float = 0.0
    value: int = 0

    @property
    def wait_seconds(self) -> float | None:
        """How long callers waited until a phone was connected, on average; None without any."""
        return self.wait_ms / 1000 / self.answered if self.answered else None

    @property
    def talk_seconds(self) -> float | None:
        """How long answered calls lasted, on average; None without any."""
        return self.talk_ms / 1000 / self.answered if self.answered else None

    @property
    def answer_rate(self) -> float | None:
        """Answered of all ended or answered; None without any."""
        ended = self.answered + self.missed
        return self.answered / ended if ended else None

    @property
    def answer_rate_interval(self) -> tuple[float, float] | None:
        """What the answer rate may well be, given how few calls there were: 95 %."""
        return wilson(self.answered, self.answered + self.missed)


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float] | None:
    """The interval of Wilson (1927) for a rate; None without trials."""
    if trials == 0:
        return None
    rate = successes / trials
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    centre, scale = rate + z * z / (2 * trials), 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def periods(since: datetime, until: datetime, step: Step, zone: tzinfo) -> list[Period]:
    """The days, weeks or months of `zone` from `since` to before `until`; the first and last may be cut short.

    ValueError if there would be more than MOST_PERIODS.
    """
    found: list[Period] = []
    first = first_day(since.astimezone(zone).date(), step)
    while (begin := _midnight(first, zone)) < until:
        if len(found) == MOST_PERIODS:
            raise ValueError(f"more than {MOST_PERIODS} periods: choose longer ones or a shorter time")
        following = next_first(first, step)
        found.append(Period(label_of(first, step), max(begin, since), min(_midnight(following, zone), until)))
        first = following
    return found


def first_day(day: date, step: Step) -> date:
    """The first day of the period that `day` is in."""
    match step:
        case Step.DAY:
            return day
        case Step.WEEK:
            return day - timedelta(days=day.weekday())
        case Step.MONTH:
            return day.replace(day=1)


def next_first(first: date, step: Step) -> date:
    """The first day of the period after the one that begins with `first`."""
    match step:
        case Step.DAY:
            return first + timedelta(days=1)
        case Step.WEEK:
            return first + timedelta(days=7)
        case Step.MONTH:
            return (first + timedelta(days=31)).replace(day=1)


def label_of(first: date, step: Step) -> str:
    """The name of the period that begins with `first`."""
    match step:
        case Step.DAY:
            return first.isoformat()
        case Step.WEEK:
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02}"
        case Step.MONTH:
            return f"{first:%Y-%m}"


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


QUIET_AT_LEAST = timedelta(days=30)
QUIET_AT_MOST = timedelta(days=365)
GAPS = 3


@dataclass(frozen=True, slots=True)
class Release:
    """Whether a retiring number may be given back, from when on, and why."""

    safe: bool
    safe_at: datetime
    reason: str


def release_of(now: datetime, retiring_since: datetime, calls: Sequence[datetime]) -> Release:
    """When a retiring number may go: after a silence of three times its longest one so far, at least 30 days, at most a year.

    The silence counts from the last call, or from `retiring_since` if that is later. `calls` are the times of its calls, in order.
    """
    longest = max((later - earlier for earlier, later in pairwise(calls)), default=timedelta(0))
    needed = min(max(QUIET_AT_LEAST, GAPS * longest), QUIET_AT_MOST)
    quiet_since = max(calls[-1], retiring_since) if calls else retiring_since
    safe_at = quiet_since + needed
    if len(calls) >= 2:
        rule = f"its longest silence between calls was {_days(longest)}, so {_days(needed)} without a call are enough"
    else:
        rule = f"{'only one call' if calls else 'no call'} is known, so {_days(needed)} without one are enough"
    quiet = f"no call for {_days(max(now - quiet_since, timedelta(0)))}"
    return Release(now >= safe_at, safe_at, f"{quiet}; {rule}")


def _days(span: timedelta) -> str:
    days = round(span / timedelta(days=1))
    return "1 day" if days == 1 else f"{days} days"
