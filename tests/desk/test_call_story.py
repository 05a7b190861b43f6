"""What the page of a call works out by itself: silences, the picture of its way, how good it sounded, whose number is hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from call_samples import BEGAN, CALLER, a_call
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.desk.story import grade, mos_of, quality_of, way_of, without_caller
from bridge.core.desk.waveform import FULL, MOST_POINTS, POINTS_PER_SECOND, find_silences, waveform
from bridge.core.model import Ring

SECOND = POINTS_PER_SECOND


def test_a_silence_is_where_both_sides_are_silent() -> None:
    caller = [300] * 2 * SECOND + [0] * 4 * SECOND + [300] * 2 * SECOND
    company = [0] * 4 * SECOND + [300] * 4 * SECOND
    assert find_silences([caller, company], 8.0) == ((2.25, 3.75),)
    assert find_silences([caller], 8.0) == ((2.25, 5.75),)
    assert find_silences([], 8.0) == ()
    assert find_silences([[], []], 0.0) == ()


@pytest.mark.parametrize(("noise", "found"), [(0, 1), (5, 1), (6, 1), (15, 1), (20, 0), (100, 0)])
def test_a_line_that_hums_is_silent_within_reason(noise: int, found: int) -> None:
    points = [300] * 3 * SECOND + [noise] * 3 * SECOND + [300] * 3 * SECOND
    assert len(find_silences([points], 9.0)) == found


def test_a_breath_is_no_silence() -> None:
    points = [300] * SECOND + [0] * (SECOND + 2) + [300] * SECOND
    assert find_silences([points], 3.1) == ()


@given(st.lists(st.integers(0, FULL), max_size=400), st.floats(0, 30))
def test_silences_lie_within_the_recording_in_order(points: list[int], duration: float) -> None:
    ends = [0.0]
    for first, last in find_silences([points, points], duration):
        assert ends[-1] <= first < last <= duration
        ends.append(last)


def test_a_long_recording_is_drawn_coarser_and_keeps_its_peaks() -> None:
    points = [1] * (3600 * SECOND)
    points[31_001] = FULL
    found = waveform([points, points], 3600.0)
    assert len(found.channels[0]) <= MOST_POINTS
    assert max(found.channels[0]) == FULL
    assert len(found.channels[0]) / found.rate == pytest.approx(3600, abs=1)


def test_the_picture_shows_who_rang_when_however_long_they_talked() -> None:
    call = a_call(1, ended_at=BEGAN + timedelta(hours=1))
    way = way_of(call)
    assert [step.kind for step in way] == ["notice", "ring", "ring", "talk"]
    assert [step.phone for step in way] == ["", "PJSIP/101", "PJSIP/102", "PJSIP/102"]
    assert way[1].width > 0.3
    assert way[3].cut
    assert all(0 <= step.left <= 1 and step.left + step.width <= 1.0001 for step in way)


@given(
    st.lists(st.tuples(st.integers(-100, 5000), st.one_of(st.none(), st.integers(-100, 5000))), max_size=60),
    st.integers(0, 4000),
    st.one_of(st.none(), st.integers(0, 4000)),
)
def test_no_step_leaves_the_picture(rings: list[tuple[int, int | None]], total: int, answered: int | None) -> None:
    begin = a_call(1).started_at

    def at(seconds: int | None) -> object:
        return None if seconds is None else begin + timedelta(seconds=seconds)

    call = replace(
        a_call(1),
        rings=tuple(Ring("PJSIP/101", at(first), at(last)) for first, last in rings),  # type: ignore[arg-type]
        ended_at=at(total),  # type: ignore[arg-type]
        answered_at=at(answered if answered is not None and answered <= total else None),  # type: ignore[arg-type]
    )
    for step in way_of(call):
        assert 0 <= step.begin <= total
        assert step.length >= 0
        assert 0 <= step.left <= 1
        assert 0 <= step.width <= 1.0001 - step.left


def test_a_call_under_way_has_no_picture_yet() -> None:
    assert way_of(a_call(1, ended_at=None)) == ()


def test_quality_in_words() -> None:
    found = quality_of({"lp": 30, "rxcount": 2970, "rxjitter": 0.02, "rxmes": 90, "rtt": 0.2, "rlp": 5})
    assert found.caller.loss == pytest.approx(0.01)
    assert found.company.loss is None
    assert found.company.lost == 5
    assert [grade("loss", found.caller.loss or 0), grade("jitter", 0.04), grade("rtt", 0.6)] == ["good", "fair", "bad"]
    assert not quality_of({})
    assert not quality_of({"rxcount": 10})


@given(st.floats(-1e6, 1e6))
def test_mos_is_one_to_four_and_a_half(mes: float) -> None:
    assert 1.0 <= mos_of(mes) <= 4.5


def test_mos_of_a_good_line() -> None:
    assert mos_of(93.2) == pytest.approx(4.41, abs=0.01)
    assert grade("mos", mos_of(93.2)) == "good"


@pytest.mark.parametrize(
    "written",
    [
        "+79161234567", "89161234567", "8 916 123-45-67", "+7 (916) 123-45-67", "9161234567", "tel:+79161234567", "x=%2B79161234567&y",
        "8.916.123.45.67", "916–123–45–67",
    ],
)  # fmt: skip
def test_the_callers_number_is_hidden_however_it_is_written(written: str) -> None:
    found = without_caller(f"call {written} now", CALLER)
    assert "123" not in found
    assert "4567" not in found
    assert "•••••67" in found


def test_other_numbers_stay() -> None:
    text = "shown +74951000101 at 14:03 on 2026-11-20; 0.931"
    assert without_caller(text, CALLER) == text
    assert without_caller(text, None) == text
    assert without_caller("from 102", "102") == "from •••"
