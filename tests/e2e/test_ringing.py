"""Which phones ring when, and what becomes of a call that nobody takes. Times are those of SIPp's own trace."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from house import booked, heard_tone, near, number, place, ring_of, until
from lab.sipp import CallerCall, Leg, Phone
from lab.world import Lab

from bridge.core.model import Call, Outcome, RecordingStatus

ANNOUNCEMENT_HZ = 700


@dataclass(frozen=True)
class Story:
    """One call: what the caller, each phone of the line and the books say of it."""

    caller: Leg
    phones: dict[str, Phone]
    record: Call

    def leg(self, phone: str) -> Leg:
        legs = self.phones[phone].legs
        assert len(legs) == 1, f"{phone} was invited {len(legs)} times"
        return legs[0]


class Stage:
    """Sets phones and calls going, and tells the stories when all calls are over."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._going: dict[str, tuple[CallerCall, dict[str, Phone], int]] = {}

    def call(
        self, story: str, phones: dict[str, dict[str, object]], *, to: str | None = None, rings: int = 0, **how: object
    ) -> None:
        started = {name: self._lab.phone(name, **manner) for name, manner in phones.items()}
        call = place(self._lab, to or story, **{"hang_up_after": None, **how})
        self._going[story] = (call, started, rings)

    def stories(self) -> dict[str, Story]:
        for call, _, _ in self._going.values():
            call.wait()
        told = {
            name: Story(call.leg, phones, booked(self._lab, call, rings=rings))
            for name, (call, phones, rings) in self._going.items()
        }
        self._lab.stop_calls()
        self._lab.wait_idle()
        return told


TAKES = {"answer_after": 0.5, "hang_up_after": 1.0}
NEVER = {"answer_after": None}
BUSY = {"refuse": 486}


@pytest.fixture(scope="module")
def answered(standing_house: Lab) -> dict[str, Story]:
    """Calls that somebody takes in the end."""
    until(lambda: unavailable(standing_house, "gone-1"), 10, "Asterisk's finding that gone-1 is gone")
    stage = Stage(standing_house)
    stage.call("stagger", {"stagger-1": NEVER, "stagger-2": {"answer_after": 1.0, "hang_up_after": 1.0}}, rings=2)
    stage.call("busy-first", {"busyfirst-1": BUSY, "busyfirst-2": TAKES}, rings=2)
    stage.call("gone-first", {"gone-2": TAKES}, rings=1)
    stage.call("turns", {"turns-1": NEVER, "turns-2": TAKES}, rings=2)
    stage.call("when-busy", {"whenbusy-1": BUSY, "desk-1": TAKES}, rings=2)
    return stage.stories()


@pytest.fixture(scope="module")
def missed(standing_house: Lab) -> dict[str, Story]:
    """Calls that nobody takes."""
    until(lambda: unavailable(standing_house, "unreachable-1"), 10, "Asterisk's finding that unreachable-1 is gone")
    stage = Stage(standing_house)
    stage.call("when-unanswered", {"unanswered-1": NEVER}, rings=1)
    stage.call("voicemail", {"voicemail-1": NEVER}, rings=1, hang_up_after=1.5)
    stage.call("closed", {"desk-1": TAKES})
    stage.call("busy", {"busy-1": BUSY}, rings=1)
    stage.call("unanswered", {"unanswered-2": NEVER}, rings=1)
    stage.call("unreachable", {})
    stage.call("refused", {"crowd-1": {"refuse": 503}}, to="crowd", rings=1)
    stage.call("abandoned-ringing", {"silent-1": NEVER}, to="silent", rings=1, hang_up_after=2.5)
    stage.call("abandoned-unanswered", {"turns-1": NEVER}, to="turns", rings=1, give_up_after=1.0)
    stage.call("abandoned-notice", {}, to="long", hang_up_after=1.0)
    return stage.stories()


def unavailable(lab: Lab, phone: str) -> bool:
    return any(
        f"PJSIP/{phone} " in line and "Unavailable" in line
        for line in lab.asterisk.rx("pjsip show endpoints").replace(f"{phone} ", f"PJSIP/{phone} ").splitlines()
    )


def check_ring(story: Story, phone: str, result: str) -> None:
    """The books say of the phone what the phone saw."""
    leg, ring = story.leg(phone), ring_of(story.record, phone)
    assert ring.result == result
    assert near(ring.began_at, leg.invited_at)
    assert near(ring.ended_at, leg.answered_at if result == "answer" else leg.ended_at)


def test_the_second_phone_joins_while_the_first_rings_on(answered: dict[str, Story]):
    story = answered["stagger"]
    first, second = story.leg("stagger-1"), story.leg("stagger-2")
    assert (first.invites, second.invites) == (1, 1)
    assert 2.5 <= second.invited_at - first.invited_at <= 6
    assert first.cancelled
    assert first.ended_at is not None
    assert second.answered_at is not None
    assert first.ended_at >= second.answered_at  # both rang until one was taken
    check_ring(story, "stagger-1", "cancel")
    check_ring(story, "stagger-2", "answer")
    assert (story.record.outcome, story.record.answered_by) == (Outcome.ANSWERED, "PJSIP/stagger-2")
    assert near(story.record.answered_at, second.answered_at)
    assert story.record.recording.status is RecordingStatus.KEPT


def test_when_the_first_phone_is_busy_the_second_does_not_wait(answered: dict[str, Story]):
    story = answered["busy-first"]
    first, second = story.leg("busyfirst-1"), story.leg("busyfirst-2")
    assert second.invited_at - first.invited_at < 8  # of the 20 s it would have waited
    check_ring(story, "busyfirst-1", "busy")
    check_ring(story, "busyfirst-2", "answer")
    assert story.record.answered_by == "PJSIP/busyfirst-2"


def test_a_phone_known_to_be_gone_is_passed_over(answered: dict[str, Story]):
    story = answered["gone-first"]
    assert story.leg("gone-2").invited_at - story.caller.invited_at < 8  # of 20 s
    assert [ring.phone for ring in story.record.rings] == ["PJSIP/gone-2"]
    check_ring(story, "gone-2", "answer")


def test_phones_ring_one_after_another(answered: dict[str, Story]):
    story = answered["turns"]
    first, second = story.leg("turns-1"), story.leg("turns-2")
    assert first.cancelled
    assert first.ended_at is not None
    assert 1.5 <= first.ended_at - first.invited_at <= 4
    assert abs(second.invited_at - first.ended_at) <= 1.0
    check_ring(story, "turns-1", "noanswer")
    check_ring(story, "turns-2", "answer")


def test_a_busy_line_hands_over_to_another(answered: dict[str, Story]):
    story = answered["when-busy"]
    assert story.leg("desk-1").invited_at > story.leg("whenbusy-1").invited_at
    check_ring(story, "whenbusy-1", "busy")
    check_ring(story, "desk-1", "answer")
    assert (story.record.outcome, story.record.line) == (Outcome.ANSWERED, "when-busy")


@pytest.mark.parametrize("name", ["stagger", "busy-first", "gone-first", "turns", "when-busy"])
def test_a_taken_call_has_the_times_both_sides_saw(answered: dict[str, Story], name: str):
    story = answered[name]
    taker = story.leg(str(story.record.answered_by).removeprefix("PJSIP/"))
    record = story.record
    assert near(record.started_at, story.caller.invited_at)
    assert near(record.answered_at, taker.answered_at)
    assert near(record.ended_at, taker.ended_at)
    assert record.hung_up_by == "company"


def test_a_line_nobody_answers_tells_the_caller_so(missed: dict[str, Story]):
    story = missed["when-unanswered"]
    assert story.record.outcome is Outcome.UNANSWERED
    assert heard_tone(story.caller, ANNOUNCEMENT_HZ) >= 0.3
    check_ring(story, "unanswered-1", "noanswer")
    assert story.record.hung_up_by == "company"


def test_a_caller_may_reach_the_mailbox(missed: dict[str, Story]):
    story = missed["voicemail"]
    assert story.record.outcome is Outcome.VOICEMAIL
    assert story.caller.answered_at is not None
    assert story.record.answered_at is None  # by nobody
    assert story.record.hung_up_by == "caller"
    assert story.record.recording.status is RecordingStatus.NONE


def test_a_closed_line_says_so_and_rings_nobody(missed: dict[str, Story]):
    story = missed["closed"]
    assert story.record.outcome is Outcome.CLOSED
    assert heard_tone(story.caller, ANNOUNCEMENT_HZ) >= 0.3
    assert story.phones["desk-1"].legs == []
    assert story.record.rings == ()
    assert story.record.hung_up_by == "company"


def test_a_busy_line_is_busy_to_the_caller(missed: dict[str, Story]):
    story = missed["busy"]
    assert story.caller.code == 486
    assert story.record.outcome is Outcome.BUSY
    check_ring(story, "busy-1", "busy")


def test_a_line_that_rings_to_its_end_is_unanswered(missed: dict[str, Story]):
    story = missed["unanswered"]
    assert story.caller.answered_at is None
    assert story.caller.code is not None
    assert story.caller.code >= 400
    assert story.record.outcome is Outcome.UNANSWERED
    check_ring(story, "unanswered-2", "noanswer")
    assert story.record.hung_up_by == "company"


@pytest.mark.parametrize("name", ["unreachable", "refused"])
def test_a_line_whose_phones_cannot_be_rung_is_unreachable(missed: dict[str, Story], name: str):
    assert missed[name].record.outcome is Outcome.UNREACHABLE
    assert missed[name].record.answered_at is None
    assert missed[name].record.hung_up_by == "company"


@pytest.mark.parametrize(("name", "phone"), [("abandoned-ringing", "silent-1"), ("abandoned-unanswered", "turns-1")])
def test_a_caller_gives_up_while_it_rings(missed: dict[str, Story], name: str, phone: str):
    story = missed[name]
    assert (story.record.outcome, story.record.hung_up_by) == (Outcome.ABANDONED, "caller")
    check_ring(story, phone, "cancel")
    assert near(story.record.ended_at, story.caller.ended_at)
    assert story.record.recording.status is RecordingStatus.NONE


def test_a_caller_gives_up_during_the_notice_and_nobody_rings(missed: dict[str, Story]):
    record = missed["abandoned-notice"].record
    assert (record.outcome, record.hung_up_by) == (Outcome.ABANDONED, "caller")
    assert record.rings == ()
    assert record.notice is not None
    assert (record.notice.completed, record.notice.declined) == (False, False)
    assert record.recording.status is RecordingStatus.NONE


def test_every_call_stands_under_the_number_it_came_to(answered: dict[str, Story], missed: dict[str, Story]):
    for name, story in {**answered, **missed}.items():
        if name in {"stagger", "turns", "closed", "busy", "voicemail"}:
            assert story.record.number == number(name)
