"""What callers are told before they are recorded, and what becomes of the recording if they are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from house import (
    LONG,
    NOTICE_HZ,
    SHORT,
    booked,
    heard_tone,
    leg_at,
    log_lines,
    near,
    place,
)
from lab.sipp import CallerCall, Leg
from lab.tones import tone, write_wav
from lab.world import Lab

from bridge.core.model import Call, Outcome, RecordingStatus


@dataclass(frozen=True)
class Story:
    """One call: what the caller, the phone and the books say of it."""

    caller: Leg
    phone: Leg
    record: Call


@pytest.fixture(scope="module")
def stories(standing_house: Lab) -> Iterator[dict[str, Story]]:
    """All calls at once, each to another notice; the phone picks up soon and hangs up after a second."""
    lab = standing_house
    # Since the configuration was read its owner has put a shorter file in the notice's place.
    write_wav(lab.folder / "cut.wav", tone(NOTICE_HZ, SHORT))
    phone = lab.phone("desk-1", answer_after=0.3, hang_up_after=1.0)
    calls: dict[str, CallerCall] = {
        name: place(lab, name, hang_up_after=None) for name in ("short", "early", "gone", "cut")
    }
    calls["declined"] = place(lab, "key", hang_up_after=None, digits=[(1.2, "9")])
    calls["other-keys"] = place(lab, "key", hang_up_after=None, digits=[(0.8, "5"), (1.2, "#"), (1.6, "*")])
    calls["none"] = place(lab, "turns", hang_up_after=3)  # a number whose notice is `none`
    other = lab.phone("turns-1", answer_after=0.3, hang_up_after=1.0)
    for call in calls.values():
        call.wait()
    yield {
        name: Story(call.leg, leg_at(other if name == "none" else phone, call), booked(lab, call))
        for name, call in calls.items()
    }
    lab.stop_calls()
    lab.wait_idle()


@pytest.mark.parametrize("name", ["short", "early", "gone", "cut", "declined", "other-keys", "none"])
def test_whatever_the_notice_does_the_call_is_connected(stories: dict[str, Story], name: str):
    story = stories[name]
    assert story.phone.answered_at is not None
    assert story.phone.talk_seconds == pytest.approx(1.0, abs=0.4)
    assert heard_tone(story.caller, 1000) >= 0.5
    assert story.record.outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone", "the notice's file could not be played"),
        ("cut", "the notice was not heard to its end"),
        ("none", "no notice was played"),
    ],
)
def test_without_a_whole_notice_nothing_is_recorded_and_the_log_says_so_loudly(
    standing_house: Lab, stories: dict[str, Story], name: str, reason: str
):
    record = stories[name].record
    assert (record.recording.status, record.recording.reason) == (RecordingStatus.UNNOTICED, reason)
    assert record.notice is None or not record.notice.completed
    assert not list(standing_house.recordings.rglob(f"{record.id}*"))
    assert not list((standing_house.asterisk.spool / "rec").glob(f"{record.id}*"))
    loud = [line for line in log_lines(standing_house) if line["level"] == "error" and record.id in str(line["event"])]
    assert [line["event"] for line in loud] == [f"call {record.id} was NOT recorded: {reason}"]


def test_a_caller_declines_by_the_key(standing_house: Lab, stories: dict[str, Story]):
    story = stories["declined"]
    assert story.record.recording.status is RecordingStatus.DECLINED
    assert not list(standing_house.recordings.rglob(f"{story.record.id}*"))
    notice = story.record.notice
    assert notice is not None
    assert (notice.declined, notice.completed) == (True, False)
    assert heard_tone(story.caller, NOTICE_HZ) < LONG - 0.8  # the key ends it
    assert notice.ended_at is not None
    assert notice.started_at is not None
    assert (notice.ended_at - notice.started_at).total_seconds() < LONG - 0.8


def test_other_keys_neither_decline_nor_shorten_the_notice(stories: dict[str, Story]):
    story = stories["other-keys"]
    assert story.record.recording.status is RecordingStatus.KEPT
    assert story.record.notice is not None
    assert (story.record.notice.declined, story.record.notice.completed) == (False, True)
    assert heard_tone(story.caller, NOTICE_HZ) >= LONG - 0.5


def test_an_early_notice_is_heard_before_the_call_is_answered(stories: dict[str, Story]):
    caller, phone, record = stories["early"].caller, stories["early"].phone, stories["early"].record
    assert caller.codes[0] == 183
    assert caller.answered_at is not None
    assert phone.answered_at is not None
    assert caller.answered_at >= phone.answered_at  # not before a person picked up
    first = caller.heard_from()
    assert first is not None
    assert first + SHORT <= caller.answered_at
    assert heard_tone(caller, NOTICE_HZ) >= SHORT - 0.2
    assert record.recording.status is RecordingStatus.KEPT
    assert record.notice is not None
    assert near(record.notice.started_at, first)
    assert near(record.answered_at, caller.answered_at)


def test_a_notice_after_answering_comes_after_the_200(stories: dict[str, Story]):
    caller, record = stories["short"].caller, stories["short"].record
    assert 183 not in caller.codes
    assert caller.answered_at is not None
    assert record.notice is not None
    assert record.notice.started_at is not None
    assert record.notice.started_at.timestamp() >= caller.answered_at - 0.05
    assert record.recording.status is RecordingStatus.KEPT
