from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.core import booking
from bridge.core.directory import NoticeSpec
from bridge.core.journal import Begin, End, Picked, Rung, StageRun
from bridge.core.model import (
    Attribution,
    AttributionKind,
    Call,
    DecidedBy,
    Measure,
    Outcome,
    Recording,
    RecordingStatus,
    Ring,
    Screening,
    Verdict,
)

ID = "20261122-142701-76210-452748"
T0 = datetime(2026, 11, 22, 14, 27, 1, tzinfo=UTC)


def t(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


CALL = Call(
    id=ID,
    number="+74951110001",
    caller="+79161234567",
    caller_name="Иван",
    started_at=t(0.1),
    attribution=Attribution(AttributionKind.STATIC, "radio", "because"),
    line="office",
)
RING = StageRun(1, "ring", t(2), (("PJSIP/101", 0), ("PJSIP/102", 10)), "ANSWER")
END = End(
    call_id=ID, at=t(30), uniqueid="1.1", channel="PJSIP/trunk-1", number="74951110001", caller="+79161234567", presentation="allowed",
    caller_name="Иван", began=t(0), decided_by="daemon", source="radio", line="office", language="ru", notice="/s/n", notice_began=t(0.5),
    notice_ended=t(2), notice_status="completed", recording="started", extension="wav", connected=t(14), phone="PJSIP/102", trail=(RING,),
    dial_status="ANSWER", cause=16, hung_up_by="caller", screening="", rtcp={"lp": 1.0},
)  # fmt: skip
NOTICE = NoticeSpec("n", "/s/n", 1500, "abc", "ru")


def end(**change: object) -> End:
    return replace(END, **change)  # type: ignore[arg-type]


def test_an_answered_call() -> None:
    call = booking.ended(CALL, END, notice=NOTICE)
    assert call.outcome is Outcome.ANSWERED
    assert call.talk_seconds == 16
    assert call.wait_seconds == 14
    assert call.answered_by == "PJSIP/102"
    assert call.recording.status is RecordingStatus.PENDING
    assert call.notice is not None
    assert (call.notice.sha256, call.notice.completed, call.notice.declined) == ("abc", True, False)
    assert call.rings == (Ring("PJSIP/101", t(2), t(14), "cancel"), Ring("PJSIP/102", t(12), t(14), "answer"))


def unanswered(*runs: StageRun, **change: object) -> End:
    return end(connected=None, phone="", trail=runs, **change)


def ring(status: str) -> StageRun:
    return replace(RING, status=status)


PLAY = StageRun(2, "play", t(20))


@pytest.mark.parametrize(
    ("fact", "outcome"),
    [
        (unanswered(ring("NOANSWER")), Outcome.UNANSWERED),
        (unanswered(ring("BUSY")), Outcome.BUSY),
        (unanswered(ring("CHANUNAVAIL")), Outcome.UNREACHABLE),
        (unanswered(ring("CONGESTION")), Outcome.UNREACHABLE),
        (unanswered(ring("CANCEL")), Outcome.ABANDONED),
        (unanswered(ring("ANSWER")), Outcome.ABANDONED),  # he hung up during the whisper
        (unanswered(ring("")), Outcome.ABANDONED),
        (unanswered(), Outcome.ABANDONED),  # during the notice
        (unanswered(PLAY), Outcome.CLOSED),
        (unanswered(StageRun(1, "hangup", t(1))), Outcome.CLOSED),
        (unanswered(ring("NOANSWER"), PLAY), Outcome.UNANSWERED),
        (unanswered(ring("BUSY"), replace(ring("NOANSWER"), stage=2)), Outcome.UNANSWERED),
        (unanswered(ring("NOANSWER"), StageRun(2, "voicemail", t(20))), Outcome.VOICEMAIL),
        (unanswered(StageRun(1, "voicemail", t(20))), Outcome.VOICEMAIL),
        (END, Outcome.ANSWERED),
    ],
)
def test_outcomes(fact: End, outcome: Outcome) -> None:
    assert booking.outcome_of(fact) is outcome


@pytest.mark.parametrize("runs", [(), (ring("CHANUNAVAIL"),), (ring(""),)], ids=["notice", "ringing", "dialling"])
def test_a_call_that_neither_side_ended_was_cut_by_asterisk(runs: tuple[StageRun, ...]) -> None:
    """As ``core restart now`` leaves it in the journal."""
    fact = unanswered(*runs, cause=None, hung_up_by="")
    assert booking.outcome_of(fact) is Outcome.INTERRUPTED
    assert booking.outcome_of(replace(fact, hung_up_by="caller")) is not Outcome.INTERRUPTED


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({}, RecordingStatus.PENDING, None),
        ({"connected": None}, RecordingStatus.NONE, None),
        ({"recording": "off"}, RecordingStatus.NONE, None),
        ({"recording": ""}, RecordingStatus.NONE, None),
        ({"recording": "declined"}, RecordingStatus.DECLINED, "the caller declined by a key"),
        (
            {"recording": "unnoticed", "notice_status": "missing"},
            RecordingStatus.UNNOTICED,
            "the notice's file could not be played",
        ),
        (
            {"recording": "unnoticed", "notice_status": "cut"},
            RecordingStatus.UNNOTICED,
            "the notice was not heard to its end",
        ),
        ({"recording": "unnoticed", "notice_status": ""}, RecordingStatus.UNNOTICED, "no notice was played"),
        ({"recording": "unnoticed", "connected": None}, RecordingStatus.NONE, None),
    ],
)
def test_what_is_expected_of_the_recording(
    change: dict[str, object], status: RecordingStatus, reason: str | None
) -> None:
    recording = booking.recording_of(end(**change))
    assert (recording.status, recording.reason) == (status, reason)


@pytest.mark.parametrize(
    ("channel", "trunk"),
    [
        ("PJSIP/trunk-0000001a", "PJSIP/trunk"),
        ("PJSIP/mango-out-0000001a", "PJSIP/mango-out"),
        ("Local/5@from-trunk-0000001a;1", "Local/5@from-trunk"),
        ("IAX2/provider-12345", "IAX2/provider"),
        ("DAHDI/i1/+79161234567-5", "DAHDI/i1"),
        ("DAHDI/4-1", "DAHDI/4"),
        ("Console/dsp", "Console/dsp"),
        ("PJSIP/my-trunk", "PJSIP/my-trunk"),
        ("-0000001a", "-0000001a"),
        ("", None),
    ],
)
def test_the_trunk_is_the_channel_without_its_number(channel: str, trunk: str | None) -> None:
    assert booking.trunk_of(channel) == trunk


def test_the_trunk_is_known_from_the_beginning_and_stays() -> None:
    begin = FACTS[0]
    assert isinstance(begin, Begin)
    call = booking.begun(CALL, begin)
    assert call.trunk == "PJSIP/trunk"
    assert booking.begun(call, replace(begin, channel="")).trunk == "PJSIP/trunk"
    assert booking.ended(call, end(channel=""), notice=None).trunk == "PJSIP/trunk"
    assert booking.ended(CALL, END, notice=None).trunk == "PJSIP/trunk"


def test_a_phone_that_joined_late_does_not_know_that_it_won() -> None:
    call = booking.rung(CALL, Rung(ID, t(12), "PJSIP/102", t(30), None, 16))
    call = booking.ended(call, END, notice=None)
    assert call.rings == (
        Ring("PJSIP/101", t(2), t(14), "cancel"),
        Ring("PJSIP/102", t(12), t(14), "answer", exact=True),
    )


@pytest.mark.parametrize(
    ("cause", "result"),
    [
        (17, "busy"),
        (19, "noanswer"),
        (26, "cancel"),
        (127, "cancel"),
        (None, "noanswer"),
        (34, "congestion"),
        (38, "congestion"),
        (1, "chanunavail"),
    ],
)
def test_how_a_phone_ended(cause: int | None, result: str) -> None:
    call = booking.rung(CALL, Rung(ID, t(2), "PJSIP/101", t(3), None, cause))
    assert call.rings == (Ring("PJSIP/101", t(2), t(3), result, exact=True),)


def test_a_phone_rung_twice_is_two_rings() -> None:
    call = booking.rung(CALL, Rung(ID, t(2), "PJSIP/101", t(3), None, 17))
    call = booking.rung(call, Rung(ID, t(9), "PJSIP/101", t(12), None, 17))
    assert [ring.began_at for ring in call.rings] == [t(2), t(9)]


FACTS = (
    Begin(ID, t(0), "1.1", "PJSIP/trunk-1", "74951110001", "+79161234567", "allowed", "Иван"),
    Rung(ID, t(2), "PJSIP/101", t(14), None, 26),
    Rung(ID, t(12), "PJSIP/102", t(30), None, 16),
    Picked(ID, t(14), "PJSIP/102", t(13)),
    END,
)


def apply(call: Call, fact: object) -> Call:
    match fact:
        case Begin():
            return booking.begun(call, fact)
        case Rung():
            return booking.rung(call, fact)
        case Picked():
            return booking.answered(call, fact)
        case End():
            return booking.ended(call, fact, notice=NOTICE)
    raise AssertionError(fact)


def test_facts_in_any_order_and_any_number_make_the_same_record() -> None:
    records = set()
    for order in itertools.permutations(FACTS):
        call = CALL
        for fact in (*order, *order[:2]):
            call = apply(call, fact)
        records.add(repr(call))
    assert len(records) == 1


def test_an_interrupted_call_ends_when_it_was_last_known_to_live() -> None:
    call = booking.interrupted(booking.answered(CALL, FACTS[3]), t(20))  # type: ignore[arg-type]
    assert call.outcome is Outcome.INTERRUPTED
    assert call.talk_seconds == 6
    assert booking.interrupted(call, t(99)) == call
    assert booking.ended(call, END, notice=None).outcome is Outcome.ANSWERED, "the journal knows better"


def test_an_end_from_a_dialplan_that_asked_nobody() -> None:
    call = booking.ended(CALL, end(decided_by="cache", began=None), notice=None)
    assert call.decided_by is DecidedBy.CACHE
    assert call.started_at == CALL.started_at


@pytest.mark.parametrize(
    ("sent", "presentation", "booked"),
    [
        ("89161234567", "allowed", "+79161234567"),
        ("+79161234567", "prohib_not_screened", None),
        ("anonymous", "allowed", None),
        ("", "allowed", None),
        ("12", "allowed", "12"),
    ],
)
def test_the_caller_as_booked(sent: str, presentation: str, booked: str | None) -> None:
    assert booking.caller_of(sent, presentation, "RU") == booked


def test_a_notice_that_was_never_begun_is_no_evidence() -> None:
    fact = unanswered(StageRun(1, "play", t(1)), notice_began=None, notice_ended=None, notice_status="")
    assert booking.ended(CALL, fact, notice=NOTICE).notice is None


# --- screening -------------------------------------------------------------------------------------------------------------

ASKED = Screening(Verdict.SUSPECTED, "7 calls within 10 min, 5 are usual", Measure.CHALLENGE)
BLOCKED = Screening(Verdict.BLOCKED, "on the block list as +7495*", Measure.REJECT)


def challenge(status: str) -> StageRun:
    return StageRun(1, "challenge", t(1), (), status)


@pytest.mark.parametrize(
    ("runs", "outcome", "passed", "spam"),
    [
        ((challenge("passed"), replace(RING, stage=2)), Outcome.ANSWERED, True, False),
        ((challenge("missing"), replace(RING, stage=2)), Outcome.ANSWERED, None, True),
        ((challenge("passed"), replace(RING, stage=2, status="NOANSWER")), Outcome.UNANSWERED, True, False),
        ((challenge("passed"), StageRun(2, "play", t(3))), Outcome.CLOSED, True, False),
        ((challenge("passed"),), Outcome.ABANDONED, True, False),
        ((challenge("failed"),), Outcome.SCREENED, False, True),
        ((challenge("left"),), Outcome.ABANDONED, False, True),
        ((), Outcome.ABANDONED, None, True),
    ],
)
def test_a_challenged_call(runs: tuple[StageRun, ...], outcome: Outcome, passed: bool | None, spam: bool) -> None:
    fact = end(trail=runs) if outcome is Outcome.ANSWERED else unanswered(*runs)
    call = booking.ended(replace(CALL, screening=ASKED, spam=True), replace(fact, screening=ASKED.wire), notice=NOTICE)
    assert (call.outcome, call.spam) == (outcome, spam)
    assert call.screening == replace(ASKED, passed=passed)


@pytest.mark.parametrize(
    ("screening", "outcome"),
    [
        (BLOCKED, Outcome.BLOCKED),
        (replace(ASKED, measure=Measure.BUSY), Outcome.SCREENED),
        (replace(ASKED, measure=Measure.PASS), Outcome.CLOSED),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_call_turned_away(screening: Screening, outcome: Outcome, known: bool) -> None:
    fact = unanswered(StageRun(1, "hangup", t(1)), screening=screening.wire)
    call = booking.ended(replace(CALL, screening=screening if known else None), fact, notice=None)
    assert (call.outcome, call.spam) == (outcome, True)
    assert call.screening is not None
    assert (call.screening.verdict, call.screening.measure) == (screening.verdict, screening.measure)
    assert (call.screening.reason == screening.reason) is known
    assert booking.ended(call, fact, notice=None) == call


def test_an_answer_that_came_too_late_screened_nobody() -> None:
    call = booking.ended(replace(CALL, screening=BLOCKED, spam=True), end(decided_by="cache"), notice=NOTICE)
    assert (call.screening, call.spam) == (None, False)


# --- clocks that are set during a call -----------------------------------------------------------------------------------


def test_a_clock_set_back_during_the_talk_books_no_negative_talk() -> None:
    call = booking.ended(CALL, end(at=t(14 - 3580)), notice=NOTICE)
    assert (call.talk_seconds, call.wait_seconds) == (0, 14)
    assert call.quality["clock_jump"] == -3580
    assert booking.ended(call, end(at=t(14 - 3580)), notice=NOTICE) == call, "told twice, it changes nothing"


def test_a_clock_set_back_while_it_rang_keeps_the_length_of_the_talk() -> None:
    call = booking.ended(CALL, end(connected=t(14 - 3600), at=t(30 - 3600)), notice=NOTICE)
    assert (call.talk_seconds, call.wait_seconds) == (16, 0)
    assert call.quality["clock_jump"] == -3586
    assert all(ring.ended_at is None or ring.ended_at >= ring.began_at for ring in call.rings)


def test_a_clock_set_back_before_an_unanswered_end() -> None:
    call = booking.ended(CALL, unanswered(ring("NOANSWER"), at=t(-3570)), notice=NOTICE)
    assert (call.outcome, call.wait_seconds, call.talk_seconds) == (Outcome.UNANSWERED, 0, None)
    assert call.quality["clock_jump"] == -3570


def test_a_clock_set_forward_books_what_asterisk_saw() -> None:
    call = booking.ended(CALL, end(at=t(30 + 3600)), notice=NOTICE)
    assert call.talk_seconds == 3616
    assert "clock_jump" not in call.quality


def test_a_recording_left_out_because_of_the_disk_stays_so_where_people_talked() -> None:
    off = replace(CALL, recording=Recording(RecordingStatus.OFF_DISK, reason="3% is free"))
    assert booking.ended(off, end(recording="off"), notice=None).recording == off.recording
    assert booking.ended(off, unanswered(recording="off"), notice=None).recording.status is RecordingStatus.NONE
    # the daemon's answer came too late: the cached one recorded
    assert booking.ended(off, END, notice=NOTICE).recording.status is RecordingStatus.PENDING
