"""What the page Sources is asked by its URL, and the arithmetic of its answer."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.desk.period import Span, named_span
from bridge.core.desk.query import read_query
from bridge.core.desk.sources import (
    FIGURES,
    SHOWN,
    SORTS,
    Bounds,
    Branch,
    Counted,
    added,
    bounds_of,
    calls_pairs,
    in_order,
    read_path,
    read_question,
    share,
    step_of,
    write_path,
)
from bridge.core.model import Outcome
from bridge.core.report import Step, Tally

TODAY = date(2026, 11, 22)
COUNTED = Counted(["target"], ["target", "other"], [Outcome.BUSY.value])
PARTS = st.one_of(st.none(), st.text(min_size=1, max_size=12))


@given(st.lists(PARTS, min_size=1, max_size=3).map(tuple))
def test_a_path_is_read_as_it_was_written(path: tuple[str | None, ...]) -> None:
    assert read_path(write_path(path)) == path


@pytest.mark.parametrize("text", ["", "a//b", "a/b/c/d", "/", "a/"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a row"):
        read_path(text)


def test_a_question_is_read_as_it_was_written() -> None:
    pairs = [
        ("period", "7d"), ("source", "avito"), ("source", "-"), ("open", "avito"), ("open", "avito/-"), ("sort", "target"),
        ("show", "value"), ("heat", "missed"), ("most", "120"),
    ]  # fmt: skip
    question = read_question(pairs, TODAY)
    assert question.sources == ("avito", None)
    assert question.open == (("avito",), ("avito", None))
    assert question.pairs() == pairs
    assert read_question([], TODAY).pairs() == [("period", "30d")]


def test_a_row_that_closes_takes_those_below_it_along() -> None:
    question = read_question([("open", "a"), ("open", "a/b"), ("open", "c")], TODAY)
    assert question.toggled(("a",)) == (("c",),)
    assert question.toggled(("d",)) == (*question.open, ("d",))


@pytest.mark.parametrize(
    "pair",
    [
        ("colour", "red"), ("sort", "length"), ("show", "sure"), ("heat", "cold"), ("most", "0"), ("most", "501"), ("most", "x"),
        ("period", "soon"), ("from", "22.11.2026"), ("open", "a//b"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_words(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\w+ .+ \w+"):
        read_question([pair], TODAY)


def test_a_guest_stays_within_his_sources_and_days() -> None:
    bounds = bounds_of("source=avito&source=2gis&from=2026-11-01&to=2026-11-10", TODAY, "RU")
    assert bounds == Bounds(("avito", "2gis"), Span(date(2026, 11, 1), date(2026, 11, 10)))
    question = read_question([("period", "30d")], TODAY, bounds)
    assert question.sources == ("avito", "2gis")
    assert question.span == Span(date(2026, 11, 1), date(2026, 11, 10))
    assert question.before is None
    assert read_question([("source", "2gis")], TODAY, bounds).sources == ("2gis",)
    last_days = read_question([("from", "2026-11-08"), ("to", "2026-11-30")], TODAY, bounds)
    assert last_days.span == Span(date(2026, 11, 8), date(2026, 11, 10))
    assert last_days.before == Span(date(2026, 11, 5), date(2026, 11, 7))
    for other in ("yandex-direct", "-"):
        with pytest.raises(ValueError, match="do not see"):
            read_question([("source", other)], TODAY, bounds)


@pytest.mark.parametrize("scope", ["tag=vip", "source=avito&class=target", "nonsense=1", "q=hello"])
def test_there_are_no_sums_of_other_scopes(scope: str) -> None:
    assert bounds_of(scope, TODAY, "RU") is None


def test_an_empty_scope_is_everything() -> None:
    assert bounds_of("", TODAY, "RU") == Bounds()


@pytest.mark.parametrize(
    ("period", "step"),
    [("today", Step.DAY), ("90d", Step.DAY), ("93d", Step.WEEK), ("365d", Step.WEEK), ("500d", Step.MONTH)],
)
def test_a_chart_has_as_many_points_as_one_can_read(period: str, step: Step) -> None:
    assert step_of(named_span(period, TODAY)) is step


def test_of_few_calls_a_share_is_wide() -> None:
    few, many = share(3, 9), share(300, 900)
    assert few is not None
    assert many is not None
    assert (few.wide, many.wide) == (True, False)
    assert few.low < few.value < few.high
    assert share(0, 0) is None


@pytest.mark.parametrize("sort", SORTS)
def test_rows_stand_in_the_order_that_is_asked(sort: str) -> None:
    tallies = [
        Tally(calls=5, target=1, unique=2),
        Tally(calls=50, unique=40, value=7),
        Tally(),
        Tally(calls=5, target=5, sure=5, expected=6.0),
    ]
    names = ["b", None, "c", "A"]
    rows = [Branch((name,), 0, tally, Tally(calls=3)) for name, tally in zip(names, tallies, strict=True)]
    found = in_order(rows, sort)
    if sort == "name":
        assert [row.path[0] for row in found] == ["A", "b", "c", None]
    else:
        values = [row.change if sort == "change" else FIGURES[sort](row.tally) for row in found]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=True)
        assert values[: len(known)] == known


def test_several_groups_are_added_up() -> None:
    both = added(
        [Tally(calls=2, answered=1, missed=1, expected=0.5, value=3), Tally(calls=3, answered=3, expected=1.25)]
    )
    assert (both.calls, both.answered, both.missed, both.expected, both.value) == (5, 4, 1, 1.75, 3)
    assert both.answer_rate == 0.8


@pytest.mark.parametrize("figure", [*SHOWN, "answered", "sure"])
def test_the_list_of_calls_knows_the_filter_of_every_figure(figure: str) -> None:
    pairs = calls_pairs(named_span("7d", TODAY), [("avito", None, "окна", "/")], figure, COUNTED)
    query = read_query(pairs, TODAY, "RU")
    assert (query.sources, query.campaigns, query.keywords, query.landings) == (("avito",), (None,), ("окна",), ("/",))
    assert query.spam is False
    assert query.classes == (("target",) if figure.startswith("target") else ("target", "other", None))
    assert query.span == named_span("7d", TODAY)
