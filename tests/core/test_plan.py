from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.plan import (
    MAX_BYTES,
    Answer,
    ChallengeStage,
    HangupStage,
    Leg,
    Notice,
    PlayStage,
    RingStage,
    VoicemailStage,
    clean_text,
    is_device,
)

RING = RingStage((Leg("PJSIP/101"), Leg("PJSIP/102", 10, 20)), 40, 2, 3)
ANSWER = Answer(
    "radio",
    "office",
    (RING, HangupStage(17), PlayStage("/var/lib/sounds/closed"), VoicemailStage("100@default", "b")),
    language="ru",
    notice=Notice("/var/lib/sounds/notice-ru", 4210, "early", "9"),
    whisper="whisper/radio",
    beep=True,
    prefix="Радио:",
    token="tok_-1",
)


def test_the_wire_form() -> None:
    assert ANSWER.encode() == (
        "1,radio,office,ru,/var/lib/sounds/notice-ru,early,4210,9,after-notice,whisper/radio,beep,Радио:,"
        "ring=40=2=3=PJSIP/101~0~0&PJSIP/102~10~20|hangup=17|play=/var/lib/sounds/closed|voicemail=100@default=b,,tok_-1,1"
    )


def test_a_challenge_goes_before_the_plan() -> None:
    answer = replace(ANSWER, stages=(ChallengeStage("/s/press", "5"), RING, HangupStage(17), PlayStage("/s/x")))
    answer = replace(answer, screening="suspected-challenge")
    fields = answer.encode().split(",")
    assert fields[12].startswith("challenge=/s/press=5=2|ring=40=")
    assert fields[13] == "suspected-challenge"


def test_the_dialplan_takes_as_many_fields_as_are_sent() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "dialplan" / "bridge.conf").read_text("utf-8")
    found = re.search(r"Set\(ARRAY\(([^)]*)\)=\$\{BRIDGE_ANSWER\}\)", text)
    assert found is not None
    assert len(found[1].split(",")) == len(ANSWER.encode().split(","))
    static = re.search(r"Set\(BRIDGE_ANSWER=(1,[^)]*)\)", text)
    assert static is not None
    assert len(static[1].split(",")) == len(ANSWER.encode().split(","))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"source": "a,b"}, "source 'a,b'"),
        ({"line": "Office"}, "line 'Office'"),
        ({"screening": "a,b"}, "screening 'a,b'"),
        ({"stages": (ChallengeStage("/s/p", "#"), RING, RING, RING)}, "challenge key '#'"),
        ({"stages": (ChallengeStage("/s/p=1", "5"), RING, RING, RING)}, "sound '/s/p=1'"),
        ({"stages": (ChallengeStage("/s/p", "5"),)}, "a challenge's next stage"),
        ({"language": "ru,1"}, "language"),
        ({"whisper": "../../etc/passwd"}, "whisper"),
        ({"prefix": "x${SHELL(id)}"}, "prefix"),
        ({"token": "a,b"}, "token"),
        ({"stages": ()}, "a plan without stages"),
        ({"notice": Notice("a b", 1)}, "notice"),
        ({"notice": Notice("a", 1, decline_key="12")}, "decline key"),
        ({"stages": (replace(RING, on_busy=9),)}, "next stage"),
        ({"stages": (replace(RING, timeout=0, on_busy=0, on_unanswered=0),)}, "times"),
        ({"stages": (replace(RING, legs=()),)}, "without phones"),
        ({"stages": (RingStage((Leg("PJSIP/1&Local/2"),), 5),)}, "phone"),
        ({"stages": (PlayStage("a&b"),)}, "sound"),
        ({"stages": (VoicemailStage("100,s"),)}, "mailbox"),
        ({"stages": (HangupStage(0),)}, "cause"),
    ],
)
def test_nothing_unsafe_reaches_the_dialplan(change: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=f"unsafe for the dialplan: .*{re.escape(what)}"):
        replace(ANSWER, **change).encode()  # type: ignore[arg-type]


def test_a_plan_that_asterisk_would_cut_is_refused() -> None:
    legs = tuple(Leg(f"PJSIP/a-rather-long-name-{n}") for n in range(60))
    with pytest.raises(ValueError, match=f"takes [0-9]+ bytes, {MAX_BYTES} is the most"):
        replace(ANSWER, stages=(RingStage(legs, 40),)).encode()


@given(st.text(max_size=80))
def test_cleaned_text_is_always_safe(text: str) -> None:
    cleaned = clean_text(text)
    assert not set(cleaned) & set(",\"'\\|^${}()[]<>&;=~`\n\r\t")
    assert clean_text(cleaned) == cleaned
    replace(ANSWER, prefix=cleaned).encode()


@given(st.text(max_size=60))
def test_a_device_is_never_more_than_a_device(text: str) -> None:
    if is_device(text):
        assert re.fullmatch(r"[A-Za-z0-9]+/[A-Za-z0-9_.+@/-]+", text)
