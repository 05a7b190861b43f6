"""The geometry of charts."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.desk.charts import (
    BOX,
    Lane,
    Series,
    Span,
    bar_chart,
    line_chart,
    path,
    scale,
    spark_path,
    thinned,
    timeline,
)
from bridge.core.desk.heat import heat_map, step

COUNTS = st.lists(st.one_of(st.none(), st.integers(0, 10**6)), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("top", "figures"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (7, [0, 2, 4, 6, 8]),
        (40, [0, 10, 20, 30, 40]),
        (41, [0, 20, 40, 60]),
        (1234, [0, 500, 1000, 1500]),
    ],
)
def test_a_scale_has_few_round_figures(top: float, figures: list[float]) -> None:
    assert scale(top) == figures


def test_a_scale_of_shares_may_have_fractions() -> None:
    assert scale(0.34, whole=False) == [0, 0.1, 0.2, 0.3, 0.4]


@given(st.floats(1e-6, 1e12), st.booleans())
def test_a_scale_reaches_the_top_and_not_far_beyond(top: float, whole: bool) -> None:
    figures = scale(top, whole=whole)
    assert figures[-1] >= top * (1 - 1e-6) or round(figures[-1], 9) == round(top, 9)
    assert 2 <= len(figures) <= 6
    assert all(later > earlier for earlier, later in pairwise(figures))


@given(COUNTS, st.booleans())
def test_bars_stay_in_the_plot_and_are_as_high_as_their_values(values: list[int | None], stacked: bool) -> None:
    names = [str(n) for n in range(len(values))]
    chart = bar_chart(names, [Series("a", values), Series("b", values, "c2")], stacked=stacked)
    top = chart.ticks[-1].value
    assert len(chart.bars) == 2 * sum(1 for value in values if value)
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= 100.02
        assert -0.02 <= bar.y <= bar.y + bar.height <= 100.02
        assert bar.height == pytest.approx(100 * (values[bar.place] or 0) / top, abs=0.01)
    assert chart.empty == (not any(values))


def test_stacked_parts_stand_on_one_another_and_grouped_ones_side_by_side() -> None:
    two = [Series("answered", [6.0]), Series("missed", [2.0], "c2")]
    lower, upper = bar_chart(["a"], two).bars
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert upper.x == lower.x
    left, right = bar_chart(["a"], two, stacked=False).bars
    assert right.x >= left.x + left.width - 0.01
    assert left.y + left.height == right.y + right.height == 100


@given(COUNTS)
def test_a_line_is_broken_where_nothing_is_known(values: list[int | None]) -> None:
    chart = line_chart([""] * len(values), [Series("a", values)])
    points = [None if x is None else x for x in values] if len(values) != 1 else values * 2
    assert len(re.findall("[ML]", chart.paths[0])) == sum(1 for x in points if x is not None)
    pieces = sum(1 for n, x in enumerate(points) if x is not None and (n == 0 or points[n - 1] is None))
    assert chart.paths[0].count("M") == pieces
    for x, y in re.findall(r"[ML](\S+?) ([0-9.]+)", chart.paths[0]):
        assert 0 <= float(x) <= BOX[0]
        assert 0 <= float(y) <= BOX[1]


def test_a_sparkline_has_a_scale_of_its_own() -> None:
    assert spark_path([0, 5, 10]) == "M0 20L50 10L100 0"
    assert spark_path([0, 0]) == "M0 20L100 20"
    assert spark_path([]) == ""
    assert path([None, 1.0], 1.0, BOX) == "M1000 0"


@given(st.lists(st.integers(0, 1000), max_size=400), st.integers(1, 50))
def test_thinning_loses_nothing(values: list[int], most: int) -> None:
    left = thinned(values, most)
    assert len(left) <= most
    assert sum(left) == sum(values)


@pytest.mark.parametrize(("many", "shown", "on_a_phone"), [(1, 1, 1), (7, 7, 4), (30, 10, 4), (53, 9, 3), (365, 10, 4)])
def test_there_is_room_for_every_label(many: int, shown: int, on_a_phone: int) -> None:
    labels = bar_chart([str(n) for n in range(many)], []).labels
    assert len(labels) == shown
    assert sum(label.narrow for label in labels) == on_a_phone


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="for each name"):
        line_chart(["a", "b"], [Series("a", [1.0])])


def test_a_calls_timeline() -> None:
    made = timeline([Lane("101", (Span(0, 5, "rang", "ring"), Span(5, 20, "talked", "talk"), Span(20, 20, "end")))], 20)
    ((title, (ring, talk, end)),) = made.lanes
    assert title == "101"
    assert (ring.x, ring.width, talk.x, talk.width) == (0, 25, 25, 75)
    assert end.width > 0
    assert end.x + end.width <= 100
    assert [tick.text for tick in made.ticks] == ["0", "5", "10", "15", "20"]


@given(st.floats(0, 50000))
def test_a_timeline_has_few_ticks(seconds: float) -> None:
    assert 1 <= len(timeline([], seconds).ticks) <= 8


def test_a_weeks_heat() -> None:
    made = heat_map({(0, 9): 10, (6, 23): 1, (1, 1): 5.5})
    assert [len(row) for row in made.rows] == [24] * 7
    assert made.top == 10
    assert [made.rows[d][h].step for d, h in ((0, 9), (6, 23), (1, 1), (3, 3))] == [9, 1, 5, 0]
    assert heat_map({}).empty


def test_a_share_of_hardly_any_calls_says_nothing() -> None:
    made = heat_map({(0, 9): 1.0, (0, 10): 0.25}, {(0, 9): 1, (0, 10): 20}, least=5)
    assert made.rows[0][9].value is None
    assert (made.top, made.rows[0][10].step, made.rows[0][10].calls) == (0.25, 9, 20)


@given(st.floats(1e-9, 1e6), st.floats(0, 1))
def test_steps_are_ten(top: float, share: float) -> None:
    assert 0 <= step(top * share, top) <= 9
    assert (step(top * share, top) == 0) == (top * share == 0)
