"""Nuisance calls: turned away, asked to show that a person calls, marked and counted apart, never hidden."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from house import booked, booked_when, finished, heard_tone, ring, until
from lab.sipp import CallerCall
from lab.tones import tone, write_wav
from lab.tools import Tools
from lab.world import Lab

from bridge.core.model import Call, Measure, Outcome, RecordingStatus, Verdict

OURS = "+74952240001"
NOTICE_HZ, PROMPT_HZ = 1400, 700
TAKES = {"answer_after": 0.2, "hang_up_after": 0.8}
_robots = itertools.count(1)


def _furnish(config: dict[str, Any], lab: Lab) -> None:
    write_wav(lab.folder / "notice.wav", tone(NOTICE_HZ, 0.6))
    write_wav(lab.folder / "press.wav", tone(PROMPT_HZ, 1.0))
    (lab.folder / "block.txt").write_text("+7900* # sells loans\n")
    config["lines"] = {"main": ring("main-1")}
    config["sources"] = {"radio": {}}
    config["numbers"] = {OURS: {"source": "radio"}}
    config["defaults"] = {"line": "main", "notice": "standard"}
    config["fallback"] = {"line": "main"}
    config["screening"] = {
        "allow": ["+79001112233"],
        "block_file": "block.txt",
        "rate": {"calls": 1, "per": "10m"},
        "challenge": {"key": 5, "file": "press.wav"},
    }


@pytest.fixture(scope="module")
def gate(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("gate"), tools, phones=("main-1",), change=_furnish) as lab:
        yield lab


@pytest.fixture
def lab(gate: Lab) -> Iterator[Lab]:
    yield gate
    gate.stop_calls()
    gate.wait_idle()


def suspect(lab: Lab) -> str:
    """A caller who has rung once already, so that his next call is one too many."""
    caller = f"+7901{next(_robots):07}"
    lab.call(OURS, caller=caller, hang_up_after=None, tone=None).wait()
    booked_when(lab, lambda x: x.caller == caller, lambda found: any(map(finished, found)), what="the first call")
    return caller


def second(lab: Lab, call: CallerCall) -> Call:
    caller = call.leg.from_user.decode()
    found = booked_when(
        lab, lambda x: x.caller == caller, lambda n: len([x for x in n if finished(x)]) == 2, what=caller
    )
    assert [x.spam for x in found[:1]] == [False]
    return found[1]


def test_a_blocked_caller_is_turned_away_unheard_and_booked(lab: Lab):
    phone = lab.phone("main-1", **TAKES)
    call = lab.call(OURS, caller="+79005550001", hang_up_after=None)
    leg = call.wait()
    assert (leg.code, leg.progress_at, leg.answered_at) == (403, None, None)
    record = booked(lab, call)
    assert (record.outcome, record.spam, record.hangup_cause) == (Outcome.BLOCKED, True, 21)
    assert record.screening is not None
    assert (record.screening.verdict, record.screening.reason) == (
        Verdict.BLOCKED,
        "on the block list as +7900*: sells loans",
    )
    assert record.attribution.source == "radio"
    assert (record.notice, record.recording.status) == (None, RecordingStatus.NONE)
    assert phone.legs == []
    (shown,) = lab.daemon.calls("--spam", "only", "--caller", "+79005550001")
    assert shown["id"] == record.id
    assert record.id not in {x["id"] for x in lab.daemon.calls("--spam", "without")}


def test_an_allowed_caller_is_never_screened(lab: Lab):
    phone = lab.phone("main-1", **TAKES)
    for _ in range(2):
        lab.call(OURS, caller="+79001112233", hang_up_after=None).wait()
    assert len(phone.legs) == 2


def test_a_person_presses_the_key_hears_the_notice_and_is_recorded(lab: Lab):
    phone = lab.phone("main-1", **TAKES)
    caller = suspect(lab)
    call = lab.call(OURS, caller=caller, hang_up_after=None, digits=[(1.8, "5")])
    leg = call.wait()
    record = second(lab, call)
    assert (record.outcome, record.spam) == (Outcome.ANSWERED, False)
    assert record.screening is not None
    assert (record.screening.verdict, record.screening.measure, record.screening.passed) == (
        Verdict.SUSPECTED,
        Measure.CHALLENGE,
        True,
    )
    assert record.screening.reason == "2 calls within 10 min, 1 are usual"
    assert heard_tone(leg, PROMPT_HZ) >= 0.8
    assert heard_tone(leg, NOTICE_HZ) >= 0.4
    assert record.notice is not None
    assert record.notice.completed
    assert record.notice.started_at is not None
    assert record.rings[0].began_at > (record.notice.ended_at or record.started_at)
    assert record.recording.status is RecordingStatus.KEPT
    assert len(phone.legs) == 2
    sidecar = json.loads((lab.recordings / str(record.recording.path)).with_suffix(".json").read_text())
    assert (sidecar["spam"], sidecar["screening"]["passed"]) == (False, True)


@pytest.mark.parametrize("digits", [[], [(0.6, "4"), (2.5, "1")], [(0.6, "#"), (2.5, "*")]])
def test_a_robot_does_not_and_rings_nobody(lab: Lab, digits: list[tuple[float, str]]):
    phone = lab.phone("main-1", **TAKES)
    caller = suspect(lab)
    call = lab.call(OURS, caller=caller, hang_up_after=None, digits=digits)
    assert call.wait().ended_by == "far"
    record = second(lab, call)
    assert (record.outcome, record.spam, record.hung_up_by) == (Outcome.SCREENED, True, "company")
    assert record.screening is not None
    assert record.screening.passed is False
    assert (record.notice, record.recording.status, record.rings) == (None, RecordingStatus.NONE, ())
    assert len(phone.legs) == 1


def test_the_second_try_counts_and_leaving_is_abandoning(lab: Lab):
    phone = lab.phone("main-1", **TAKES)
    right = lab.call(OURS, caller=suspect(lab), hang_up_after=None, digits=[(0.6, "4"), (3.0, "5")])
    right.wait()
    assert second(lab, right).outcome is Outcome.ANSWERED
    left = lab.call(OURS, caller=suspect(lab), hang_up_after=0.8)
    left.wait()
    record = second(lab, left)
    assert (record.outcome, record.spam, record.hung_up_by) == (Outcome.ABANDONED, True, "caller")
    assert record.screening is not None
    assert record.screening.passed is False
    assert len(phone.legs) == 3


def test_a_challenge_that_cannot_be_played_stops_nobody(lab: Lab):
    phone = lab.phone("main-1", **TAKES)
    caller = suspect(lab)
    sound = lab.folder / "press.wav"
    sound.rename(lab.folder / "press.away")
    try:
        call = lab.call(OURS, caller=caller, hang_up_after=None)
        call.wait()
        record = second(lab, call)
    finally:
        (lab.folder / "press.away").rename(sound)
    assert (record.outcome, record.spam) == (Outcome.ANSWERED, True)
    assert record.screening is not None
    assert record.screening.passed is None
    assert len(phone.legs) == 2


@pytest.mark.parametrize(
    ("measure", "code", "outcome"), [("busy", 486, Outcome.SCREENED), ("pass", 200, Outcome.ANSWERED)]
)
def test_a_reload_brings_new_lists_and_measures(lab: Lab, measure: str, code: int, outcome: Outcome):
    phone = lab.phone("main-1", **TAKES)
    caller = suspect(lab)
    lab.config["screening"]["suspected"] = measure
    (lab.folder / "block.txt").write_text(f"+7900*\n+7902{measure == 'busy':d}*\n")
    reloads = lab.daemon.log.read_text().count('"reloaded')
    lab.daemon.reload()
    until(lambda: lab.daemon.log.read_text().count('"reloaded') > reloads, 10, "the reload")
    call = lab.call(OURS, caller=caller, hang_up_after=None)
    assert call.wait().code == code
    record = second(lab, call)
    assert (record.outcome, record.spam) == (outcome, True)
    assert len(phone.legs) == (2 if code == 200 else 1)
    newly = lab.call(OURS, caller=f"+7902{measure == 'busy':d}000000", hang_up_after=None)
    assert newly.wait().code == 403


def test_without_the_daemon_everybody_gets_through(lab: Lab):
    phone = lab.phone("main-1", **TAKES)
    lab.daemon.stop()
    try:
        call = lab.call(OURS, caller="+79005559999", hang_up_after=None)
        assert call.wait().code == 200
    finally:
        lab.daemon.start()
    record = booked(lab, call)
    assert (record.outcome, record.screening, record.spam) == (Outcome.ANSWERED, None, False)
    assert len(phone.legs) == 1
