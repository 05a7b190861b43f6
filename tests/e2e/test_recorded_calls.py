"""A call from end to end: announced, forwarded, recorded in two channels, booked."""

from __future__ import annotations

import hashlib
import json

from house import (
    AGENT_HZ,
    CALLER_HZ,
    NOTICE_HZ,
    SHORT,
    alone,
    booked,
    heard_tone,
    leg_at,
    near,
    place,
    ring_of,
    sides,
    until,
)
from lab.world import Lab

from bridge.core.call_id import folder_of
from bridge.core.model import AttributionKind, BindingKind, DecidedBy, Outcome, RecordingStatus

BEFORE_HZ = 600  #: what the caller says before anybody may record it


def test_a_call_is_announced_forwarded_recorded_and_booked_as_it_happened(lab: Lab):
    phone = lab.phone("desk-1", answer_after=0.7, hang_up_after=2.0, tone=AGENT_HZ)
    call = place(lab, "desk", tone=BEFORE_HZ, hang_up_after=None, name="Иван Петров")
    phone.wait_rung()  # the notice is over, nobody has picked up
    call.rtp.retune(CALLER_HZ)
    caller, company = call.wait(), phone.wait_ended()
    assert SHORT - 0.2 <= heard_tone(caller, NOTICE_HZ) <= SHORT + 0.2
    assert heard_tone(caller, AGENT_HZ) > 1.5
    assert heard_tone(company, CALLER_HZ) > 1.5
    assert company.display_name.decode() == "Радио: Иван Петров"
    assert company.from_user == caller.from_user

    record = booked(lab, call, rings=1)
    rate, left, right = sides(lab, record)
    assert rate == 8000
    assert alone(left, rate, CALLER_HZ, others=(BEFORE_HZ, AGENT_HZ, NOTICE_HZ))
    assert alone(right, rate, AGENT_HZ, others=(BEFORE_HZ, CALLER_HZ, NOTICE_HZ))
    assert company.talk_seconds is not None
    assert abs(len(left) / rate - company.talk_seconds) < 0.5
    assert abs((record.recording.duration or 0) - len(left) / rate) < 0.01

    assert record.outcome is Outcome.ANSWERED
    assert record.decided_by is DecidedBy.DAEMON
    assert (record.attribution.kind, record.attribution.source) == (AttributionKind.STATIC, "radio")
    assert record.attribution.confidence == 1.0
    assert record.binding is BindingKind.STATIC
    assert (record.line, record.answered_by, record.hung_up_by) == ("desk", "PJSIP/desk-1", "company")
    assert record.caller_name == "Иван Петров"
    assert record.trunk == "PJSIP/trunk"
    assert record.hangup_cause == 16
    assert record.first_time is True
    assert near(record.started_at, caller.invited_at)
    assert near(record.answered_at, company.answered_at)
    assert near(record.ended_at, company.ended_at)
    assert near(ring_of(record, "desk-1").began_at, company.invited_at)
    assert ring_of(record, "desk-1").result == "answer"

    notice = record.notice
    assert notice is not None
    assert (notice.completed, notice.declined) == (True, False)
    assert notice.sha256 == hashlib.sha256((lab.folder / "short.wav").read_bytes()).hexdigest()
    assert notice.ended_at is not None
    assert notice.ended_at.timestamp() <= company.invited_at + 0.05
    assert near(notice.started_at, caller.heard_from())


def test_a_recording_lies_under_its_date_with_everything_known_beside_it_and_nothing_is_left_in_the_spool(lab: Lab):
    phone = lab.phone("desk-1", answer_after=0.1, hang_up_after=1.0)
    call = place(lab, "desk", hang_up_after=None, name="../../etc/passwd")
    call.wait()
    record = booked(lab, call, rings=1)
    assert record.recording.path == f"{folder_of(record.id)}/{record.id}.wav"
    file = lab.recordings / record.recording.path
    assert hashlib.sha256(file.read_bytes()).hexdigest() == record.recording.sha256
    assert file.stat().st_mode & 0o007 == 0

    def beside() -> dict[str, object]:
        told: dict[str, object] = json.loads(file.with_suffix(".json").read_text("utf-8"))
        return told

    until(lambda: len(beside()["rings"]) == 1, 5, "the sidecar's last word")  # type: ignore[arg-type]
    told = beside()
    assert (told["id"], told["caller"], told["number"]) == (record.id, record.caller, record.number)
    assert (told["caller_name"], told["outcome"]) == ("../../etc/passwd", "answered")
    until(lambda: not list((lab.asterisk.spool / "rec").glob(f"{record.id}*")), 5, "the mono files' end")
    assert leg_at(phone, call).answered_at is not None


def test_a_call_of_16_khz_is_recorded_so(lab: Lab):
    lab.phone("desk-1", answer_after=0.2, hang_up_after=1.5, tone=AGENT_HZ)
    call = place(lab, "desk", wide=True, tone=5000, hang_up_after=None)
    call.wait()
    record = booked(lab, call)
    rate, left, right = sides(lab, record)
    assert (rate, record.recording.sample_rate) == (16000, 16000)
    assert alone(left, rate, 5000, others=(AGENT_HZ,))  # more than 8 kHz of samples can hold
    assert alone(right, rate, AGENT_HZ, others=(5000,))


def test_a_call_nobody_answered_leaves_no_files(lab: Lab):
    lab.phone("silent-1", answer_after=None)
    call = place(lab, "silent", hang_up_after=2.0)
    call.wait()
    record = booked(lab, call)
    assert record.outcome is Outcome.ABANDONED
    assert record.recording.status is RecordingStatus.NONE
    until(lambda: not list((lab.asterisk.spool / "rec").glob(f"{record.id}*")), 5, "the mono files' end")
    assert not list(lab.recordings.rglob(f"{record.id}*"))
