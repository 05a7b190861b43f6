"""Who calls which number: what is booked, what the phone shows, and that nothing a caller sends is ever carried out."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator

import pytest
from house import (
    DEFAULT,
    RETIRING,
    UNBOUND,
    booked,
    booked_when,
    finished,
    leg_at,
    log_lines,
    next_caller,
    number,
    place,
)
from lab.sipp import Leg
from lab.world import Lab

from bridge.core.call_id import is_call_id
from bridge.core.journal import parse
from bridge.core.model import AttributionKind, BindingKind, Call, Outcome, RecordingStatus

TAKES = {"answer_after": 0.1, "hang_up_after": 0.7}


# --- numbers ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_number(standing_house: Lab) -> Iterator[dict[str, tuple[Leg, Call]]]:
    """A call to a number of each kind, all at once."""
    lab = standing_house
    phone = lab.phone("desk-1", **TAKES)
    calls = {to: place(lab, to, hang_up_after=None) for to in (UNBOUND, RETIRING, DEFAULT)}
    calls["local"] = place(lab, number("desk").replace("+7", "8"), hang_up_after=None)  # as some carriers write it
    for call in calls.values():
        call.wait()
    yield {to: (leg_at(phone, call), booked(lab, call)) for to, call in calls.items()}
    lab.stop_calls()
    lab.wait_idle()


def test_an_unknown_number_rings_the_fallback_line_and_is_booked_as_unknown(by_number: dict[str, tuple[Leg, Call]]):
    phone, record = by_number[UNBOUND]
    assert phone.answered_at is not None
    assert (record.outcome, record.line, record.binding) == (Outcome.ANSWERED, "desk", None)
    assert record.number == UNBOUND
    assert (record.attribution.kind, record.attribution.source) == (AttributionKind.UNKNOWN, None)
    assert record.attribution.confidence == 0.0
    assert record.recording.status is RecordingStatus.KEPT
    assert phone.display_name == b""


def test_a_retiring_number_still_rings_for_its_source(by_number: dict[str, tuple[Leg, Call]]):
    phone, record = by_number[RETIRING]
    assert phone.answered_at is not None
    assert (record.binding, record.attribution.source) == (BindingKind.RETIRING, "billboard")
    assert record.attribution.reason.endswith("retiring since 2026-01-31")


def test_a_default_number_names_the_source_and_never_a_visit(by_number: dict[str, tuple[Leg, Call]]):
    phone, record = by_number[DEFAULT]
    assert phone.answered_at is not None
    assert record.binding is BindingKind.DEFAULT
    assert (record.attribution.kind, record.attribution.source) == (AttributionKind.SOURCE_DEFAULT, "billboard")
    assert record.attribution.visit is None


def test_a_number_in_local_writing_is_the_same_number(by_number: dict[str, tuple[Leg, Call]]):
    _, record = by_number["local"]
    assert (record.number, record.attribution.source) == (number("desk"), "radio")


# --- callers ---------------------------------------------------------------------------------------------------------------

LONGEST = 79  #: bytes of a name that Asterisk takes from the wire

#: name on the wire -> as booked and shown
NAMES = {
    "cyrillic": ("Иван Щукин-Ёжиков".encode(), "Иван Щукин-Ёжиков"),
    "georgian": ("გიორგი".encode(), "გიორგი"),
    "quotes": (rb"Ivan \"the\" \\Terrible", "Ivan the Terrible"),
    "shell": (b"${SHELL(touch OWNED)}", "SHELL(touch OWNED)"),
    "backtick": (b"`touch OWNED` $(touch OWNED) ; touch OWNED", "`touch OWNED` (touch OWNED) ; touch OWNED"),
    "expression": (b"$[1+1] ${CALLERID(num)}", "[1+1] CALLERID(num)"),
    "execif": (b"x)?System(touch OWNED):Set(y=", "x)?System(touch OWNED):Set(y="),
    "execif-comma": (b"1]?System(touch OWNED),x", "1]?System(touch OWNED),x"),
    "smile": (b"Ivan :) at 10:30", "Ivan :) at 10:30"),
    "open-brackets": (b"((((x:1:2", "((((x:1:2"),
    "cut-short": (b"Ivan):0:1", "Ivan):0:1"),
    "gosub": (b"a,s,1(b)^c^d&e", "a,s,1(b)^c^d&e"),
    "journal": (b"x|1|end|20260101-000000-1-100000|.", "x1end20260101-000000-1-100000."),
    "escapes": (b"a\\nb\\r\\n1|end|\\x41\\0", "anbrn1endx410"),
    "control": (b"a\x01\x07\x1b[31mb\tc\x7f", "a[31mbc"),
    "percent": (b"%s%n%99999d %0A%0D", "%s%n%99999d %0A%0D"),
    "html": (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
    "path": (b"../../../etc/passwd", "../../../etc/passwd"),
    "long": (b"x" * 200, "x" * LONGEST),
    "long-cyrillic": ("я".encode() * 150, None),
    "broken-utf8": (b"M\xfcller \xff\xfe", None),
    "half-letter": ("Иван".encode()[:-1], None),
    "equals": (b"=cmd|' /C calc'!A0", "=cmd' /C calc'!A0"),
    "empty": (b"", None),
}
#: user part on the wire -> as booked
USERS = {
    "withheld": ("anonymous", None),
    "letters": ("alice", None),
    "shell-user": (urllib.parse.quote("+7916${SHELL(touch OWNED)}"), None),
    "pipe-user": ("%7C1%7Cend%7C", None),
    "line-user": ("79161112233%0D%0AX-Evil%3A1", None),
    "long-user": ("9" * 200, "9" * 40),
    "long-open-user": ("(((" + "9" * 70, "9" * 40),
    "bracket-user": ("79161112233)%3A0%3A4", None),
    "local-user": ("89161110022", "+79161110022"),
    "short-user": ("112", "112"),
}


@pytest.fixture(scope="module")
def hostile(standing_house: Lab) -> Iterator[dict[str, tuple[Leg, Call]]]:
    """Calls with names and numbers that nobody should have. Those with strange numbers are told apart by their names."""
    lab = standing_house
    phone = lab.phone("desk-1", **TAKES)
    calls = {story: place(lab, "desk", name=sent, hang_up_after=None) for story, (sent, _) in NAMES.items()}
    for call in calls.values():
        call.wait()
    found = {story: (leg_at(phone, call), booked(lab, call)) for story, call in calls.items()}
    strange = {
        story: place(lab, "desk", caller=sent, name=story, hang_up_after=None) for story, (sent, _) in USERS.items()
    }
    for call in strange.values():
        call.wait()
    for story in strange:
        (record,) = booked_when(
            lab,
            lambda call, name=story: call.caller_name == name,
            lambda new: len([x for x in new if finished(x)]) == 1,
            what=story,
        )
        (leg,) = [leg for leg in phone.legs if leg.display_name.decode("utf-8", "replace") == f"Радио: {story}"]
        found[story] = (leg, record)
    yield found
    lab.stop_calls()
    lab.wait_idle()


@pytest.mark.parametrize("story", NAMES)
def test_a_name_is_shown_and_booked_as_it_is_or_cleaned(hostile: dict[str, tuple[Leg, Call]], story: str):
    leg, record = hostile[story]
    expected = NAMES[story][1]
    assert record.outcome is Outcome.ANSWERED
    assert record.recording.status is RecordingStatus.KEPT
    shown = leg.display_name.decode("utf-8", "replace")
    if expected is not None:
        assert record.caller_name == expected
        assert shown == f"Радио: {expected}"
    else:
        assert shown.startswith("Радио:")
    assert not set((record.caller_name or "") + shown) & set('|"${}\\\r\n\0')


def test_names_that_are_cut_or_broken_are_booked_as_far_as_they_can_be_read(hostile: dict[str, tuple[Leg, Call]]):
    assert str(hostile["long-cyrillic"][1].caller_name).startswith("я" * (LONGEST // 2))
    assert str(hostile["broken-utf8"][1].caller_name).startswith("M\N{REPLACEMENT CHARACTER}ller")
    assert hostile["half-letter"][1].caller_name == "Ива\N{REPLACEMENT CHARACTER}"
    assert hostile["empty"][1].caller_name is None


@pytest.mark.parametrize("story", USERS)
def test_a_callers_number_is_booked_in_digits_or_not_at_all(hostile: dict[str, tuple[Leg, Call]], story: str):
    leg, record = hostile[story]
    assert record.outcome is Outcome.ANSWERED
    assert leg.answered_at is not None
    assert record.caller is None or set(record.caller) <= set("+*#0123456789")
    assert len(record.caller or "") <= 40
    if USERS[story][1] is not None:
        assert record.caller == USERS[story][1]


def test_a_caller_without_a_number_is_withheld(hostile: dict[str, tuple[Leg, Call]]):
    assert hostile["withheld"][1].caller is None
    assert hostile["letters"][1].caller is None


DIALLED = [
    "+74952220001%24%7BSHELL(touch%20OWNED)%7D",
    "+7495%22222%5C0001",
    "+74952220001%7C1%7Cend",
    "+" + "7" * 200,
    "+((" + "7" * 60,
    "+74952220001,s,1)",
    "+74952220001%2Cs%2C1%29%26Local",
]


def test_hostile_numbers_dialled_reach_somebody_as_digits(lab: Lab):
    phone = lab.phone("desk-1", **TAKES)
    calls = [place(lab, dialled, hang_up_after=None) for dialled in DIALLED]
    for call in calls:
        call.wait()
    for call in calls:
        assert leg_at(phone, call).answered_at is not None
        record = booked(lab, call)
        assert record.outcome is Outcome.ANSWERED
        assert set(record.number) <= set("+0123456789")
        assert len(record.number) <= 32


def test_nothing_was_carried_out_and_every_line_of_the_journal_is_one(
    standing_house: Lab, hostile: dict[str, tuple[Leg, Call]]
):
    assert hostile
    assert not list(standing_house.folder.rglob("OWNED*"))
    lines = standing_house.asterisk.journal.read_bytes().decode("utf-8", "backslashreplace").splitlines()
    ids = {parse(line).call_id for line in lines}
    assert all(is_call_id(call_id) for call_id in ids)
    assert not [line for line in log_lines(standing_house) if str(line["event"]).startswith("journal line")]


def test_a_repeat_caller_is_known(lab: Lab):
    lab.phone("desk-1", **TAKES)
    caller = next_caller()
    place(lab, "desk", caller=caller, hang_up_after=None).wait()
    place(lab, DEFAULT, caller=caller.replace("+7", "8"), hang_up_after=None).wait()
    both = booked_when(
        lab, lambda call: call.caller == caller, lambda found: len([x for x in found if finished(x)]) == 2, what="both"
    )
    assert [call.first_time for call in both] == [True, False]
