"""A filter of calls as a pure value: its URL there and back, and what cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.desk.access import Role, who_of
from bridge.core.desk.query import NAMES, CallQuery, pairs_of, read_query
from bridge.core.desk.saying import read_comment, read_tags, read_value
from bridge.core.model import Attribution, AttributionKind, Call


def a_call(line: str | None) -> Call:
    begun = datetime(2026, 11, 22, tzinfo=UTC)
    return Call(
        "20261122-120000-1-000001",
        "+74951234567",
        None,
        None,
        begun,
        Attribution(AttributionKind.UNKNOWN, None, ""),
        line,
    )


TODAY = date(2026, 11, 22)
VALUES = st.one_of(
    st.sampled_from(
        [
            "-",
            "yes",
            "no",
            "avito",
            "open",
            "answered",
            "visit",
            "waiting",
            "kept",
            "30d",
            "2026-11-01",
            "0.5",
            "60",
            "*4567",
        ]
    ),
    st.sampled_from(["+79161112233", "8 916 111 22 33", "@20261120-120100-1-000001", "", " ", "%", "'; --"]),
    st.text(max_size=30),
)
PAIRS = st.lists(st.tuples(st.sampled_from([*sorted(NAMES), "nonsense"]), VALUES), max_size=6)


@settings(max_examples=400, deadline=None)
@given(PAIRS)
def test_a_query_is_read_or_refused_in_words_and_written_as_it_is_read(pairs: list[tuple[str, str]]) -> None:
    try:
        query = read_query(pairs, TODAY, "RU")
    except ValueError:
        return
    assert read_query(query.pairs(), TODAY, "RU") == query
    assert all(name in NAMES and value for name, value in query.pairs())


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.sampled_from(["source=avito", "source=avito&spam=no&period=30d", "line=sales&class=-"]))
def test_no_parameter_lifts_the_bounds_of_whoever_asks(pairs: list[tuple[str, str]], scope: str) -> None:
    operator = who_of("o", Role.OPERATOR, "sales")
    guest = who_of("link:x", Role.GUEST, None, scope=scope)
    try:
        query = read_query(pairs, TODAY, "RU")
        assert query.narrowed(operator, TODAY, "RU").within == CallQuery(lines=("sales",))
        assert query.narrowed(guest, TODAY, "RU").within == read_query(pairs_of(scope), TODAY, "RU")
    except ValueError:
        return


def test_an_operator_without_a_line_is_bound_to_none() -> None:
    bounds = CallQuery().narrowed(who_of("o", Role.OPERATOR, None), TODAY, "RU").within
    assert bounds == CallQuery(lines=("",))  # no line has this name
    assert not who_of("o", Role.OPERATOR, None).sees(a_call(line=None))


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("colour=red", "no filter “colour”"),
        ("outcome=great", "outcome: “great” is none of answered, "),
        ("kind=x", "is none of static, "),
        ("number=abc", "is not a telephone number"),
        ("caller=abc", "is not a telephone number"),
        ("caller=123", "at least the last 4 digits"),
        ("caller=@../../etc", "is not the id of a call"),
        ("talk_min=-1", "is not a number of seconds"),
        ("talk_min=1e3", "is not a number of seconds"),
        ("talk_min=٣", "is not a number of seconds"),
        ("talk_min=60&talk_max=30", "talk_min is above talk_max"),
        ("confidence_min=1.5", "is not a share"),
        ("first=maybe", "is none of yes, no"),
        ("first=yes&first=no", "given once only"),
        ("period=ever", "is not a period"),
        ("from=2026-11-22&to=2026-11-01", "ends before it begins"),
        ("source=a%00b", "characters that nobody types"),
        ("q=" + "x" * 500, "too long"),
        ("&".join(f"tag={n}" for n in range(70)), "60 times at the most"),
    ],
)
def test_what_cannot_be_is_refused_in_words(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        read_query(pairs_of(written), TODAY, "RU")


@pytest.mark.parametrize(
    "written", ["+7 916 111-22-33", "8 (916) 111-22-33", "89161112233", "7 916 1112233", "+79161112233"]
)
def test_a_caller_in_any_usual_writing_is_the_same(written: str) -> None:
    assert read_query([("caller", written)], TODAY, "RU").callers == ("+79161112233",)


@pytest.mark.parametrize(
    ("written", "digits"), [("2233", "2233"), ("*22-33", "2233"), ("22 33", "2233"), ("112233", "112233")]
)
def test_few_digits_are_the_end_of_a_number(written: str, digits: str) -> None:
    assert read_query([("caller", written)], TODAY, "RU").endings == (digits,)


def test_the_end_of_a_number_is_not_for_those_who_see_it_masked() -> None:
    query = read_query([("caller", "2233")], TODAY, "RU")
    assert query.narrowed(who_of("a", Role.ADMIN, None), TODAY, "RU").endings == ("2233",)
    with pytest.raises(ValueError, match="only in part"):
        query.narrowed(who_of("m", Role.MARKETER, None), TODAY, "RU")


@pytest.mark.parametrize(
    ("typed", "hundredths"),
    [("", None), ("12500", 1250000), ("12 500,50", 1250050), ("12500.5", 1250050), ("1\u00a0000", 100000), ("0", 0)],
)
def test_amounts_as_people_write_them(typed: str, hundredths: int | None) -> None:
    assert read_value(typed) == hundredths


@pytest.mark.parametrize("typed", ["abc", "-5", "1.234", "1e9", "9" * 12, "١٢"])
def test_what_is_no_amount(typed: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        read_value(typed)


def test_tags_and_comments_as_people_type_them() -> None:
    assert read_tags(["#vip,  Повторный   заказ ,VIP,"]) == ("vip", "Повторный заказ")
    assert read_comment(" a\r\nb\u202e\x00 \n\n") == "a\nb"
    with pytest.raises(ValueError, match="4000"):
        read_comment("x" * 4001)
