from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.retention import DiskState, Kept, Retention, disk_state, to_delete

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def kept(days: int, source: str | None = "radio", size: int = 10) -> Kept:
    return Kept(f"call-{days}", source, NOW - days * DAY, size)


def gone(found: list[Kept], retention: Retention, total: int = 0) -> list[tuple[str, str]]:
    oldest_first = sorted(found, key=lambda one: one.started_at)
    return [(one.call_id, reason) for one, reason in to_delete(oldest_first, retention, NOW, total)]


def test_nothing_goes_without_a_rule() -> None:
    assert gone([kept(9000)], Retention(), 10**15) == []


def test_by_age_per_source() -> None:
    rules = Retention(365 * DAY, {"radio": 90 * DAY, "tv": timedelta.max})
    calls = [kept(91), kept(90), kept(400, "direct"), kept(365, None), kept(366, None), kept(5000, "tv")]
    assert gone(calls, rules) == [
        ("call-400", "older than 365 days"),
        ("call-366", "older than 365 days"),
        ("call-91", "older than 90 days"),
    ]


def test_by_budget_the_oldest_go_first_and_no_more_than_must() -> None:
    calls = [kept(3), kept(2), kept(1)]
    assert [one for one, _ in gone(calls, Retention(budget=15), total=30)] == ["call-3", "call-2"]
    assert gone(calls, Retention(budget=30), total=30) == []
    # what is on hold counts and cannot go: everything else does
    assert len(gone(calls, Retention(budget=15), total=1000)) == 3


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100))),
    st.integers(0, 3000),
    st.integers(1, 500),
)
def test_after_it_the_rules_hold(calls: list[tuple[int, int]], budget: int, days: int) -> None:
    found = [Kept(str(n), None, NOW - age * DAY, size) for n, (age, size) in enumerate(calls)]
    total = sum(one.size for one in found)
    rules = Retention(days * DAY, budget=budget)
    chosen = {call_id for call_id, _ in gone(found, rules, total)}
    left = [one for one in found if one.call_id not in chosen]
    assert all(NOW - one.started_at <= days * DAY for one in left)
    assert sum(one.size for one in left) <= budget


def test_the_disk_state_does_not_flutter() -> None:
    state, seen = DiskState.OK, []
    for percent in (50, 10.1, 9.9, 10.5, 11.9, 12.1, 6, 4.9, 5.1, 5.9, 6.1, 11, 12.5):
        state = disk_state(state, percent / 100, 0.05, 0.10)
        seen.append(state.value)
    assert seen == [
        *("ok", "ok", "alarm", "alarm", "alarm", "ok"),
        *("alarm", "stop", "stop", "stop", "alarm", "alarm", "ok"),
    ]
