"""Drawing the week's sample, operators beside each other, sound by trunk: pure arithmetic."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.desk.days import Days
from bridge.core.desk.quality import (
    Candidate,
    SoundSums,
    by_hour,
    by_trunk,
    deeds,
    draw,
    edges,
    in_order,
    is_over,
    missed_share,
    monday_of,
    wait_by_hour,
)
from bridge.core.desk.sums import Hour, Operator

WEEK = date(2026, 11, 16)


def some(counts: dict[tuple[str | None, str | None], int]) -> list[Candidate]:
    return [
        Candidate(f"{who}-{source}-{n}", who, source) for (who, source), count in counts.items() for n in range(count)
    ]


def by(drawn: list[str], place: int) -> Counter[str]:
    return Counter(call_id.split("-")[place] for call_id in drawn)


def test_everybody_has_his_share() -> None:
    counts = {(who, source): 60 * (1 + (who == "a")) for who in "abc" for source in ("x", "y")}
    drawn = draw(WEEK, some(counts), 20)
    assert by(drawn, 0) == {"a": 10, "b": 5, "c": 5}
    assert by(drawn, 1) == {"x": 10, "y": 10}


def test_everybody_has_one_at_least_and_the_rest_is_fair() -> None:
    """One operator and one source have nearly all calls; more strata than places."""
    counts = {("a", "x"): 5000, **{(who, f"s{n}"): 1 for who in "bcde" for n in range(6)}}
    drawn = draw(WEEK, some(counts), 20)
    assert set(by(drawn, 0)) == set("abcde")
    assert set(by(drawn, 1)) == {"x", *(f"s{n}" for n in range(6))}
    assert by(drawn, 0)["a"] == 20 - 6
    assert len(set(drawn[:6])) == 6
    assert set(by(drawn[:5], 0)) == set("abcde")


def test_fewer_places_than_operators() -> None:
    drawn = draw(WEEK, some({(who, "x"): 10 + n for n, who in enumerate("abcdefgh")}), 3)
    assert by(drawn, 0) == {"h": 1, "g": 1, "f": 1}


def test_it_is_the_same_again_and_another_in_another_week() -> None:
    candidates = some({("a", "x"): 200, ("b", None): 100})
    first = draw(WEEK, candidates, 20)
    random.Random(3).shuffle(candidates)
    assert draw(WEEK, candidates, 20) == first
    assert set(draw(WEEK + timedelta(days=7), candidates, 20)) != set(first)


def test_further_calls_take_the_place_of_few() -> None:
    """The running week: what is drawn today is mostly drawn tomorrow, too."""
    candidates = some({("a", "x"): 100, ("b", "y"): 100})
    before = set(draw(WEEK, candidates, 20))
    after = set(draw(WEEK, [*candidates, Candidate("a-x-further", "a", "x")], 20))
    assert len(before - after) <= 1


@given(
    st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y", "z"])), st.integers(1, 30)),
    st.integers(0, 40),
)
def test_whatever_comes(counts: dict[tuple[str | None, str | None], int], size: int) -> None:
    candidates = some(counts)
    drawn = draw(WEEK, candidates, size)
    assert len(drawn) == len(set(drawn)) == min(size, len(candidates))
    assert set(drawn) <= {one.call_id for one in candidates}
    operators, sources = {who for who, _ in counts}, {source for _, source in counts}
    if size >= len(operators) + len(sources):
        assert set(by(drawn, 0)) == operators
        assert set(by(drawn, 1)) == sources
    seen = draw(WEEK, candidates, size + 1)
    assert seen[0:1] == drawn[0:1] or size == 0


def test_weeks() -> None:
    assert monday_of(date(2026, 11, 22)) == monday_of(WEEK) == WEEK
    end = datetime(2026, 11, 23, tzinfo=UTC)
    assert not is_over(end, end + timedelta(minutes=59))
    assert is_over(end, end + timedelta(hours=1))


def operator(phone: str | None, calls: int, week: date = WEEK, **changed: object) -> Operator:
    given = {
        "period": Days("", week, week + timedelta(days=7)), "line": "sales", "answered_by": phone, "calls": calls, "target": calls // 2,
        "talk_ms": calls * 60_000, "wait_ms": calls * 9_000, "waits": (calls, 0, 0, 0, 0, 0), "score": None, "scored": 0, "mos": None,
        "measured": 0,
    }  # fmt: skip
    return Operator(**{**given, **changed})


def test_an_operator_over_his_lines_and_everybody() -> None:
    found = [
        operator("PJSIP/101", 30, score=0.5, scored=2, mos=4.0, measured=30, waits=(10, 5, 5, 4, 3, 3)),
        operator("PJSIP/101", 10, line="service", score=1.0, scored=6, mos=3.0, measured=10, wait_ms=10 * 29_000),
        operator("PJSIP/102", 4),
    ]
    weekly = [
        operator("PJSIP/101", 9, WEEK, score=1.0, scored=1),
        operator("PJSIP/101", 9, WEEK - timedelta(days=7), score=0.25, scored=3),
        operator("PJSIP/101", 9, WEEK - timedelta(days=7), line="service", score=0.75, scored=1),
        operator("PJSIP/101", 9, WEEK - timedelta(days=14)),
    ]
    (first, second), everybody = deeds(found, weekly)
    assert (first.calls, first.fast, first.fast_share) == (40, 30, 0.75)
    assert (first.wait, first.talk) == (14.0, 60.0)
    assert (first.score, first.scored) == (0.875, 8)
    assert (first.mos, first.measured) == (3.75, 40)
    assert first.scores == (0.375, 1.0)
    assert (second.score, second.mos, second.scores) == (None, None, ())
    assert (everybody.calls, everybody.score, everybody.scores) == (44, 0.875, (0.375, 1.0))
    nobody, nothing = deeds([])
    assert (nobody, nothing.fast_share, nothing.wait, nothing.target_share) == ([], None, None, None)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("calls", ["PJSIP/9", "PJSIP/101", None]),
        ("-calls", [None, "PJSIP/101", "PJSIP/9"]),
        ("name", ["PJSIP/9", "PJSIP/101", None]),
        ("-name", [None, "PJSIP/101", "PJSIP/9"]),
        ("wait", [None, "PJSIP/9", "PJSIP/101"]),
        ("-wait", ["PJSIP/101", "PJSIP/9", None]),
        ("score", ["PJSIP/101", "PJSIP/9", None]),
        ("-score", ["PJSIP/9", "PJSIP/101", None]),  # without a figure: last, either way
        ("mos", ["PJSIP/9", "PJSIP/101", None]),
    ],
)
def test_orders(sort: str, order: list[str | None]) -> None:
    found = [
        operator(None, 2, wait_ms=2),
        operator("PJSIP/101", 5, wait_ms=100_000, score=0.9, scored=1),
        operator("PJSIP/9", 8, wait_ms=80_000, score=0.2, scored=1),
    ]
    assert [one.phone for one in in_order(deeds(found)[0], sort)] == order


def test_speed_by_the_hour() -> None:
    week = [[Hour() for _ in range(24)] for _ in range(7)]
    week[0][9] = Hour(calls=10, answered=8, missed=2, wait_ms=80_000)
    week[4][9] = Hour(calls=3, answered=2, missed=0, wait_ms=40_000)  # one is under way
    week[6][3] = Hour(calls=1, answered=0, missed=1)
    waits = wait_by_hour(week)
    assert waits[9] == 12.0
    assert [hour for hour, wait in enumerate(waits) if wait is not None] == [9]
    shares, counts = missed_share(week)
    assert shares == {(0, 9): 0.2, (4, 9): 0.0, (6, 3): 1.0}
    assert (counts[0, 9], counts[4, 9], counts[1, 1]) == (10, 2, 0)
    assert edges() == [(0, 5), (5, 10), (10, 20), (20, 30), (30, 60), (60, None)]


def test_sound_the_worst_first() -> None:
    sums = [
        SoundSums("PJSIP/a", 9, 10, 42.0, 1, 1000, 0.05, 10),
        SoundSums("PJSIP/a", 18, 2, 6.0, 0, 0, 0, 0),
        SoundSums(None, 9, 5, 17.5, 50, 1000, 0.2, 4),
    ]
    unknown, a = by_trunk(sums)
    assert (unknown.trunk, unknown.mos, unknown.loss, unknown.jitter) == (None, 3.5, 0.05, 0.05)
    assert (a.trunk, a.measured, a.mos, a.loss, a.hour) == ("PJSIP/a", 12, 4.0, 0.001, None)
    assert [(one.trunk, one.hour) for one in by_hour(sums)] == [("PJSIP/a", 18), (None, 9), ("PJSIP/a", 9)]
    assert by_hour(sums)[0].loss is None
    assert [one.hour for one in by_hour(sums, least=5)] == [9, 9]
