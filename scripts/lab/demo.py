"""``scripts/demo``: real calls through a private Asterisk, tracked, recorded and shown, and compared with what really happened."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from lab import scenarios
from lab.asterisk import CHECKOUT, AsteriskFailedError
from lab.bulk import BulkPhone
from lab.daemon import SOURCES, STAGGER, UNBOUND, DaemonFailedError
from lab.kept import remember, stop_kept
from lab.packages import PackagesError, lab_tools
from lab.ports import LOOPBACK
from lab.sipp import SippFailedError
from lab.tones import encode_alaw, tone
from lab.verdict import Expected, differences, talk_seconds
from lab.world import AGENT_HZ, CALLER_HZ, Lab, LabError

LAB = CHECKOUT / ".lab"
KEPT = LAB / "demo.running"
TALK = 3.0  #: seconds each caller talks
_BEGAN = float(os.environ.get("LAB_BEGAN") or time.time())


@dataclass(frozen=True, slots=True)
class Story:
    """One call of the demo. `phones` are those that ring, with the seconds until they answer (None: never); the last one answers."""

    title: str
    number: str
    source: str | None
    caller: str
    name: str
    phones: tuple[tuple[str, float | None], ...]


STORIES = (
    Story("A call to the radio's number", SOURCES["radio"], "radio", "+79161110001", "Иван Петров", (("sales-1", 1.0),)),
    Story("A call to the billboard's number", SOURCES["billboard-m4"], "billboard-m4", "+79161110002", "Anna", (("sales-1", 0.5),)),
    Story("A call to a number nobody bound", UNBOUND, None, "+79161110003", "Olga", (("sales-1", 0.5),)),
    Story(
        f"A call the first phone does not answer: after {STAGGER} s the second rings as well",
        SOURCES["radio"], "radio", "+79161110004", "Пётр", (("sales-1", None), ("sales-2", 1.0)),
    ),
)  # fmt: skip


def main() -> int:
    args = _arguments()
    console = Console(highlight=False, soft_wrap=True)
    say = _progress(console)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if args.stop:
            count = stop_kept(KEPT)
            console.print(f"{count} processes ended" if count else "nothing was running")
            return 0
        return _run(console, say, keep=args.keep)
    except KeyboardInterrupt:
        console.print("\ninterrupted: everything the demo started is ended")
        return 130
    except (PackagesError, LabError, AsteriskFailedError, DaemonFailedError, SippFailedError, TimeoutError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"demo: {error}", style="red")
        return 1


def _run(console: Console, say: Callable[[str], None], *, keep: bool) -> int:
    if stop_kept(KEPT):
        say("ended what an earlier --keep had left running")
    say("Asterisk, SIPp and espeak-ng")
    tools = lab_tools(LAB, lambda text: say(f"  {text}"))
    folder = LAB / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    lab = Lab(folder, tools, change=_speak if tools.espeak else None)
    try:
        if tools.espeak:
            say("the notice, spoken")
            lab.daemon.write()
            lab.daemon.cli("sounds", "make")
        say(f"Asterisk {tools.asterisk_version()} on {LOOPBACK}:{lab.ports.sip}")
        lab.asterisk.start()
        say("callbridge run")
        lab.daemon.start()
        booked, wrong = [], []
        for number, story in enumerate(STORIES, 1):
            say(f"call {number} of {len(STORIES)}: {story.title}")
            call, found = _tell(lab, story, seen=len(booked))
            booked.append(call)
            wrong += [f"call {number}: {x}" for x in found]
            console.print(lab.daemon.cli("calls", "show", call["id"]).stdout.rstrip(), markup=False)
            console.print(
                "  as it happened\n" if not found else "".join(f"  WRONG: {x}\n" for x in found),
                style="red" if found else "green",
            )
        _table(console, booked, lab.recordings)
        if len(lab.daemon.calls()) != len(STORIES):
            wrong.append(f"{len(lab.daemon.calls())} calls are in the books, {len(STORIES)} were made")
        for line in wrong:
            console.print(f"WRONG: {line}", style="red", markup=False)
        if not wrong:
            console.print(
                f"all {len(STORIES)} calls were booked as they happened ({time.time() - _BEGAN:.0f} s)", style="green"
            )
        if keep:
            _keep(console, lab)
        return 1 if wrong else 0
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)  # a second ctrl-C must not leave anything behind
        if not KEPT.exists():
            lab.stop()


def _tell(lab: Lab, story: Story, seen: int) -> tuple[dict[str, Any], list[str]]:
    """Make one call happen; how it was booked, and what of that is wrong."""
    lab.stop_calls()
    phones = [lab.phone(name, answer_after=after, tone=AGENT_HZ) for name, after in story.phones]
    call = lab.call(story.number, caller=story.caller, name=story.name, tone=CALLER_HZ, hang_up_after=None)
    answering = phones[-1]
    answering.wait_answered()
    time.sleep(TALK)
    call.hang_up()
    caller_leg, phone_leg = call.wait(), answering.wait_ended()
    booked = lab.wait_booked(seen)[0]
    expected = Expected(
        number=story.number,
        caller=story.caller,
        source=story.source,
        answered_by=answering.endpoint.device,
        caller_leg=caller_leg,
        phone_leg=phone_leg,
        caller_hz=CALLER_HZ,
        agent_hz=AGENT_HZ,
    )
    found = differences(booked, expected, lab.recordings)
    for phone in phones[:-1]:
        if len(phone.legs) != 1 or phone.legs[0].invites != 1:
            found.append(f"{phone.name} was rung {len(phone.legs)} times, not once")
    return booked, found


def _speak(config: dict[str, Any], _: Lab) -> None:
    """The notice from its text, by the product's own command, instead of the lab's tone."""
    del config["notices"]["standard"]["file"]


def _table(console: Console, calls: list[dict[str, Any]], recordings: Path) -> None:
    table = Table(title="The books", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("number", "source", "caller", "outcome", "answered by", "talk"):
        table.add_column(name, justify="right" if name == "talk" else "left", no_wrap=True)
    for call in calls:
        talk = talk_seconds(call)
        source = (call.get("attribution") or {}).get("source") or "unknown"
        cells = (
            call["number"],
            source,
            call["caller"],
            call["outcome"],
            call["answered_by"],
            "" if talk is None else f"{talk:.1f} s",
        )
        table.add_row(*(str(x or "") for x in cells))
    console.print(table)
    console.print("Recordings, the caller left and the company right:")
    for call in calls:
        path = (call.get("recording") or {}).get("path")
        console.print(f"  {os.path.relpath(recordings / path)}" if path else f"  none of {call['id']}", markup=False)


def _keep(console: Console, lab: Lab) -> None:
    """Leave all running, with phones that answer by themselves, and say how to go on."""
    lab.stop_calls()
    phones = [
        BulkPhone(lab.tools, lab.folder / "sip", x, answer_after=2, audio=AGENT_HZ)
        for x in list(lab.endpoints.values())[:2]
    ]
    try:
        for phone in phones:
            phone.start(lives=None)
    except BaseException:
        for phone in phones:
            phone.stop()
        raise
    pids = [lab.daemon.pid, *(phone.pid for phone in phones), lab.asterisk.pid]
    remember(KEPT, [pid for pid in pids if pid is not None])
    (lab.folder / "caller.alaw").write_bytes(encode_alaw(tone(CALLER_HZ, 1.0)))
    scenario = lab.folder / "caller.xml"
    scenario.write_text(scenarios.bulk_caller(talk=8, measure=180, audio=str(lab.folder / "caller.alaw")))
    command = lab.tools.sipp.shell() + (
        f" {LOOPBACK}:{lab.ports.sip} -i {LOOPBACK} -mi {LOOPBACK} -sf {scenario} -inf $csv -m 1 -nostdin -timeout 60s"
    )
    call = lab.folder / "call"
    call.write_text(
        "#!/bin/sh\n# one call from the trunk: call NUMBER [CALLER]\n"
        f"set -e\ncsv=$(mktemp)\ntrap 'rm -f \"$csv\"' EXIT\n"
        'printf \'SEQUENTIAL\\n%s;%s\\n\' "${1:?a number to call}" "${2:-+79161234567}" > "$csv"\n'
        f"cd {shlex.quote(str(lab.folder))}\n{command} > caller.screen 2>&1 && echo 'the call is over'\n"
    )
    call.chmod(0o755)
    made = lab.daemon.cli("user", "add", "demo", "--role", "admin", "--generate")
    password = made.stdout.rpartition("password: ")[2].strip()
    config = os.path.relpath(lab.daemon.config_file)
    bridge = f"{os.path.relpath(sys.executable)} -m bridge" if not _console_script() else _console_script()
    console.print(
        f"""
Everything runs on; its phones answer after 2 s.
  call it:         {os.path.relpath(call)} {SOURCES["radio"]} +79161112233
                   or with a softphone without an account: sip:{SOURCES["radio"]}@{LOOPBACK}:{lab.ports.sip} (UDP, PCMA)
  the desk:        http://{LOOPBACK}:{lab.ports.desk}/  name: demo  password: {password}
  watch the books: {bridge} calls -f -c {config}
  one call:        {bridge} calls show ID -c {config}
  by source:       {bridge} report sources -c {config}
  Asterisk's log:  {os.path.relpath(lab.asterisk.log)}
  stop it:         scripts/demo --stop""",
        markup=False,
    )


def _console_script() -> str:
    path = Path(sys.executable).with_name("callbridge")
    return os.path.relpath(path) if path.exists() else ""


def _progress(console: Console) -> Callable[[str], None]:
    def say(text: str) -> None:
        console.print(f"[{time.time() - _BEGAN:5.1f} s] {text}", markup=False)

    return say


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Real SIP calls to a real Asterisk: looked up, announced, recorded, forwarded, booked. Everything lies in .lab/.",
        epilog="Exit status: 0 if every call was booked as it happened, 1 if not. Example: scripts/demo --keep",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running and say how to call it, look at it and stop it"
    )
    parser.add_argument("--stop", action="store_true", help="end what --keep left running")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
