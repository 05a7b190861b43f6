"""The arithmetic of reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.report import MOST_PERIODS, Period, Step, Tally, periods, release_of, wilson

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 1, tzinfo=UTC)


def _days(*days: float) -> list[datetime]:
    return [START + timedelta(days=day) for day in days]


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),  # worked out by hand from the formula
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 1, 0.2065, 1.0),
        (700, 1000, 0.6709, 0.7276),
    ],
)
def test_wilson(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-4)


@given(trials=st.integers(1, 10**6), data=st.data())
def test_wilson_holds_the_rate_within_zero_and_one(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    interval = wilson(successes, trials)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1


def test_rates_of_nothing() -> None:
    assert wilson(0, 0) is None
    assert Tally(calls=3).answer_rate is None
    assert Tally(calls=3).answer_rate_interval is None
    assert Tally(calls=5, answered=3, missed=1).answer_rate == 0.75


def test_days_are_the_zones_also_when_clocks_change() -> None:
    found = periods(
        datetime(2026, 10, 24, 10, tzinfo=BERLIN), datetime(2026, 10, 26, 10, tzinfo=BERLIN), Step.DAY, BERLIN
    )
    hours = [(p.end.astimezone(UTC) - p.begin.astimezone(UTC)) / timedelta(hours=1) for p in found]
    assert [p.label for p in found] == ["2026-10-24", "2026-10-25", "2026-10-26"]
    assert hours == [14, 25, 10]


def test_weeks_begin_on_monday_and_are_named_by_iso() -> None:
    found = periods(datetime(2026, 12, 30, tzinfo=UTC), datetime(2027, 1, 12, tzinfo=UTC), Step.WEEK, UTC)
    assert found == [
        Period("2026-W53", datetime(2026, 12, 30, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)),
        Period("2027-W01", datetime(2027, 1, 4, tzinfo=UTC), datetime(2027, 1, 11, tzinfo=UTC)),
        Period("2027-W02", datetime(2027, 1, 11, tzinfo=UTC), datetime(2027, 1, 12, tzinfo=UTC)),
    ]


def test_months() -> None:
    found = periods(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), Step.MONTH, UTC)
    assert [period.label for period in found] == ["2026-01", "2026-02", "2026-03"]
    assert [period.begin.day for period in found] == [31, 1, 1]


@given(
    since=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    hours=st.floats(0.01, 5000),
    step=st.sampled_from(Step),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"]),
)
def test_periods_cover_the_time_without_gap_or_overlap(since: datetime, hours: float, step: Step, zone: str) -> None:
    until = since + timedelta(hours=hours)
    found = periods(since, until, step, ZoneInfo(zone))
    assert (found[0].begin, found[-1].end) == (since, until)
    assert all(one.end == two.begin for one, two in pairwise(found))
    assert all(period.begin.astimezone(UTC) < period.end.astimezone(UTC) for period in found)
    assert len({period.label for period in found}) == len(found)


def test_periods_have_a_limit() -> None:
    with pytest.raises(ValueError, match=f"more than {MOST_PERIODS} periods"):
        periods(START, START + timedelta(days=MOST_PERIODS + 1), Step.DAY, UTC)
    assert periods(START, START, Step.DAY, UTC) == []


@pytest.mark.parametrize(
    ("calls", "retired", "safe_after", "reason"),
    [
        ((), 0, 30, "no call for 200 days; no call is known, so 30 days without one are enough"),
        ((5,), 0, 35, "no call for 195 days; only one call is known, so 30 days without one are enough"),
        (
            (5, 6, 8),
            10,
            40,
            "no call for 190 days; its longest silence between calls was 2 days, so 30 days without a call are enough",
        ),
        (
            (0, 20, 21),
            10,
            81,
            "no call for 179 days; its longest silence between calls was 20 days, so 60 days without a call are enough",
        ),
        (
            (0, 190),
            0,
            555,
            "no call for 10 days; its longest silence between calls was 190 days, so 365 days without a call are enough",
        ),
        (
            (1, 2),
            199,
            229,
            "no call for 1 day; its longest silence between calls was 1 day, so 30 days without a call are enough",
        ),
    ],
)
def test_release(calls: tuple[int, ...], retired: int, safe_after: int, reason: str) -> None:
    now, since, safe_at = _days(200, retired, safe_after)
    found = release_of(now, since, _days(*calls))
    assert (found.safe_at, found.safe, found.reason) == (safe_at, safe_after <= 200, reason)


def test_release_is_safe_from_its_very_moment() -> None:
    assert release_of(START + timedelta(days=30), START, []).safe
    assert not release_of(START + timedelta(days=30, microseconds=-1), START, []).safe
