"""Many calls at once, and the commands that show the books."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from house import (
    AGENT_HZ,
    CALLER_HZ,
    KIOSK,
    all_calls,
    alone,
    booked,
    booked_when,
    finished,
    leg_at,
    next_caller,
    number,
    place,
    sides,
)
from lab.bulk import BulkPhone, bulk_calls
from lab.world import Lab

from bridge.core.model import Call, Outcome

CROWD = 20


def test_twenty_calls_at_once_are_all_booked_once_and_all_recorded(lab: Lab):
    before = {call.id for call in all_calls(lab)}
    folder = lab.folder / "bulk"
    phone = BulkPhone(lab.tools, folder, lab.endpoints["crowd-1"], audio=AGENT_HZ).start()
    try:
        result = bulk_calls(
            lab.tools, folder, lab.ports.sip, [number("crowd")],
            count=CROWD, rate=CROWD, talk=3.0, measure=200, audio=CALLER_HZ, timeout=60,
        )  # fmt: skip
    finally:
        phone.stop()
    assert (result.placed, result.succeeded, result.failed) == (CROWD, CROWD, 0)

    def new(call: Call) -> bool:
        return call.id not in before

    calls = booked_when(lab, new, lambda found: len([x for x in found if finished(x)]) >= CROWD, 40, "the crowd")
    assert len(calls) == CROWD
    assert len({call.caller for call in calls}) == CROWD
    assert {(call.outcome, call.number, call.attribution.source) for call in calls} == {
        (Outcome.ANSWERED, number("crowd"), "radio")
    }
    for call in calls:
        rate, left, right = sides(lab, call)
        assert abs(len(left) / rate - (call.talk_seconds or 0)) < 0.5
        assert alone(left, rate, CALLER_HZ)
        assert alone(right, rate, AGENT_HZ)


def run(lab: Lab, *arguments: str) -> Any:
    return json.loads(lab.daemon.cli(*arguments, "--json").stdout)


def test_the_commands_show_what_happened(lab: Lab):
    phone = lab.phone("desk-1", answer_after=0.3, hang_up_after=1.0)
    regular, other = next_caller(), next_caller()
    calls = []
    for caller in (regular, regular):
        calls.append(place(lab, KIOSK, caller=caller, hang_up_after=None))
        calls[-1].wait()
    phone = lab.phone("desk-1", answer_after=None)
    lost = place(lab, KIOSK, caller=other, hang_up_after=None, give_up_after=0.5)
    lost.wait()
    missed = booked(lab, lost, rings=1)
    answered = booked_when(
        lab, lambda call: call.caller == regular, lambda found: len([x for x in found if finished(x)]) == 2
    )

    shown = run(lab, "calls", "--number", KIOSK)
    assert [row["id"] for row in shown] == [missed.id, answered[1].id, answered[0].id]  # newest first
    for row, record in zip(shown, [missed, *reversed(answered)], strict=True):
        assert (row["caller"], row["outcome"]) == (record.caller, record.outcome)
        assert datetime.fromisoformat(row["started_at"]) == record.started_at
        assert row["started_at"].endswith("+03:00")  # Moscow, as bridge.yaml has it
    assert [row["id"] for row in run(lab, "calls", "--caller", other, "--outcome", "abandoned")] == [missed.id]

    card = json.loads(lab.daemon.cli("calls", "show", missed.id, "--json").stdout)
    assert [ring["phone"] for ring in card["rings"]] == ["PJSIP/desk-1"]
    assert card["answered_at"] is None
    text = lab.daemon.cli("calls", "show", answered[0].id).stdout
    assert "PJSIP/desk-1" in text
    assert regular in text

    (row,) = [row for row in run(lab, "numbers") if row["number"] == KIOSK]
    assert (row["kind"], row["source"], row["calls_30_days"]) == ("static", "kiosk", 3)
    assert datetime.fromisoformat(row["last_call"]) == missed.started_at

    (row,) = [row for row in run(lab, "report", "sources")["rows"] if row["source"] == "kiosk"]
    assert {name: row[name] for name in ("calls", "unique", "first_time", "answered", "missed")} == {
        "calls": 3, "unique": 2, "first_time": 2, "answered": 2, "missed": 1,
    }  # fmt: skip
    talk = sum(call.leg.talk_seconds or 0 for call in calls)
    assert abs(row["talk_seconds"] - talk) < 0.5
    assert leg_at(phone, lost).cancelled
