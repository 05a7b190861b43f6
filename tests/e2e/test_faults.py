"""The daemon hangs, dies, is killed and reloaded; Asterisk is killed. The calls go on, and the books tell the truth afterwards."""

from __future__ import annotations

import copy
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from house import (
    AGENT_HZ,
    CALLER_HZ,
    NOTICE_HZ,
    UNBOUND,
    all_calls,
    alone,
    booked,
    heard_tone,
    house,
    leg_at,
    near,
    number,
    place,
    sides,
    until,
)
from lab.sipp import CallerCall, Phone
from lab.tools import Tools
from lab.world import Lab

from bridge.core.model import AttributionKind, BindingKind, DecidedBy, Outcome, RecordingStatus

REACHED = 5.0  #: seconds within which a caller reaches a phone, whatever the daemon does
TAKES = {"answer_after": 0.2, "hang_up_after": 1.2, "tone": AGENT_HZ}


@pytest.fixture(scope="module")
def shaken_house(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A house of this module's own. Asterisk knows the answers for the numbers `desk` and `early`: they have been called once."""
    with house(tmp_path_factory.mktemp("shaken"), tools) as lab:
        lab.phone("desk-1", answer_after=0, hang_up_after=0.3)
        for call in [place(lab, name, hang_up_after=None) for name in ("desk", "early")]:
            call.wait()
            booked(lab, call)
        lab.stop_calls()
        yield lab


@pytest.fixture(scope="module")
def plain(shaken_house: Lab) -> dict[str, Any]:
    """The configuration as it was in the beginning."""
    return copy.deepcopy(shaken_house.config)


@pytest.fixture
def any_lab(shaken_house: Lab, plain: dict[str, Any]) -> Iterator[Lab]:  # plain: taken before any test
    """The house as the last test left it, for those who start the daemon with a configuration of their own anyway."""
    yield shaken_house
    shaken_house.stop_calls()
    shaken_house.daemon.thaw()
    shaken_house.wait_idle()


@pytest.fixture
def lab(any_lab: Lab, plain: dict[str, Any]) -> Lab:
    """The house in order: its configuration plain, the daemon well."""
    if any_lab.config != plain or not any_lab.daemon.healthy():
        any_lab.config.update(copy.deepcopy(plain))
        restart(any_lab)
    return any_lab


def restart(lab: Lab, **recordings: str) -> None:
    """Start the daemon anew, with other words in the section `recordings`: a reload does not take these."""
    lab.daemon.stop()
    lab.config["recordings"].update(recordings)
    lab.daemon.start()


def reached_after(phone: Phone, call: CallerCall) -> float:
    """Seconds from the INVITE of the caller to that of the phone."""
    return leg_at(phone, call).invited_at - call.leg.invited_at


# --- the daemon ------------------------------------------------------------------------------------------------------------


def test_while_the_daemon_hangs_callers_reach_a_phone_and_are_booked_when_it_wakes(lab: Lab):
    phone = lab.phone("desk-1", **TAKES)
    lab.daemon.freeze()
    known, early = place(lab, "desk", hang_up_after=None), place(lab, "early", hang_up_after=None)
    never_called, unbound = place(lab, "crowd", hang_up_after=None), place(lab, UNBOUND, hang_up_after=None)
    calls = (known, early, never_called, unbound)
    for call in calls:
        call.wait()
        assert leg_at(phone, call).answered_at is not None
        assert heard_tone(call.leg, NOTICE_HZ) >= 0.2
    assert reached_after(phone, early) < REACHED
    assert leg_at(phone, known).display_name == "Радио:".encode()  # as the daemon would have it
    lab.daemon.thaw()
    by = {call: booked(lab, call) for call in calls}
    assert [by[call].decided_by for call in calls] == [
        DecidedBy.CACHE,
        DecidedBy.CACHE,
        DecidedBy.DEFAULT,
        DecidedBy.DEFAULT,
    ]
    for call in (known, early, never_called):
        assert (by[call].attribution.kind, by[call].attribution.source) == (AttributionKind.STATIC, "radio")
        assert by[call].binding is BindingKind.STATIC
    assert by[unbound].attribution.kind is AttributionKind.UNKNOWN
    for call in calls:
        record, leg = by[call], leg_at(phone, call)
        assert (record.outcome, record.answered_by) == (Outcome.ANSWERED, "PJSIP/desk-1")
        assert near(record.started_at, call.leg.invited_at)
        assert near(record.answered_at, leg.answered_at)
        assert near(record.ended_at, leg.ended_at)
        rate, left, right = sides(lab, record)
        assert alone(left, rate, CALLER_HZ, others=(AGENT_HZ, NOTICE_HZ))
        assert alone(right, rate, AGENT_HZ, others=(CALLER_HZ, NOTICE_HZ))


def test_while_the_daemon_is_dead_callers_reach_a_phone_and_are_booked_when_it_is_back(lab: Lab):
    desk, fallback = lab.phone("desk-1", **TAKES), lab.phone("busy-1", **TAKES)
    lab.daemon.kill9()
    known, unbound = place(lab, "early", hang_up_after=None), place(lab, UNBOUND, hang_up_after=None)
    for call in (known, unbound):
        call.wait()
        assert reached_after(desk, call) < REACHED
    lab.asterisk.rx("database deltree bridge")  # not even the last known good answers are left
    lost = place(lab, "desk", hang_up_after=None)
    lost.wait()
    assert reached_after(fallback, lost) < REACHED
    lab.daemon.start()
    assert booked(lab, known).decided_by is DecidedBy.CACHE
    assert booked(lab, unbound).decided_by is DecidedBy.DEFAULT
    for call in (known, unbound):
        assert booked(lab, call).recording.status is RecordingStatus.KEPT
    record = booked(lab, lost)
    assert (record.decided_by, record.answered_by) == (DecidedBy.STATIC, "PJSIP/busy-1")
    assert record.attribution.source == "radio"
    assert record.notice is None
    assert record.recording.status is RecordingStatus.NONE  # there was nothing to tell the caller


def test_a_daemon_killed_in_the_middle_of_calls_books_them_once_and_whole(lab: Lab):
    phone = lab.phone("desk-1", answer_after=0.2, tone=AGENT_HZ)
    ends_before, ends_after = place(lab, "desk", hang_up_after=None), place(lab, "desk", hang_up_after=None)
    phone.wait_answered(calls=2)
    open_before = {call.id for call in all_calls(lab) if call.ended_at is None}
    lab.daemon.kill9()
    until(lambda: heard_tone(ends_before.leg, AGENT_HZ) > 1.0, 10, "talk")
    ends_before.hang_up()
    ends_before.wait()
    lab.daemon.start()
    first = booked(lab, ends_before)
    assert {call.id for call in all_calls(lab) if call.ended_at is None} == open_before - {first.id}
    ends_after.hang_up()
    ends_after.wait()
    for call in (ends_before, ends_after):
        record, leg = booked(lab, call, rings=1), leg_at(phone, call)
        assert record.id in open_before
        assert (record.outcome, record.decided_by, record.hung_up_by) == (Outcome.ANSWERED, DecidedBy.DAEMON, "caller")
        assert near(record.answered_at, leg.answered_at)
        assert near(record.ended_at, leg.ended_at)
        assert record.notice is not None
        assert record.notice.completed
        rate, left, right = sides(lab, record)
        assert alone(left, rate, CALLER_HZ, others=(AGENT_HZ,))
        assert alone(right, rate, AGENT_HZ, others=(CALLER_HZ,))
        assert leg.talk_seconds is not None
        assert abs(len(left) / rate - leg.talk_seconds) < 0.5


# --- Asterisk --------------------------------------------------------------------------------------------------------------


def test_a_call_that_asterisk_died_with_is_booked_as_interrupted_and_its_recording_kept(lab: Lab):
    phone = lab.phone("desk-1", answer_after=0.2, tone=AGENT_HZ)
    call = place(lab, "desk", hang_up_after=None)
    phone.wait_answered()
    (under_way,) = [record for record in all_calls(lab) if record.ended_at is None]
    mono = [lab.asterisk.spool / "rec" / f"{under_way.id}-{side}.wav" for side in ("caller", "company")]
    until(lambda: all(file.exists() and file.stat().st_size > 24000 for file in mono), 20, "audio on the disk")
    died_at = time.time()
    lab.asterisk.kill9()
    for file in mono:
        os.utime(
            file, (died_at - 60, died_at - 60)
        )  # as if it had been dead for a minute: nobody writes there any more
    lab.asterisk.restart()
    record = booked(lab, call, timeout=40)
    assert record.id == under_way.id
    assert (record.outcome, record.attribution.source) == (Outcome.INTERRUPTED, "radio")
    assert near(record.answered_at, phone.legs[0].answered_at)
    assert record.answered_by == "PJSIP/desk-1"
    assert record.ended_at is not None
    assert record.answered_at is not None
    assert record.answered_at.timestamp() < record.ended_at.timestamp() <= died_at + 1.0
    assert "not closed by Asterisk" in str(record.recording.reason)
    rate, left, right = sides(lab, record)
    assert len(left) / rate > 1.4
    assert alone(left, rate, CALLER_HZ, others=(AGENT_HZ,))
    assert alone(right, rate, AGENT_HZ, others=(CALLER_HZ,))
    lab.stop_calls()

    phone = lab.phone("desk-1", **TAKES)
    call = place(lab, "desk", hang_up_after=None)
    call.wait()
    assert booked(lab, call).decided_by is DecidedBy.DAEMON
    assert len([x for x in all_calls(lab) if x.id == record.id]) == 1


# --- the configuration -----------------------------------------------------------------------------------------------------


def health(lab: Lab) -> dict[str, Any]:
    """What /healthz says, well or not."""
    try:
        with urllib.request.urlopen(f"http://{lab.config['monitor']['listen']}/healthz", timeout=5) as answer:
            told: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            told = json.load(refused)
    return told


def reload(lab: Lab) -> dict[str, Any]:
    """SIGHUP with the configuration as it is now; what /healthz then says of it."""
    before = health(lab)["config"]["loaded_at"]
    lab.daemon.reload()
    until(lambda: health(lab)["config"]["loaded_at"] != before, 15, "the reload")
    told: dict[str, Any] = health(lab)["config"]
    return told


def test_a_reload_changes_the_next_call_and_not_those_under_way(lab: Lab):
    phone = lab.phone("desk-1", answer_after=0.1)
    under_way = place(lab, "desk", hang_up_after=None)
    phone.wait_answered()
    lab.config["numbers"][number("desk")]["source"] = "billboard"
    assert reload(lab)["state"] == "ok"
    after = place(lab, "desk", hang_up_after=None)
    phone.wait_answered(calls=2)
    assert under_way.leg.ended_at is None
    for call in (under_way, after):
        call.hang_up()
        call.wait()
    assert booked(lab, under_way).attribution.source == "radio"
    assert booked(lab, after).attribution.source == "billboard"
    assert leg_at(phone, under_way).display_name == "Радио:".encode()
    assert leg_at(phone, after).display_name == b""


def test_a_wrong_configuration_is_refused_and_the_old_one_stays(lab: Lab):
    good = copy.deepcopy(lab.config["lines"]["desk"])
    lab.config["numbers"][number("desk")]["source"] = "billboard"  # right, but all or nothing
    lab.config["lines"]["desk"]["timeuot"] = "30s"
    told = reload(lab)
    assert told["state"] == "refused"
    assert any("lines.desk.timeuot" in problem and "did you mean `timeout`" in problem for problem in told["problems"])
    assert all(problem.startswith(f"{lab.daemon.config_file}:") for problem in told["problems"])
    phone = lab.phone("desk-1", **TAKES)
    call = place(lab, "desk", hang_up_after=None)
    call.wait()
    record = booked(lab, call)
    assert (record.attribution.source, record.outcome) == ("radio", Outcome.ANSWERED)
    assert leg_at(phone, call).answered_at is not None
    lab.config["lines"]["desk"] = good
    assert reload(lab)["state"] == "ok"
    assert datetime.fromisoformat(health(lab)["config"]["loaded_at"]).tzinfo is not None


@pytest.mark.parametrize("form", ["flac", "mp3", "ogg"])
def test_recordings_are_kept_in_the_format_chosen(any_lab: Lab, form: str):
    lab = any_lab
    restart(lab, format=form)
    phone = lab.phone("desk-1", answer_after=0.2, hang_up_after=2.0, tone=AGENT_HZ)
    call = place(lab, "early", hang_up_after=None)
    call.wait()
    record = booked(lab, call)
    assert record.recording.format == form
    assert str(record.recording.path).endswith(f"/{record.id}.{form}")
    rate, left, right = sides(lab, record)
    assert alone(left, rate, CALLER_HZ, others=(AGENT_HZ, NOTICE_HZ))
    assert alone(right, rate, AGENT_HZ, others=(CALLER_HZ, NOTICE_HZ))
    talk = leg_at(phone, call).talk_seconds
    assert talk is not None
    assert abs(len(left) / rate - talk) < 0.5


def test_the_owner_may_choose_to_record_without_a_notice(any_lab: Lab):
    lab = any_lab
    restart(lab, without_notice="record")
    lab.phone("desk-1", **TAKES)
    call = place(lab, "gone", hang_up_after=None)
    call.wait()
    record = booked(lab, call)
    assert record.recording.status is RecordingStatus.KEPT
    assert record.notice is not None
    assert not record.notice.completed
    rate, left, _ = sides(lab, record)
    assert alone(left, rate, CALLER_HZ)
