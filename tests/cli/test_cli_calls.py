"""callbridge calls: list, filters, output forms, one call, follow."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from store_samples import a_call, answered, full_call, missed

from bridge.core.model import Call, Outcome, Recording, RecordingStatus

Run = Callable[..., Result]
Fill = Callable[..., list[Call]]


def test_the_list(fill: Fill, callbridge: Run) -> None:
    fill([answered(1), missed(2, source=None, caller=None), a_call(3, caller="+79990000000"), full_call()])
    lines = [line for line in callbridge("calls").stdout.splitlines() if "2026-11-20" in line]
    rows = [line.split() for line in lines]
    assert [row[1] for row in rows] == ["15:03:00+03:00", "15:02:00+03:00", "15:01:00+03:00", "15:00:00+03:00"]
    assert "+79990000000 *" in lines[-4]
    assert "under way" in lines[-4]
    assert "withheld" in lines[-3]
    assert "unknown" in lines[-3]
    assert rows[2][-3:] == ["0:12", "1:00", answered(1).id]
    assert "yandex-direct 93%" in lines[-1]


def test_no_calls_is_no_error(fill: Fill, callbridge: Run) -> None:
    fill()
    result = callbridge("calls")
    assert (result.stdout, result.stderr) == ("", "no calls\n")
    assert json.loads(callbridge("calls", "--json").stdout) == []
    assert len(callbridge("calls", "--csv").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "seqs"),
    [
        ((), [4, 3, 2, 1]),
        (("--limit", "2"), [4, 3]),
        (("--limit", "0"), [4, 3, 2, 1]),
        (("--day", "2026-11-20"), [4, 3, 2, 1]),
        (("--day", "2026-11-21"), []),
        (("--since", "2026-11-20T15:02"), [4, 3, 2]),
        (("--since", "2026-11-20T12:02:00Z", "--until", "2026-11-20T15:04"), [3, 2]),
        (("--until", "2026-11-20"), [4, 3, 2, 1]),
        (("--until", "2026-11-19"), []),
        (("--source", "radio"), [3]),
        (("--source", "unknown", "--source", "radio"), [3, 2]),
        (("--outcome", "busy", "--outcome", "unanswered"), [4, 2]),
        (("--caller", "8 (916) 111-22-33", "--source", "billboard"), [4, 1]),
        (("--number", "84950000000"), [1]),
        (("--line", "night"), [4]),
        (("--spam", "only"), [2]),
        (("--spam", "without"), [4, 3, 1]),
    ],
)
def test_filters(fill: Fill, callbridge: Run, arguments: tuple[str, ...], seqs: list[int]) -> None:
    fill(
        [
            answered(1, number="+74950000000"),
            missed(2, source=None, spam=True),
            answered(3, source="radio", caller="+70000000000"),
            missed(4, line="night", outcome=Outcome.BUSY),
        ]
    )
    found = json.loads(callbridge("calls", "--json", *arguments).stdout)
    assert [int(call["id"].split("-")[2]) for call in found] == seqs


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "whenever"), "'whenever' is not a time: use today"),
        (("--day", "today", "--since", "7d"), "--day goes alone"),
        (("--since", "2026-11-21", "--until", "2026-11-20"), "--since must be before --until"),
        (("--outcome", "lost"), "'lost' is not one of"),
        (("--limit", "-1"), "--limit"),
    ],
)
def test_what_is_not_understood_is_usage(fill: Fill, callbridge: Run, arguments: tuple[str, ...], says: str) -> None:
    fill()
    assert says in callbridge("calls", *arguments, exit_code=2).stderr


def test_json_is_the_model(fill: Fill, callbridge: Run) -> None:
    (call,) = fill([full_call()])
    (found,) = json.loads(callbridge("calls", "--json").stdout)
    shown = json.loads(callbridge("calls", "show", call.id, "--json").stdout)
    assert shown == found | {"visit": None, "attributions": []}
    assert found["started_at"] == "2026-11-20T15:00:00.123456+03:00"
    assert found["attribution"] == {
        "kind": "visit",
        "source": "yandex-direct",
        "reason": "shown 2 min ago",
        "visit": "v1",
        "confidence": 0.93,
    }
    assert found["rings"][0]["phone"] == "PJSIP/101"
    assert (found["wait_seconds"], found["talk_seconds"]) == (12.345, 77.655)
    assert datetime.fromisoformat(found["notice"]["ended_at"]) == call.notice.ended_at
    assert found["trunk"] == "PJSIP/mango"
    assert re.search(r"^Trunk +PJSIP/mango$", callbridge("calls", "show", call.id).stdout, re.MULTILINE)


def test_csv_holds_every_call_and_no_formula(fill: Fill, callbridge: Run) -> None:
    fill([answered(1, caller_name='=HYPERLINK("http://x")'), answered(2, caller="@bad", caller_name='say "hi",\nbye')])
    rows = list(csv.DictReader(io.StringIO(callbridge("calls", "--csv").stdout)))
    assert [row["caller_name"] for row in rows] == ['say "hi",·bye', '\'=HYPERLINK("http://x")']
    assert rows[0]["caller"] == "'@bad"
    assert rows[1]["number"] == "'+74951234567"
    assert rows[1]["talk_seconds"] == "60.0"
    assert rows[1]["first_time"] == "yes"
    assert rows[1]["started_at"] == "2026-11-20T15:01:00+03:00"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_spam_is_marked_and_says_why(fill: Fill, callbridge: Run) -> None:
    (spam, _) = fill([full_call(), answered(1)])
    marked = [line for line in callbridge("calls").stdout.splitlines() if "+79161112233 !" in line]
    assert len(marked) == 1
    assert spam.id in marked[0]
    card = callbridge("calls", "show", spam.id).stdout
    assert "Screening   suspected (challenge, not passed)\n  because   7 calls within 10 min\nSpam        yes" in card
    rows = list(csv.DictReader(io.StringIO(callbridge("calls", "--csv").stdout)))
    assert [(row["spam"], row["screening_verdict"]) for row in rows] == [("no", ""), ("yes", "suspected")]


def test_a_name_cannot_steer_the_terminal(fill: Fill, callbridge: Run) -> None:
    nasty = "\x1b[2J\x9b31m\u202eevil [red]x[/red]"
    (call,) = fill([answered(1, caller_name=nasty, caller="\x1b]0;owned\x07")])
    for arguments in (("calls",), ("calls", "show", call.id), ("calls", "--json"), ("calls", "--csv")):
        shown = callbridge(*arguments).stdout
        assert not set("\x1b\x07\x9b\u202e") & set(shown)
    assert "[red]x[/red]" in callbridge("calls", "show", call.id).stdout
    assert json.loads(callbridge("calls", "--json").stdout)[0]["caller_name"] == nasty


def test_the_card(fill: Fill, callbridge: Run, tmp_path: Path) -> None:
    (call,) = fill([full_call()])
    card = callbridge("calls", "show", "20261120-15").stdout
    for text in (
        call.id,
        "+79161112233  Анна «Роза» O'Neil; DROP TABLE calls  (first call)",
        "+74951234567  (pool)",
        "yandex-direct 93%  (visit, 93% sure)",
        "shown 2 min ago",
        "main  (decided by cache)",
        "PJSIP/101 at +0:00 for 0:12: answer",
        "PJSIP/102 at +0:10: not known (as planned)",
        "2026-11-20 15:00:12+03:00 by PJSIP/101 after 0:12",
        "2026-11-20 15:01:30+03:00 by caller  (cause 16)",
        "callbridge/ru (ru): heard to its end",
        "ab" * 32,
        "kept: whole",
        f"{tmp_path}/sounds/2026/11/20/x.wav",
        "1:18, 8000 Hz, 5000.0 MB (left: caller, right: company)",
        "rtt 0.03  rxjitter 0.001",
    ):
        assert text in card, text


def test_a_card_of_hardly_anything(fill: Fill, callbridge: Run) -> None:
    fill([a_call(1, caller=None, source=None, line=None)])
    card = callbridge("calls", "show", "2026").stdout
    assert "withheld" in card
    assert "under way" in card
    assert "none played" in card


def test_an_id_that_is_not_one_call(fill: Fill, callbridge: Run) -> None:
    one, two = fill([answered(1), answered(2)])
    assert (
        callbridge("calls", "show", "2025", exit_code=1).stderr
        == "callbridge: no call has an id that begins with '2025'\n"
    )
    said = callbridge("calls", "show", "20261120", exit_code=1).stderr
    assert one.id in said
    assert two.id in said
    assert len(said.splitlines()) == 1


def test_play_prints_the_path(fill: Fill, callbridge: Run, tmp_path: Path) -> None:
    kept = Recording(RecordingStatus.KEPT, path="2026/11/20/x.wav")
    fill([answered(1, recording=kept), answered(2, recording=Recording(RecordingStatus.UNNOTICED, reason="no notice"))])
    assert "is not there" in callbridge("calls", "play", answered(1).id, exit_code=1).stderr
    sound = tmp_path / "sounds/2026/11/20/x.wav"
    sound.parent.mkdir(parents=True)
    sound.touch()
    assert callbridge("calls", "play", answered(1).id).stdout == f"{sound}\n"
    assert "has no recording: unnoticed (no notice)" in callbridge("calls", "play", answered(2).id, exit_code=1).stderr


@pytest.mark.parametrize(
    ("player", "channel", "arguments"),
    [
        ("play", None, "-q {}"),
        ("play", "right", "-q {} remix 2"),
        ("ffplay", "left", "-nodisp -autoexit -loglevel error -af pan=mono|c0=c0 {}"),
        ("mpv", "right", "--no-video --af=pan=1:[0,1] {}"),
        ("aplay", None, "-q {}"),
        ("aplay", "left", None),
    ],
)
def test_play_runs_the_player_that_is_there(
    fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, player: str, channel: str | None, arguments: str | None
) -> None:
    fill([answered(1, recording=Recording(RecordingStatus.KEPT, path="x.wav"))])
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/x.wav").touch()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / player).write_text(f'#!/bin/sh\nprintf "%s " "$@" > {tmp_path}/played\n')
    (bin_folder / player).chmod(0o755)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "calls", "play", "2026", *(["--channel", channel] if channel else [])],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        env={**_environment(), "PATH": str(bin_folder)},
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    if arguments is None:
        assert done.returncode == 1
        assert "no player is installed" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "played").read_text().strip() == arguments.format(tmp_path / "sounds/x.wav")


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1", **more}


def _start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bridge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        **options,
    )


def test_follow_shows_every_call_once_as_it_ends_and_stops_quietly(fill: Fill) -> None:
    fill([answered(1), a_call(2)])
    with _start("calls", "-f", "--json") as following:
        assert json.loads(following.stdout.readline())["id"] == answered(1).id
        fill([a_call(3)])  # begins: not shown
        fill([answered(2)])  # ends
        ended = json.loads(following.stdout.readline())
        assert (ended["id"], ended["outcome"]) == (answered(2).id, "answered")
        kept = Recording(RecordingStatus.KEPT, path="x.wav")
        fill([replace(answered(2), recording=kept)])  # its recording is finished: not shown again
        fill([missed(3)])
        assert json.loads(following.stdout.readline())["id"] == missed(3).id
        following.send_signal(signal.SIGINT)
        rest, errors = following.communicate(timeout=20)
    assert (rest, errors, following.returncode) == ("", "", 130)


def test_follow_as_a_table(fill: Fill) -> None:
    fill([answered(1)])
    with _start("calls", "-f", "--limit", "1") as following:
        assert following.stdout.readline().startswith("started")
        assert answered(1).id in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=20)


def test_a_closed_pipe_is_no_traceback(fill: Fill, config: Path) -> None:
    fill([answered(seq, caller_name="x" * 2000) for seq in range(100)])
    with _start("calls", "--json", "--limit", "0") as listing:
        listing.stdout.read(10)
        listing.stdout.close()
        errors = listing.stderr.read()
        listing.wait(timeout=20)
    assert errors == ""


def test_colour_only_on_a_terminal_and_not_against_the_users_will(fill: Fill) -> None:
    fill([answered(1)])
    assert "\x1b[" in _on_terminal("calls")
    assert "\x1b[3" not in _on_terminal("calls", NO_COLOR="1")
    with _start("calls") as listing:
        assert "\x1b" not in listing.communicate()[0]


def test_a_narrow_terminal_still_tells_who_called_when_and_from_where(fill: Fill, callbridge: Run) -> None:
    (call,) = fill([full_call()])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", _on_terminal("calls", COLUMNS="80"))
    (row,) = [line for line in shown.splitlines() if "11-20 15:00:00" in line]
    assert "+79161112233" in row
    assert "yandex-dir" in row
    assert "ect 93%" in shown  # folded, not cut
    assert "answered" in row
    assert "…" not in shown
    assert "times in Europe/Moscow" in shown
    assert len(max(shown.splitlines(), key=len)) <= 80
    short = row.split()[-1]
    assert call.id.startswith(short)
    assert call.id in callbridge("calls", "show", short).stdout


def _on_terminal(*arguments: str, **environment: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "bridge", *arguments],
        stdout=theirs,
        env=_environment(**{"TERM": "xterm-256color", "COLUMNS": "120", **environment}),
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the terminal's other end is closed
            pass
        assert process.wait() == 0
    os.close(ours)
    return shown.decode()
