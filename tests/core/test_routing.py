from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.directory import (
    Directory,
    GoAnnouncement,
    GoHangup,
    GoLine,
    GoVoicemail,
    Line,
    NoticeSpec,
    Number,
    Source,
    Target,
)
from bridge.core.hours import Hours
from bridge.core.model import AttributionKind, Binding, BindingKind
from bridge.core.plan import HangupStage, Leg, PlayStage, RingStage, VoicemailStage
from bridge.core.routing import decide, fallback_answer, stages

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
NEVER = Hours(zone=UTC, week=((),) * 7)


def line(name: str, **change: object) -> Line:
    return replace(Line(name, name.title(), (Leg(f"PJSIP/{name}"),), 30), **change)  # type: ignore[arg-type]


def directory(*lines: Line, **change: object) -> Directory:
    numbers = {
        f"+7495111000{n}": Number(
            Binding(f"+7495111000{n}", kind, "radio", pool="p" if kind is BindingKind.POOL else None)
        )
        for n, kind in enumerate((BindingKind.STATIC, BindingKind.DEFAULT, BindingKind.POOL, BindingKind.RETIRING))
    }
    base = Directory(
        fallback=lines[0].name,
        lines={x.name: x for x in lines},
        sources={"radio": Source("radio", "Radio", prefix="R:", whisper="whisper/radio")},
        numbers=numbers,
    )
    return replace(base, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dialled", "kind", "attribution"),
    [
        ("74951110000", BindingKind.STATIC, AttributionKind.STATIC),
        ("84951110001", BindingKind.DEFAULT, AttributionKind.SOURCE_DEFAULT),
        ("4951110002", BindingKind.POOL, AttributionKind.SOURCE_DEFAULT),
        ("+74951110003", BindingKind.RETIRING, AttributionKind.STATIC),
    ],
)
def test_a_bound_number_names_its_source_and_no_visit(
    dialled: str, kind: BindingKind, attribution: AttributionKind
) -> None:
    decision = decide(directory(line("office")), dialled, NOON, "tok")
    assert decision.binding is not None
    assert decision.binding.kind is kind
    assert decision.attribution.kind is attribution
    assert decision.attribution.source == "radio"
    assert decision.attribution.visit is None
    assert decision.answer.source == "radio"
    assert decision.answer.prefix == "R:"
    assert decision.answer.token == "tok"
    assert decision.cache.token == ""


def test_a_retiring_number_says_since_when_by_the_calendar_of_those_who_read_it() -> None:
    since = datetime(2026, 10, 31, 21, tzinfo=UTC)  # midnight in Moscow
    number = Number(Binding("+74951110003", BindingKind.RETIRING, "radio", since=since))
    book = directory(line("office"), numbers={"+74951110003": number}, zone=ZoneInfo("Europe/Moscow"))
    reason = decide(book, "+74951110003", NOON).attribution.reason
    assert reason == "this number was shown by Radio alone; retiring since 2026-11-01"


@pytest.mark.parametrize("dialled", ["", "74950000000", "112", "99999999999999999999999", "sip:x"])
def test_a_number_nobody_bound_rings_the_fallback_line_and_is_certain_of_nothing(dialled: str) -> None:
    decision = decide(directory(line("office")), dialled, NOON)
    assert decision.attribution.kind is AttributionKind.UNKNOWN
    assert decision.attribution.confidence == 0.0
    assert decision.answer.stages == (RingStage((Leg("PJSIP/office"),), 30, 2, 3), HangupStage(17), HangupStage(16))
    assert decision.answer.encode().endswith(",1")


def test_targets_become_stages() -> None:
    office = line("office", when_busy=GoLine("mobile"), when_unanswered=GoVoicemail("100@default"))
    mobile = line("mobile", when_busy=GoAnnouncement("later"), when_unanswered=GoLine("office"))
    plan = stages(directory(office, mobile), office, NOON)
    assert [type(stage) for stage in plan] == [RingStage, RingStage, PlayStage, VoicemailStage]
    first, second = plan[0], plan[1]
    assert isinstance(first, RingStage)
    assert isinstance(second, RingStage)
    assert (first.on_busy, first.on_unanswered) == (2, 4)
    assert (second.on_busy, second.on_unanswered) == (3, 1)


@pytest.mark.parametrize(
    ("target", "stage"),
    [
        (GoAnnouncement("closed"), PlayStage("closed")),
        (GoVoicemail("1@d"), VoicemailStage("1@d")),
        (GoHangup(17), HangupStage(17)),
    ],
)
def test_a_closed_line_goes_on_to_what_it_says(target: Target, stage: object) -> None:
    shut = line("office", hours=NEVER, when_closed=target)
    decision = decide(directory(shut), "74951110000", NOON)
    assert decision.closed
    assert decision.answer.stages == (stage,)
    assert isinstance(decision.cache.stages[0], RingStage), (
        "the cached answer rings: a dead daemon does not know the hours"
    )


def test_a_closed_line_may_hand_on_to_an_open_one() -> None:
    shut = line("office", hours=NEVER, when_closed=GoLine("mobile"))
    plan = stages(directory(shut, line("mobile")), shut, NOON)
    assert isinstance(plan[0], RingStage)
    assert plan[0].legs[0].device == "PJSIP/mobile"


def test_a_closed_line_behind_a_busy_one() -> None:
    shut = line("night", hours=NEVER, when_closed=GoAnnouncement("closed"))
    office = line("office", when_busy=GoLine("night"))
    plan = stages(directory(office, shut), office, NOON)
    assert isinstance(plan[0], RingStage)
    assert plan[plan[0].on_busy - 1] == PlayStage("closed")


def test_lines_closed_in_a_circle_end_the_call() -> None:
    one = line("one", hours=NEVER, when_closed=GoLine("two"))
    two = line("two", hours=NEVER, when_closed=GoLine("one"))
    assert stages(directory(one, two), one, NOON) == (HangupStage(17),)


def test_an_unavailable_notice_is_still_named_so_that_its_absence_shows() -> None:
    notice = NoticeSpec("n", "sounds/gone", available=False)
    decision = decide(directory(line("office"), notices={"n": notice}, default_notice="n"), "74951110000", NOON)
    assert decision.notice is notice
    assert decision.answer.notice is not None
    assert decision.answer.notice.sound == "sounds/gone"


def test_the_fallback_answer_is_complete() -> None:
    assert fallback_answer(directory(line("office"))).encode().endswith(",,1")


NAMES = ("a", "b", "c")
TARGETS = st.one_of(
    st.sampled_from([GoLine(x) for x in NAMES]),
    st.just(GoVoicemail("1@d")),
    st.just(GoAnnouncement("s")),
    st.just(GoHangup(17)),
)


@given(st.data())
def test_every_plan_is_whole(data: st.DataObject) -> None:
    """Whatever lines point where, open or closed: the plan encodes, every next stage exists, and stage 1 is where the call begins."""
    lines = [
        line(
            name,
            hours=data.draw(st.sampled_from([None, NEVER])),
            when_closed=data.draw(TARGETS),
            when_busy=data.draw(TARGETS),
            when_unanswered=data.draw(TARGETS),
        )
        for name in NAMES
    ]
    whole = directory(*lines)
    decision = decide(whole, "74951110000", NOON)
    decision.answer.encode()
    decision.cache.encode()
    if not decision.closed:
        first = decision.answer.stages[0]
        assert isinstance(first, RingStage)
        assert first.legs == lines[0].ring
