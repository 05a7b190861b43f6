"""Opening hours against a brute force that walks the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.hours import DAY, Hours

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
CLOSED = ((),) * 7
WEEK = (((9 * 60, 18 * 60),),) * 5 + ((), ())


def at(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_a_working_week() -> None:
    hours = Hours(MOSCOW, WEEK)
    assert hours.is_open(at("2026-11-20 09:00"))
    assert hours.is_open(at("2026-11-20 17:59:59"))
    assert not hours.is_open(at("2026-11-20 18:00"))
    assert not hours.is_open(at("2026-11-20 08:59:59"))
    assert not hours.is_open(at("2026-11-21 12:00"))
    assert hours.next_change(at("2026-11-20 12:00")) == at("2026-11-20 18:00")
    assert hours.next_change(at("2026-11-20 18:00")) == at("2026-11-23 09:00")


def test_the_zone_of_the_line_counts_and_not_the_one_of_the_question() -> None:
    hours = Hours(MOSCOW, WEEK)
    assert hours.is_open(datetime(2026, 11, 20, 6, 0, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))


def test_over_midnight_also_into_a_holiday() -> None:
    hours = Hours(MOSCOW, (*CLOSED[:4], ((22 * 60, DAY + 6 * 60),), (), ()), {date(2026, 11, 21): ()})
    assert hours.is_open(at("2026-11-20 23:00"))
    assert hours.is_open(at("2026-11-21 05:59"))
    assert not hours.is_open(at("2026-11-21 06:00"))
    assert not hours.is_open(at("2026-11-20 05:00"))
    assert hours.next_change(at("2026-11-20 23:00")) == at("2026-11-21 06:00")


def test_holidays_and_extra_days() -> None:
    hours = Hours(MOSCOW, WEEK, {date(2026, 12, 31): ((600, 720),)}, {(12, 31): (), (1, 1): ()})
    assert not hours.is_open(at("2025-12-31 10:30"))
    assert hours.is_open(at("2026-12-31 10:30"))
    assert not hours.is_open(at("2026-12-31 12:00"))
    assert not hours.is_open(at("2027-01-01 10:30"))


def test_to_the_end_of_the_day_and_on() -> None:
    hours = Hours(MOSCOW, (((0, DAY),),) * 7)
    assert hours.is_open(at("2026-11-20 23:59:59"))
    assert hours.is_open(at("2026-11-21 00:00"))
    assert hours.next_change(at("2026-11-20 12:00")) is None
    assert Hours(MOSCOW, CLOSED).next_change(at("2026-11-20 12:00")) is None


def test_when_clocks_change() -> None:
    hours = Hours(BERLIN, (((2 * 60 + 30, 4 * 60),),) * 7)
    # 29 March 2026: 02:00 becomes 03:00, so 02:30 does not exist and the line opens with the jump
    assert hours.next_change(at("2026-03-29 01:00", BERLIN)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    # 25 October 2026: 03:00 becomes 02:00, so the line closes again and opens at the second 02:30
    first = hours.next_change(at("2026-10-25 00:30", BERLIN))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    second = hours.next_change(first)
    assert second == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    assert hours.next_change(second) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        Hours(MOSCOW, WEEK).is_open(datetime(2026, 11, 20))  # noqa: DTZ001


INTERVAL = st.tuples(st.integers(0, DAY // 15 - 1), st.integers(1, DAY // 15)).map(
    lambda x: (x[0] * 15, (x[0] + x[1]) * 15)
)
INTERVALS = st.lists(INTERVAL, max_size=3).map(tuple)
#: Days around both changes of the clocks.
STARTS = st.sampled_from(
    [
        datetime(2026, 3, 6, tzinfo=UTC),
        datetime(2026, 3, 27, tzinfo=UTC),
        datetime(2026, 10, 23, tzinfo=UTC),
        datetime(2026, 10, 30, tzinfo=UTC),
    ]
)
#: Havana's clocks change at midnight, Lord Howe's by half an hour.
ZONES = st.sampled_from(["Europe/Berlin", "Europe/Moscow", "Australia/Lord_Howe", "America/Havana"])


@settings(max_examples=150, deadline=None)
@given(
    ZONES,
    st.tuples(*[INTERVALS] * 7),
    STARTS,
    st.integers(0, 4 * DAY // 5),
    st.dictionaries(st.integers(0, 5), INTERVALS, max_size=2),
)
def test_the_next_change_is_the_first_minute_that_differs(
    zone: str,
    week: tuple[tuple[tuple[int, int], ...], ...],
    start: datetime,
    later: int,
    special: dict[int, tuple[tuple[int, int], ...]],
) -> None:
    dates = {(start + timedelta(days=n)).date(): times for n, times in special.items()}
    hours = Hours(ZoneInfo(zone), week, dates)
    now = start + timedelta(minutes=5 * later)
    state = hours.is_open(now)
    found = hours.next_change(now)
    step = now
    for _ in range(12 * 24 * 2):
        step += timedelta(minutes=5)
        if hours.is_open(step) != state:
            assert found == step
            return
    assert found is None or found > step


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[INTERVALS] * 7), st.integers(0, 7 * DAY - 1))
def test_open_means_within_an_interval_of_the_week(week: tuple[tuple[tuple[int, int], ...], ...], minute: int) -> None:
    monday = datetime(2026, 11, 16, tzinfo=UTC)
    spans = [(day * DAY + begin, day * DAY + end) for day in range(7) for begin, end in week[day]]
    spans += [(begin - 7 * DAY, end - 7 * DAY) for begin, end in spans]  # Sunday night reaches into Monday
    expected = any(begin <= minute < end for begin, end in spans)
    assert Hours(ZoneInfo("UTC"), week).is_open(monday + timedelta(minutes=minute)) == expected
