"""What an open call is doing at a moment, from its plan and what is known of it; what is wrong with the daemon, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.core.booking import opened
from bridge.core.desk.live import Phase, live_call, plan_of
from bridge.core.desk.pools import LEAST_VISITS, Advised, Question, Replayed, TooFew, answer
from bridge.core.desk.situation import Occupancy, PartState, alarms_of
from bridge.core.directory import Directory, GoAnnouncement, GoLine, GoVoicemail, Line, NoticeSpec
from bridge.core.model import Call, DecidedBy, Ring
from bridge.core.plan import Leg
from bridge.core.routing import decide
from bridge.core.simulation.traffic import MadeCall, TrafficVisit

BEGAN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SALES = Line(
    "sales", "", (Leg("PJSIP/101"), Leg("PJSIP/102", ring_for=5), Leg("PJSIP/103", after=10)), 20, when_unanswered=GoLine("second"), notice="n"
)  # fmt: skip
SECOND = Line("second", "", (Leg("PJSIP/201"),), 15, when_unanswered=GoVoicemail("100@default"))
NOTICE = NoticeSpec("n", "/s/notice", milliseconds=4000)
HOUSE = Directory("sales", {"sales": SALES, "second": SECOND}, notices={"n": NOTICE})


def call_in(directory: Directory) -> Call:
    decision = decide(directory, "+74951110001", BEGAN)
    return opened("20261122-120000-1-000001", decision, caller="+79161234567", caller_name="", uniqueid="1.1", at=BEGAN)


@pytest.mark.parametrize(
    ("second", "phase", "phones"),
    [
        (0, Phase.NOTICE, ()),
        (3.9, Phase.NOTICE, ()),
        (4, Phase.RINGING, ("PJSIP/101", "PJSIP/102")),
        (9, Phase.RINGING, ("PJSIP/101",)),
        (14, Phase.RINGING, ("PJSIP/101", "PJSIP/103")),
        (24, Phase.RINGING, ("PJSIP/201",)),
        (39, Phase.VOICEMAIL, ()),
    ],
)
def test_the_plan_by_the_second(second: float, phase: Phase, phones: tuple[str, ...]) -> None:
    call = call_in(HOUSE)
    live = live_call(call, plan_of(HOUSE, call), BEGAN + timedelta(seconds=second))
    assert (live.phase, live.phones) == (phase, phones)


def test_a_phone_that_stopped_ringing_no_longer_rings() -> None:
    busy = Ring("PJSIP/101", BEGAN + timedelta(seconds=4), BEGAN + timedelta(seconds=5), "busy", exact=True)
    call = replace(call_in(HOUSE), rings=(busy,))
    live = live_call(call, plan_of(HOUSE, call), BEGAN + timedelta(seconds=6))
    assert live.phones == ("PJSIP/102",)


def test_a_phone_that_has_rung_tells_that_the_notice_is_over() -> None:
    """A notice that was cut short, or is not played any more."""
    busy = Ring("PJSIP/101", BEGAN + timedelta(seconds=1), BEGAN + timedelta(seconds=2), "busy", exact=True)
    call = replace(call_in(HOUSE), rings=(busy,))
    assert live_call(call, plan_of(HOUSE, call), BEGAN + timedelta(seconds=3)).phase is Phase.RINGING


def test_who_talks_is_a_fact_whatever_the_plan_says() -> None:
    at = BEGAN + timedelta(seconds=2)
    call = replace(call_in(HOUSE), answered_at=at, answered_by="PJSIP/555")
    live = live_call(call, plan_of(HOUSE, call), BEGAN + timedelta(seconds=3000))
    assert (live.phase, live.phones, live.since) == (Phase.TALKING, ("PJSIP/555",), at)


def test_lines_that_lead_in_circles_and_plans_that_end() -> None:
    one = replace(SALES, when_unanswered=GoLine("second"), notice=None)
    circle = Directory("sales", {"sales": one, "second": replace(SECOND, when_unanswered=GoLine("sales"))})
    call = call_in(circle)
    assert live_call(call, plan_of(circle, call), BEGAN + timedelta(days=2)).phase in Phase
    closing = Directory("sales", {"sales": replace(one, when_unanswered=GoAnnouncement("vm-nobodyavail"))})
    assert live_call(call, plan_of(closing, call), BEGAN + timedelta(seconds=21)).phase is Phase.ANNOUNCEMENT
    plain = Directory("sales", {"sales": Line("sales", "", (Leg("PJSIP/101"),), 20)})
    assert live_call(call, plan_of(plain, call), BEGAN + timedelta(seconds=21)).phase is Phase.ENDING
    cached = replace(call, decided_by=DecidedBy.CACHE)
    assert plan_of(plain, cached).stages


def test_alarms_the_worst_first_and_each_once() -> None:
    parts = [
        PartState("ami", "degraded", BEGAN, "no answer"),
        PartState("agi", "degraded", BEGAN),
        PartState("site", "off", BEGAN),
    ]
    found = alarms_of(
        parts, {"books_late": 2.0, "books_begun": 40.0}, [Occupancy("direct", 3, 3, 3)], titles={"direct": "Директ"}
    )
    assert [alarm.level for alarm in found] == ["error", "warning", "warning", "note"]
    assert [alarm.text % alarm.values for alarm in found][2:] == [
        "2 calls were routed without the bridge: it was down, or too late.",
        "All numbers of Директ are in use: further visits see the default number.",
    ]
    assert alarms_of([PartState("store", "ok", BEGAN)], {}, [Occupancy("direct", 3, 2, 3)]) == []


def traffic(count: int, apart: float = 120.0) -> list[TrafficVisit]:
    begins = [1_760_000_000.0 + n * apart for n in range(count)]
    return [
        TrafficVisit(f"v{n}", at, "direct", f"c{n}", at + 90, calls=(MadeCall(at + 40, f"+7916000{n:04}"),) if n % 5 == 0 else ())
        for n, at in enumerate(begins)
    ]  # fmt: skip


def test_questions_about_a_pool() -> None:
    seen: list[tuple[int, int]] = []

    def tell(done: int, whole: int) -> None:
        seen.append((done, whole))

    assert answer(Question("direct", 28), traffic(LEAST_VISITS - 1), tell) == TooFew(LEAST_VISITS - 1)
    advised = answer(Question("direct", 28, size=3, cost=10.0, budget=1000.0), traffic(400), tell)
    assert isinstance(advised, Advised)
    assert 3 in advised.sizes
    assert advised.pays_off is not None
    assert all(len(curve) == len(advised.sizes) for curve in (*advised.covered.values(), *advised.right.values()))
    assert all(0 <= share <= 1 for curve in advised.covered.values() for share in curve)
    few, many = (answer(Question("direct", 28, numbers, 1800), traffic(400), tell) for numbers in (2, 30))
    assert isinstance(few, Replayed)
    assert isinstance(many, Replayed)
    assert (few.covered < 0.2, many.covered) == (True, 1.0)
    assert many.right == 1.0
    assert seen[-1] == (400, 400)


def test_a_pool_of_no_numbers_covers_nobody() -> None:
    found = answer(Question("direct", 28, 0, None), traffic(100), lambda done, whole: None)
    assert isinstance(found, Replayed)
    assert found.covered == 0.0
