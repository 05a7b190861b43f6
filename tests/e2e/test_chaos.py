"""``scripts/chaos`` in its short form: the main faults under real calls, from a seed, and the books equal the wire."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chaoslab.parties import Seen, Side
from chaoslab.plan import GROUPS, NUMBERS, Planned
from chaoslab.site import Down, Record
from chaoslab.verdict import compare
from lab.asterisk import CHECKOUT
from lab.tools import Tools
from lab.trace import Message

MAIN = (
    "daemon-kill,daemon-freeze,ami-cut,store-lock,store-read-only,spool-full,"
    "asterisk-kill,asterisk-restart,asterisk-kill-unseen,power-cut"
)


def chaos(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(CHECKOUT / "scripts"), str(CHECKOUT)])
    return subprocess.Popen(
        [sys.executable, "-m", "chaoslab", "--folder", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_the_books_equal_the_wire_whatever_dies(tools: Tools, tmp_path: Path) -> None:
    run = chaos(tmp_path / "chaos", "--seed", "5", "--calls", "100", "--seconds", "85", "--faults", MAIN)
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert "the books equal what went over the wire" in said
    assert said.count("] fault: ") + said.count("left out: ") >= len(MAIN.split(",")), said
    placed, booked = (int(re.search(what, said)[1]) for what in (r"(\d+) calls placed", r"Booked: (\d+)"))  # type: ignore[index]
    assert placed == 100
    assert booked > 70, said


def test_it_ends_in_order_when_it_is_interrupted(tools: Tools, tmp_path: Path) -> None:
    folder = tmp_path / "chaos"
    run = chaos(folder, "--seed", "5", "--calls", "20", "--seconds", "60", "--faults", "daemon-freeze,asterisk-freeze")
    assert run.stdout is not None
    for line in run.stdout:
        if "fault:" in line:
            break
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert [x for x in Path("/proc").iterdir() if x.name.isdecimal() and str(folder).encode() in _command_of(x)] == []


def _command_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


# --- the judge itself: what it must find ---------------------------------------------------------------------------------------------

T0 = 1_795_000_000.0
INVITE = Message(T0, True, b"INVITE sip:x SIP/2.0\r\n\r\n")
NUMBER = next(x for x in NUMBERS.values() if x.line == "talk" and x.notice == "none")
CALL = Seen(
    Planned("+79990000001", NUMBER, GROUPS[0]),
    Side(b"1", INVITE, codes=[180, 200], answered_at=T0 + 1, ended_at=T0 + 6, ended_by="me", heard_at=T0 + 0.1),
    (("talk", Side(b"2", INVITE, codes=[180, 200], answered_at=T0 + 1, ended_at=T0 + 6, ended_by="far")),),
)


def at(seconds: float) -> str:
    return datetime.fromtimestamp(T0 + seconds, UTC).isoformat()


BOOKED: dict[str, Any] = {
    "id": "20261122-142701-76210-452748", "caller": "+79990000001", "number": NUMBER.e164, "attribution": {"source": NUMBER.source},
    "started_at": at(0), "answered_at": at(1), "ended_at": at(6), "outcome": "answered", "answered_by": "PJSIP/talk", "talk_seconds": 5.0,
    "hung_up_by": "caller", "decided_by": "daemon", "recording": {"status": "unnoticed", "reason": "no notice was played"},
}  # fmt: skip
KILLED = Record(deaths=[Down(T0 + 3, T0 + 5)])


@pytest.mark.parametrize(
    ("books", "record", "kinds"),
    [
        ([BOOKED], Record(), []),
        ([], Record(), ["lost"]),
        ([BOOKED, BOOKED | {"id": "20261122-142701-76210-000000"}], Record(), ["twice"]),
        ([BOOKED | {"outcome": "abandoned"}], Record(), ["outcome"]),
        ([BOOKED | {"talk_seconds": 6.1}], Record(), ["talk"]),
        ([BOOKED | {"answered_by": "PJSIP/late"}], Record(), ["fact"]),
        ([BOOKED | {"attribution": {"source": "nobody"}}], Record(), ["fact"]),
        ([BOOKED | {"recording": {"status": "kept", "path": "2026/gone.wav"}}], Record(), ["recording"]),
        ([BOOKED, BOOKED | {"caller": "+70000000000"}], Record(), ["twice"]),
        ([BOOKED], Record(unasked=["it died"]), ["daemon"]),
        ([BOOKED], KILLED, ["outcome"]),
        ([BOOKED | {"outcome": "interrupted", "talk_seconds": 2.0}], KILLED, []),
        ([BOOKED | {"outcome": "interrupted", "talk_seconds": 5.5}], KILLED, ["talk"]),
        ([], KILLED, ["lost"]),
    ],
)
def test_the_judge_finds_what_is_wrong(
    tmp_path: Path, books: list[dict[str, Any]], record: Record, kinds: list[str]
) -> None:
    found, _ = compare([CALL], books, record, (tmp_path, tmp_path))
    assert [x.kind for x in found] == kinds


def test_the_judge_finds_strays_and_calls_that_rang_nobody(tmp_path: Path) -> None:
    (tmp_path / "20261122-142701-76210-999999-caller.wav").touch()
    nobody = Seen(CALL.planned, CALL.caller, ())
    left = BOOKED | {"outcome": "abandoned", "answered_at": None, "answered_by": None, "talk_seconds": None}
    found, _ = compare([nobody], [left], Record(), (tmp_path / "none", tmp_path))
    assert [x.kind for x in found] == ["stray"]  # he left after 6 s: soon enough
    waited = Seen(CALL.planned, Side(b"1", INVITE, codes=[480], ended_at=T0 + 9, ended_by="far", heard_at=T0 + 0.1), ())
    found, _ = compare([waited], [left], Record(), (tmp_path / "none", tmp_path / "none"))
    assert [x.kind for x in found] == ["phone"]
