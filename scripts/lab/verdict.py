"""Was a call booked as it happened? Compares what SIPp saw and what the recording holds with the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from lab.sipp import Leg
from lab.tones import windows

PURE = 0.9  #: mean purity of a side's own tone over windows of 200 ms
FOREIGN = 0.1  #: the most of the other side's tone in any window; speech through the wrong channel gives 0.5 and more


@dataclass(frozen=True, slots=True)
class Expected:
    """What happened: as it was meant and as both ends of the call saw it. `source` None: the number belongs to none."""

    number: str
    caller: str
    source: str | None
    answered_by: str
    caller_leg: Leg
    phone_leg: Leg
    caller_hz: float
    agent_hz: float


def differences(call: dict[str, Any], expected: Expected, recordings: Path) -> list[str]:
    """Everything in the books that is not as it happened, in words; none if all is right."""
    talk = expected.phone_leg.talk_seconds or 0.0
    booked_talk = talk_seconds(call)
    facts = [
        ("number", call["number"], expected.number),
        ("caller", call["caller"], expected.caller),
        ("source", (call.get("attribution") or {}).get("source"), expected.source),
        ("outcome", call["outcome"], "answered"),
        ("answered by", call["answered_by"], expected.answered_by),
    ]
    found = [f"{what} is booked as {booked!r}, it was {was!r}" for what, booked, was in facts if booked != was]
    if booked_talk is None or abs(booked_talk - talk) > 1.0:
        found.append(f"talk time is booked as {booked_talk} s, the phone saw {talk:.1f} s")
    if expected.phone_leg.invites != 1:
        found.append(f"the phone was invited {expected.phone_leg.invites} times")
    return found + _in_recording(call, expected, talk, recordings)


def talk_seconds(call: dict[str, Any]) -> float | None:
    if not call.get("answered_at") or not call.get("ended_at"):
        return None
    return (datetime.fromisoformat(call["ended_at"]) - datetime.fromisoformat(call["answered_at"])).total_seconds()


def _in_recording(call: dict[str, Any], expected: Expected, talk: float, recordings: Path) -> list[str]:
    recording = call.get("recording") or {}
    if recording.get("status") != "kept":
        return [f"the recording is {recording.get('status')}: {recording.get('reason') or 'no reason given'}"]
    path = recordings / recording["path"]
    if not path.is_file():
        return [f"the recording {path} is not there"]
    audio, rate = soundfile.read(path, always_2d=True)
    if audio.shape[1] != 2:
        return [f"the recording has {audio.shape[1]} channels"]
    found = []
    if abs(len(audio) / rate - talk) > 1.0:
        found.append(f"the recording lasts {len(audio) / rate:.1f} s, the talk {talk:.1f} s")
    if len(audio) < 1.5 * rate:
        return [*found, f"the recording lasts {len(audio) / rate:.1f} s: too short to look into"]
    edge = rate // 2  # the talk's very beginning and end may be silence
    sides = (("left", 0, expected.caller_hz, expected.agent_hz), ("right", 1, expected.agent_hz, expected.caller_hz))
    for side, channel, own, other in sides:
        talk_only = audio[edge : len(audio) - edge, channel]
        # by windows: a packet that comes late on a busy machine shifts the phase, which spoils one window and not the whole
        share, foreign = np.mean(windows(talk_only, rate, own)), np.max(windows(talk_only, rate, other))
        if not share >= PURE:
            found.append(f"the {side} channel holds {own:g} Hz at a purity of {share:.2f}, less than {PURE}")
        if foreign > FOREIGN:
            found.append(f"the {side} channel holds the other side's {other:g} Hz ({foreign:.2f})")
    return found
