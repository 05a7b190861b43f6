"""Who waits to be called back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.desk.callbacks import CALLER, COMPANY, Seen, Standing, settle

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def call(minutes: float, outcome: str = "unanswered", **more: object) -> Seen:
    answered = at(minutes + 0.2) if outcome == "answered" else None
    given = {"answered_at": answered, "ended_at": at(minutes + 1), "outcome": outcome, "spam": False, **more}
    return Seen(f"call-{minutes:g}", at(minutes), **given)  # type: ignore[arg-type]


def test_a_missed_caller_waits() -> None:
    assert settle([call(0)]) == [Standing("call-0", True, None, None)]


def test_the_first_talk_after_it_counts_whoever_began_it() -> None:
    missed, again = call(0), call(30, "answered")
    assert settle([missed, again], [at(50)]) == [Standing("call-0", False, again.answered_at, CALLER)]
    assert settle([missed, again], [at(10)]) == [Standing("call-0", False, at(10), COMPANY)]
    assert settle([missed], [at(-10)]) == [Standing("call-0", True, None, None)]


def test_who_was_turned_away_or_is_still_there_does_not_wait() -> None:
    assert settle([call(0, "blocked"), call(1, "screened"), call(2, spam=True), call(3, ended_at=None)]) == []


def test_the_word_of_a_person_stands() -> None:
    assert settle([call(0, called_back_at=at(5), called_back_by="anna")], [at(60)]) == []


def test_what_turns_out_to_have_been_answered_waits_no_more() -> None:
    assert settle([call(0, "answered", wants_callback=True)]) == [Standing("call-0", False, None, None)]


_CALLS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["unanswered", "answered", "busy", "blocked"])),
    max_size=8,
    unique_by=lambda pair: pair[0],
)


@given(_CALLS, st.lists(st.integers(0, 60), max_size=4))
def test_order_does_not_matter_and_once_settled_nothing_changes(
    told: list[tuple[int, str]], reached: list[int]
) -> None:
    seen = [call(minutes, outcome) for minutes, outcome in told]
    moments = [at(minutes) for minutes in reached]
    changes = settle(seen, moments)
    assert {c.call_id: c for c in changes} == {c.call_id: c for c in settle(seen[::-1], moments[::-1])}
    new = {c.call_id: c for c in changes}
    settled = [
        Seen(
            s.call_id, s.started_at, s.answered_at, s.ended_at, s.outcome, s.spam,
            new[s.call_id].wants_callback, new[s.call_id].called_back_at, new[s.call_id].called_back_by,
        ) if s.call_id in new else s
        for s in seen
    ]  # fmt: skip
    assert settle(settled, moments) == []
    # whoever waits was not talked to since
    for one in settled:
        if one.wants_callback:
            assert not any(m > one.started_at for m in moments)
            assert not any(s.answered_at and s.answered_at > one.started_at for s in settled)
