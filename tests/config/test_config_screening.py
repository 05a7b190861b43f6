"""The section `screening`: whom it stops, and what it says of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from config_texts import MINIMAL, write_wav

from bridge.config import Loaded
from bridge.core.model import Measure, Screening, Verdict
from bridge.core.screening import Challenge, Rate, screen

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

SCREENING = """\
screening:
  allow: [8 495 123-45-67]
  block:
    - +7495123*
    - {number: 84951112233, reason: robot}
    - 100500
  block_file: block.txt
  rate: {calls: 5, per: 10m}
  challenge: {file: press.wav, key: "*"}
"""
FILE = "# from the forum\n+7812*   # loans\n\n8 (495) 777-00-00\n"


def found(loaded: Loaded, caller: str) -> str | None:
    screening = screen(caller, [], loaded.directory.screening, NOON)
    return screening.reason if screening else None


def test_the_lists_are_read_in_any_usual_writing(loads: Callable[..., Loaded], folder: Path) -> None:
    write_wav(folder / "press.wav")
    loaded = loads(MINIMAL + SCREENING, {"block.txt": FILE})
    assert found(loaded, "+74951230000") == "on the block list as +7495123*"
    assert found(loaded, "+74951234567") is None
    assert found(loaded, "+74951112233") == "on the block list as +74951112233: robot"
    assert found(loaded, "100500") == "on the block list as 100500"
    assert found(loaded, "+78121112233") == "on the block list as +7812*: loans"
    assert found(loaded, "+74957770000") == "on the block list as +74957770000"
    rules = loaded.directory.screening
    assert rules is not None
    assert rules.rate == Rate(5, 600)
    assert rules.challenge == Challenge(str(folder / "press"), "*")
    assert (rules.suspected, rules.blocked, rules.suspect_withheld) == (Measure.CHALLENGE, Measure.REJECT, False)


def test_a_challenge_without_its_sound_is_none_and_check_says_so(loads: Callable[..., Loaded]) -> None:
    loaded = loads(MINIMAL + SCREENING, {"block.txt": ""})
    rules = loaded.directory.screening
    assert rules is not None
    assert rules.challenge is None
    assert [p.path for p in loaded.sound_problems] == ["screening.challenge"]


def test_nothing_is_screened_if_nothing_is_said(loads: Callable[..., Loaded]) -> None:
    assert loads(MINIMAL).directory.screening is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{block: ['7495*']}",
            "6:21: screening.block[0]: `7495*` is not a beginning of numbers: write it from the country on, `+7495123*`",
        ),
        ("{block: ['*']}", "6:21: screening.block[0]: `*` is not a beginning of numbers"),
        ("{allow: [+7495]}", "6:21: screening.allow[0]: `+7495` is not a telephone number of RU"),
        ("{block: [{reason: x}]}", "6:21: screening.block[0].number: is missing"),
        ("{block: [{number: 100, reson: x}]}", "unknown key, did you mean `reason`?"),
        ("{block_file: gone.txt}", "gone.txt cannot be read: no such file or directory"),
        ("{rate: {calls: 5, per: 10m}}", "`suspected: challenge` needs `challenge`"),
        ("{withheld: suspected, suspected: voicemail}", "`suspected: voicemail` needs `voicemail`"),
        ("{rate: {calls: 5, per: 1s}, suspected: pass}", "`per` must be between 10s and 24h"),
        ("{suspected: chalenge}", "did you mean `challenge`?"),
        ("{challenge: {key: 55, sound: beep}}", "`55` is not a key to press"),
        ("{challenge: {key: '#', sound: beep}}", "`#` is not a key to press"),
        ("{challenge: {key: 5}}", "expected one of `file`, `text` and `sound`"),
    ],
)
def test_mistakes(complains: Callable[..., list[str]], text: str, said: str) -> None:
    (problem,) = complains(f"{MINIMAL}screening: {text}\n")
    assert said in problem


def test_a_wrong_line_of_the_block_file_is_named(complains: Callable[..., list[str]]) -> None:
    (problem,) = complains(MINIMAL + "screening: {block_file: b.txt}\n", {"b.txt": "+7495*\nloans\n"})
    assert "b.txt, line 2: `loans` is not a telephone number" in problem


def test_a_plan_must_fit_the_wire_with_the_challenge_before_it(
    complains: Callable[..., list[str]], folder: Path
) -> None:
    phones = ", ".join(f"PJSIP/{n:040}" for n in range(27))
    text = MINIMAL.replace("phone: PJSIP/101", f"phones: [{phones}]")
    assert complains(text) == []
    sound = "a" * 100
    assert "1500 is the most" in complains(text + f"screening: {{challenge: {{sound: {sound}}}}}\n")[0]


def test_the_words_of_the_configuration_are_those_of_the_core() -> None:
    for word in ("challenge", "voicemail", "busy", "pass", "reject"):
        assert Screening(Verdict.SUSPECTED, "", Measure(word)).wire == f"suspected-{word}"
