from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.directory import Directory, GoHangup, Line
from bridge.core.model import Measure, Screening, Verdict
from bridge.core.plan import ChallengeStage, HangupStage, Leg, RingStage, VoicemailStage
from bridge.core.routing import decide
from bridge.core.screening import Challenge, NumberList, Rate, RecentCalls, Rules, is_spam, screen, told_by_asterisk

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CALLER = "+74951234567"
RULES = Rules(
    allow=NumberList({"+74951239999": ""}, {"+7812": ""}),
    block=NumberList({"+74951230000": "robot"}, {"+7495123": "", "+749512355": "a call centre", "+78129": ""}),
    rate=Rate(3, 600),
    challenge=Challenge("/s/press", "5"),
    mailbox="100@default",
)


def ago(*seconds: float) -> list[datetime]:
    return [NOON - timedelta(seconds=s) for s in seconds]


@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        ("+74951230000", "on the block list as +74951230000: robot"),
        ("+74951235512", "on the block list as +749512355*: a call centre"),
        ("+74951234567", "on the block list as +7495123*"),
    ],
)
def test_the_block_list_takes_the_entry_that_fits_best(caller: str, reason: str) -> None:
    assert screen(caller, [], RULES, NOON) == Screening(Verdict.BLOCKED, reason, Measure.REJECT)


@pytest.mark.parametrize("caller", ["+74951239999", "+78129000000", "+79161112233"])
def test_whom_the_owner_allows_is_never_screened_nor_is_a_stranger(caller: str) -> None:
    assert screen(caller, [], RULES, NOON) is None


def test_too_many_calls_are_suspicious_and_only_those_of_late_count() -> None:
    stranger = "+79161112233"
    assert screen(stranger, ago(0, 10, 20), RULES, NOON) is None
    assert screen(stranger, ago(0, 10, 20, 600), RULES, NOON) is None
    found = screen(stranger, ago(0, 10, 20, 599), RULES, NOON)
    assert found == Screening(Verdict.SUSPECTED, "4 calls within 10 min, 3 are usual", Measure.CHALLENGE)
    assert screen("+74951239999", ago(*range(100)), RULES, NOON) is None


def test_a_withheld_number_is_suspicious_only_if_the_owner_says_so() -> None:
    assert screen(None, [], RULES, NOON) is None
    found = screen(None, [], replace(RULES, suspect_withheld=True), NOON)
    assert found is not None
    assert (found.verdict, found.reason) == (Verdict.SUSPECTED, "the caller's number is withheld")


@given(st.text(max_size=40) | st.none(), st.lists(st.datetimes(timezones=st.just(UTC)), max_size=10))
def test_nothing_a_caller_sends_makes_it_fail(caller: str | None, recent: list[datetime]) -> None:
    assert screen(caller, recent, None, NOON) is None
    screen(caller, recent, RULES, NOON)


def test_recent_calls_are_bounded_and_count_a_call_once() -> None:
    recent = RecentCalls(most_callers=2, most_calls=3)
    assert recent.note(None, "0", NOON) == ()
    for n in range(5):
        times = recent.note("a", str(n), NOON + timedelta(seconds=n))
        assert recent.note("a", str(n), NOON + timedelta(hours=1)) == times
    assert len(times) == 3
    recent.note("b", "6", NOON)
    recent.note("a", "7", NOON)
    recent.note("c", "8", NOON)  # b, silent longest, is forgotten
    assert len(recent.note("a", "9", NOON)) == 3
    assert len(recent.note("b", "10", NOON)) == 1


BOOK = Directory(
    fallback="office",
    lines={
        "office": Line("office", "Office", (Leg("PJSIP/1"),), 30, when_busy=GoHangup(17), when_unanswered=GoHangup(16))
    },
    screening=RULES,
)


@pytest.mark.parametrize(
    ("measure", "stages"),
    [
        (Measure.REJECT, (HangupStage(21),)),
        (Measure.BUSY, (HangupStage(17),)),
        (Measure.VOICEMAIL, (VoicemailStage("100@default"),)),
        (
            Measure.CHALLENGE,
            (
                ChallengeStage("/s/press", "5", 2),
                RingStage((Leg("PJSIP/1"),), 30, 3, 4),
                HangupStage(17),
                HangupStage(16),
            ),
        ),
        (Measure.PASS, (RingStage((Leg("PJSIP/1"),), 30, 2, 3), HangupStage(17), HangupStage(16))),
    ],
)
def test_a_measure_changes_the_answer_and_never_the_cache(measure: Measure, stages: tuple[object, ...]) -> None:
    free = decide(BOOK, "74950000000", NOON)
    found = decide(BOOK, "74950000000", NOON, "t", Screening(Verdict.SUSPECTED, "x", measure))
    assert found.answer.stages == stages
    assert found.answer.screening == f"suspected-{measure}"
    assert found.answer.encode()
    assert found.cache == free.cache


@pytest.mark.parametrize("measure", [Measure.VOICEMAIL, Measure.CHALLENGE])
def test_a_measure_that_lacks_what_it_needs_lets_through(measure: Measure) -> None:
    book = replace(BOOK, screening=Rules())
    found = decide(book, "74950000000", NOON, "", Screening(Verdict.SUSPECTED, "x", measure))
    assert isinstance(found.answer.stages[0], RingStage)


def test_what_asterisk_wrote_down_stands_even_if_the_daemon_forgot() -> None:
    known = Screening(Verdict.SUSPECTED, "because", Measure.CHALLENGE)
    assert told_by_asterisk("suspected-challenge", known) is known
    late = told_by_asterisk("blocked-reject", None)
    assert late is not None
    assert (late.verdict, late.measure) == (Verdict.BLOCKED, Measure.REJECT)
    assert told_by_asterisk("nonsense", known) is known


def test_spam_is_what_did_not_show_to_be_a_persons_call() -> None:
    asked = Screening(Verdict.SUSPECTED, "", Measure.CHALLENGE)
    assert [is_spam(x) for x in (None, asked, replace(asked, passed=False), replace(asked, passed=True))] == [
        False,
        True,
        True,
        False,
    ]
