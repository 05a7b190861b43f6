"""The demo's verdict finds what is booked wrong: each fact changed by itself is told."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from lab.sipp import Leg
from lab.tones import tone
from lab.trace import Message
from lab.verdict import Expected, differences

INVITE = Message(1000.0, False, b"INVITE sip:1@x SIP/2.0\r\nCall-ID: a\r\n\r\n")
BOOKED: dict[str, Any] = {
    "number": "+74951110001",
    "caller": "+79161110001",
    "attribution": {"source": "radio"},
    "outcome": "answered",
    "answered_by": "PJSIP/sales-1",
    "answered_at": "2026-11-22T12:00:00.000+03:00",
    "ended_at": "2026-11-22T12:00:03.000+03:00",
    "recording": {"status": "kept", "path": "a.wav"},
}


@pytest.fixture
def expected() -> Expected:
    leg = Leg(b"a", INVITE, answered_at=1001.0, ended_at=1004.0)
    return Expected("+74951110001", "+79161110001", "radio", "PJSIP/sales-1", leg, leg, 440.0, 1000.0)


def _record(folder: Path, left: float, right: float, seconds: float = 3.0) -> None:
    soundfile.write(folder / "a.wav", np.stack([tone(left, seconds), tone(right, seconds)], axis=1), 8000)


def test_a_call_booked_as_it_happened_has_no_differences(expected: Expected, tmp_path: Path):
    _record(tmp_path, 440, 1000)
    assert differences(BOOKED, expected, tmp_path) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("number",), "+74951110002", "number is booked as '+74951110002'"),
        (("caller",), None, "caller is booked as None"),
        (("attribution", "source"), "billboard-m4", "source is booked as 'billboard-m4', it was 'radio'"),
        (("outcome",), "unanswered", "outcome is booked as 'unanswered'"),
        (("answered_by",), "PJSIP/sales-2", "answered by is booked as 'PJSIP/sales-2'"),
        (("ended_at",), "2026-11-22T12:00:04.500+03:00", "talk time is booked as 4.5 s, the phone saw 3.0 s"),
        (("answered_at",), None, "talk time is booked as None"),
        (("recording", "status"), "missing", "the recording is missing"),
        (("recording", "path"), "b.wav", "is not there"),
    ],
)
def test_each_wrong_fact_is_told(expected: Expected, tmp_path: Path, path: tuple[str, ...], value: object, told: str):
    _record(tmp_path, 440, 1000)
    call = deepcopy(BOOKED)
    place = call
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (found,) = differences(call, expected, tmp_path)
    assert told in found


def test_swapped_channels_are_told(expected: Expected, tmp_path: Path):
    _record(tmp_path, 1000, 440)
    assert len(differences(BOOKED, expected, tmp_path)) == 4


def test_a_recording_of_another_length_is_told(expected: Expected, tmp_path: Path):
    _record(tmp_path, 440, 1000, seconds=4.5)
    assert differences(BOOKED, expected, tmp_path) == ["the recording lasts 4.5 s, the talk 3.0 s"]


def test_a_mono_recording_is_told(expected: Expected, tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", tone(440, 3), 8000)
    assert differences(BOOKED, expected, tmp_path) == ["the recording has 1 channels"]


def test_a_phone_invited_twice_is_told(expected: Expected, tmp_path: Path):
    _record(tmp_path, 440, 1000)
    expected.phone_leg.invites = 2
    assert differences(BOOKED, expected, tmp_path) == ["the phone was invited 2 times"]
