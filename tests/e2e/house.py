"""The house: one lab with a line for every story, so that most tests share one Asterisk and one daemon.

Every line NAME has a number of its own, ``number(NAME)``; callers have numbers of their own, so calls are told apart by them.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import soundfile
from lab.conf import Endpoint
from lab.sipp import CallerCall, Leg, Phone
from lab.tones import Samples, purity, tone, windows, write_wav
from lab.world import Lab

from bridge.core.model import Call, RecordingStatus, Ring
from bridge.store.calls import CallStore
from bridge.store.engine import Database

NOTICE_HZ, CALLER_HZ, AGENT_HZ = 1400, 440, 1000
SHORT, LONG = 0.4, 3.0  #: seconds of the notices
TOLD_APART = 0.4  #: seconds within which two clocks of one machine agree on a loaded one

UNBOUND, RETIRING, DEFAULT, KIOSK = "+74953330001", "+74953330002", "+74953330003", "+74953330004"


def ring(*phones: str, after: int = 0, **more: Any) -> dict[str, Any]:
    """A line that rings the first phone at once and each other `after` seconds after the one before it."""
    entries: list[dict[str, Any]] = [
        {"phone": f"PJSIP/{phone}", **({"after": f"{n * after}s"} if n * after else {})}
        for n, phone in enumerate(phones)
    ]
    return {"ring": entries, "timeout": "30s", **more}


LINES: dict[str, dict[str, Any]] = {
    "desk": ring("desk-1"),
    "crowd": ring("crowd-1"),
    "stagger": ring("stagger-1", "stagger-2", after=3),
    "busy-first": ring("busyfirst-1", "busyfirst-2", after=20),
    "gone-first": ring("gone-1", "gone-2", after=20),
    "turns": {"ring": [{"phone": "PJSIP/turns-1"}, {"phone": "PJSIP/turns-2"}], "order": "sequential", "each": "2s"},
    "when-busy": ring("whenbusy-1", when_busy={"line": "desk"}),
    "when-unanswered": ring("unanswered-1", timeout="2s", when_unanswered={"announcement": {"file": "announce.wav"}}),
    "voicemail": ring("voicemail-1", timeout="2s", when_unanswered={"voicemail": "100@default"}),
    "closed": ring("desk-1", hours={"open": {}}, when_closed={"announcement": {"file": "announce.wav"}}),
    "busy": ring("busy-1"),
    "unanswered": ring("unanswered-2", timeout="2s"),
    "unreachable": ring("unreachable-1"),
    "silent": ring("silent-1"),
}
PHONES = sorted({entry["phone"].removeprefix("PJSIP/") for line in LINES.values() for entry in line["ring"]})
GONE = ("gone-1", "unreachable-1")
OUTSIDE = "outside-1"  #: whom the house calls
#: How the house's phones call out, as a sysadmin writes it.
OUTGOING = f"""
[from-phones]
exten => _[+0-9]!,1,Gosub(bridge-outbound,${{FILTER(+0-9,${{EXTEN}})}},1)
 same => n,Dial(PJSIP/{OUTSIDE},10)
"""
NOTICES: dict[str, dict[str, Any]] = {
    "short": {"file": "short.wav"},
    "early": {"file": "short.wav", "play": "early"},
    "long": {"file": "long.wav"},
    "key": {"file": "long.wav", "decline_key": "9"},
    "gone": {"file": "gone.wav"},
    "cut": {"file": "cut.wav"},
}
#: line -> the notice of its number; all others have none
_NOTICE_OF = {"desk": "short", "crowd": "short", "stagger": "short", "silent": "short"}
_NUMBERS = {name: f"+7495222{n:04}" for n, name in enumerate([*LINES, *NOTICES], 1)}
_callers = itertools.count(1)


def number(name: str) -> str:
    """The tracked number of a line, or of a notice on the line ``desk``."""
    return _NUMBERS[name]


def next_caller() -> str:
    """A caller nobody else has."""
    return f"+7926{next(_callers):07}"


def furnish(config: dict[str, Any], lab: Lab) -> None:
    """Make the configuration of a lab that of the house."""
    for name, seconds in (("short", SHORT), ("long", LONG), ("cut", LONG)):
        write_wav(lab.folder / f"{name}.wav", tone(NOTICE_HZ, seconds))
    write_wav(lab.folder / "announce.wav", tone(700, 0.6))
    config["lines"] = copy.deepcopy(LINES)
    config["notices"] = {
        name: {"text": "This call is recorded.", "play": "answer", **notice} for name, notice in NOTICES.items()
    }
    config["sources"] = {
        "radio": {"title": "Радио", "prefix": "Радио:"},
        "billboard": {"title": "Billboard"},
        "kiosk": {"title": "Kiosk"},
    }
    bound = {number(name): {"source": "radio", "line": name, "notice": _NOTICE_OF.get(name, "none")} for name in LINES}
    bound |= {number(name): {"source": "radio", "line": "desk", "notice": name} for name in NOTICES}
    bound[RETIRING] = {"retiring": "billboard", "since": "2026-01-31"}
    bound[DEFAULT] = {"default_of": "billboard"}
    bound[KIOSK] = {"source": "kiosk", "notice": "none"}
    config["numbers"] = bound
    config["defaults"] = {"line": "desk", "notice": "short"}
    config["fallback"] = {"line": "desk"}


def house(folder: Path, tools: Any, **how: Any) -> Lab:
    """The lab, not started. The phones in GONE are watched by Asterisk; nobody starts them."""
    lab = Lab(
        folder, tools, phones=[*PHONES, OUTSIDE], change=furnish, dialplan=OUTGOING, codecs="alaw,ulaw,slin16", **how
    )
    lab.asterisk.phones = [
        Endpoint(x.name, x.address, x.port, qualify=1 if x.name in GONE else 0) for x in lab.asterisk.phones
    ]
    return lab


# --- calls and the books ---------------------------------------------------------------------------------------------------


def place(lab: Lab, to: str, **how: Any) -> CallerCall:
    """Call a line, a notice or a number, as a caller nobody else is."""
    return lab.call(_NUMBERS.get(to, to), **{"caller": next_caller(), **how})


def all_calls(lab: Lab) -> list[Call]:
    """Everything in the books, oldest first."""

    async def read() -> list[Call]:
        database = Database(f"sqlite:///{lab.config['store']['url']}")
        try:
            return list((await CallStore(database).find(limit=1000)).calls)
        finally:
            await database.close()

    return sorted(asyncio.run(read()), key=lambda call: call.id)


def booked(lab: Lab, call: CallerCall, *, rings: int = 0, timeout: float = 20.0) -> Call:
    """The one record of a call, as soon as it has ended, its recording is finished and `rings` phones told when they rang."""
    caller = call.leg.from_user.decode()

    def complete(found: list[Call]) -> bool:
        return len([x for x in found if finished(x) and len([r for r in x.rings if r.exact]) >= rings]) > 0

    found = booked_when(lab, lambda x: x.caller == caller, complete, timeout, f"the call of {caller}")
    assert len(found) == 1, f"booked {len(found)} times: {found}"
    return found[0]


def booked_when(
    lab: Lab,
    which: Callable[[Call], bool],
    complete: Callable[[list[Call]], bool],
    timeout: float = 20.0,
    what: str = "",
) -> list[Call]:
    """The calls that `which` picks, as soon as they are `complete`."""
    deadline = time.monotonic() + timeout
    while True:
        found = [call for call in all_calls(lab) if which(call)]
        if complete(found):
            return found
        assert time.monotonic() < deadline, f"not booked in {timeout:g} s: {what}: {found}\n{lab.daemon.log_tail()}"
        time.sleep(0.15)


def finished(call: Call) -> bool:
    return call.ended_at is not None and call.recording.status is not RecordingStatus.PENDING


def until(happened: Callable[[], object], timeout: float, what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout:g} s"
        time.sleep(0.05)


def leg_at(phone: Phone, call: CallerCall) -> Leg:
    """What a phone saw of a call."""
    found = [leg for leg in phone.legs if leg.from_user == call.leg.from_user]
    assert len(found) == 1, f"{phone.name} was rung {len(found)} times by {call.leg.from_user!r}"
    return found[0]


def ring_of(call: Call, phone: str) -> Ring:
    found = [x for x in call.rings if x.phone == f"PJSIP/{phone}"]
    assert len(found) == 1, f"{phone} stands {len(found)} times in {call.rings}"
    return found[0]


def near(at: datetime | None, seen: float | None, by: float = TOLD_APART) -> bool:
    """Whether a booked time and one of SIPp's trace are the same."""
    return at is not None and seen is not None and abs(at.timestamp() - seen) <= by


def log_lines(lab: Lab) -> list[Mapping[str, Any]]:
    """The daemon's log."""
    return [json.loads(line) for line in lab.daemon.log.read_text("utf-8").splitlines() if line.startswith("{")]


# --- audio -----------------------------------------------------------------------------------------------------------------


def sides(lab: Lab, call: Call) -> tuple[int, Samples, Samples]:
    """Rate, left and right of a call's recording, in whatever format."""
    assert call.recording.status is RecordingStatus.KEPT, call.recording
    data, rate = soundfile.read(lab.recordings / str(call.recording.path), always_2d=True)
    assert data.shape[1] == 2
    return rate, data[:, 0], data[:, 1]


def alone(samples: Samples, rate: int, frequency: float, others: tuple[float, ...] = ()) -> bool:
    """Whether the tone is all there is, after the moments it takes to begin, and none of the others is anywhere."""
    settled = samples[round(0.3 * rate) : len(samples) - round(0.1 * rate)]
    assert len(settled) > 0.3 * rate, f"only {len(samples) / rate:.2f} s of audio"
    stray = max((float(max(windows(samples, rate, other, 0.1))) for other in others), default=0.0)
    assert stray < 0.05, f"another tone is heard: {stray:.3f}"
    return purity(settled, rate, frequency) >= 0.9


def heard_tone(leg: Leg, frequency: float) -> float:
    """For how many seconds a side heard the tone alone."""
    return 0.1 * sum(share > 0.9 for share in windows(leg.audio(), 8000, frequency, 0.1))
