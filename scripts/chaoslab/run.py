"""One run from its beginning to its report."""

from __future__ import annotations

import platform
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lab.daemon import DaemonFailedError
from lab.tools import Tools

from chaoslab import plan, verdict
from chaoslab.faults import Fault, Strike, schedule
from chaoslab.parties import Callers, Phones, Seen, Wire
from chaoslab.scenarios import LONGEST
from chaoslab.site import Site
from chaoslab.verdict import Discrepancy

QUIET = 75.0  #: seconds after the last call in which the books must become complete (reconciliation goes round once a minute)


@dataclass
class Struck:
    """A fault as it was: broken, mended and all well again, epoch seconds."""

    strike: Strike
    began_at: float
    mended_at: float = 0.0
    well_at: float = 0.0


@dataclass
class Result:
    """What a run found."""

    seed: int
    asterisk: str
    began_at: float
    calls: list[Seen] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
    found: list[Discrepancy] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  #: of verdict.compare
    booked: int = 0
    kept: int = 0  #: recordings
    talked: int = 0


class Progress:
    """A line per fault, and how many calls there are, every few seconds."""

    def __init__(self, say: Callable[[str], None], wire: Wire, every: float = 10.0) -> None:
        self._say, self._wire, self._every = say, wire, every
        self._next = 0.0

    def tick(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        sides = list(self._wire.sides())
        ended = sum(x.ended_at is not None for x in sides)
        answered = sum(x.answered_at is not None for x in sides)
        self._say(f"calls: {len(sides)} placed, {answered} got through, {ended} over")


def run(
    folder: Path,
    tools: Tools,
    say: Callable[[str], None],
    *,
    faults: Sequence[Fault],
    mounts: bool,
    seed: int,
    calls: int,
    seconds: float,
) -> Result:
    """Place `calls` calls over `seconds` while `faults` strike; what was found wrong. Ends everything it started, whatever happens."""
    chance = random.Random(seed)  # noqa: S311 - it is to be repeatable
    planned = plan.planned_calls(calls, chance)
    strikes = schedule(faults, 1000 if faults else 0, chance)
    result = Result(seed, tools.asterisk_version(), time.time())
    wire = Wire()
    progress = Progress(say, wire)
    try:
        with Site(folder, tools, say, mounts=mounts) as site:
            say(f"Asterisk {result.asterisk} and the daemon run in {folder}")
            _place(wire, site, planned, seconds, say)
            deadline = time.monotonic() + seconds

            def wait(span: float) -> None:
                until = time.monotonic() + span
                while (left := until - time.monotonic()) > 0:
                    progress.tick()
                    time.sleep(min(0.2, left))

            for strike in strikes:
                wait(strike.pause)
                site.watch_daemon()
                if time.monotonic() + strike.seconds > deadline:
                    break
                result.struck.append(_strike(site, strike, wait, say))
            _calm(wire, site, progress, say, deadline)
            books = _quiet(site, say)
            wire.stop()
            result.calls = wire.seen()
            result.booked = len(books)
            result.kept = sum((x.get("recording") or {}).get("status") == "kept" for x in books)
            result.talked = sum(x["outcome"] == "answered" for x in books)
            folders = (site.lab.recordings, site.lab.asterisk.spool / "rec")
            result.found, result.counts = verdict.compare(result.calls, books, site.record, folders)
    finally:
        wire.stop()
    return result


def _place(wire: Wire, site: Site, planned: Sequence[plan.Planned], seconds: float, say: Callable[[str], None]) -> None:
    lab = site.lab
    folder = lab.folder / "sip"
    for name, behaviour in plan.PHONES.items():
        wire.parties.append(Phones(lab.tools, folder, lab.endpoints[name], behaviour, 0, seconds + 5 * LONGEST))
    wire.start()
    for index, group in enumerate(plan.GROUPS):
        mine = [x for x in planned if x.group is group]
        if mine:
            callers = Callers(lab.tools, folder, group, mine, index)
            wire.parties.append(callers)
            callers.start(lab.ports.sip, seconds)
    say(
        f"{len(planned)} calls over {seconds:g} s from {len(wire.callers)} kinds of callers to {len(plan.PHONES)} phones"
    )


def _strike(site: Site, strike: Strike, wait: Callable[[float], None], say: Callable[[str], None]) -> Struck:
    say(f"fault: {strike.fault.title}, {strike.seconds:g} s")
    struck = Struck(strike, time.time())
    strike.fault.run(site, wait, strike.seconds)
    struck.mended_at = time.time()
    site.wait_ready()
    struck.well_at = time.time()
    say(
        f"       mended after {struck.mended_at - struck.began_at:.1f} s, all well {struck.well_at - struck.mended_at:.1f} s later"
    )
    return struck


def _calm(wire: Wire, site: Site, progress: Progress, say: Callable[[str], None], deadline: float) -> None:
    """Until every call is placed and Asterisk has none left."""
    say("no more faults; the last calls end")
    while time.monotonic() < deadline + 2 * LONGEST:
        progress.tick()
        site.watch_daemon()
        placed = all(len(x.sides) == len(x.calls) or not x.running for x in wire.callers)
        if placed and site.lab.asterisk.active_channels() == 0:
            return
        time.sleep(0.5)


def _quiet(site: Site, say: Callable[[str], None]) -> list[verdict.Booked]:
    """The books once nothing in them is open or pending, or after the quiet time."""
    site.wait_ready()
    say("quiet: the books become complete")
    books: list[verdict.Booked] = []

    def complete() -> bool:
        nonlocal books
        site.watch_daemon()
        books = site.lab.daemon.calls()
        return all(x["ended_at"] and (x.get("recording") or {}).get("status") != "pending" for x in books)

    with suppress(TimeoutError, DaemonFailedError):
        _until(complete, QUIET)
    time.sleep(2.0)  # mono files go after the books know
    books = site.lab.daemon.calls()
    return books


def _until(happened: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(1.0)


def table(result: Result) -> str:
    """The report, as Markdown."""
    verdicts = {kind: [x for x in result.found if x.kind == kind] for kind in verdict.KINDS}
    when = datetime.fromtimestamp(result.began_at, UTC)
    lines = [
        f"Seed {result.seed}, {when:%Y-%m-%d}, Asterisk {result.asterisk}, {platform.system()} {platform.release()} {platform.machine()},"
        f" Python {platform.python_version()}.",
        "",
        "| Fault | Times tried | Seconds down | Calls during it | Lost | Wrong in any other way |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for fault in dict.fromkeys(x.strike.fault for x in result.struck):
        mine = [x for x in result.struck if x.strike.fault is fault]
        spans = [(x.began_at, x.well_at) for x in mine]
        under_way = sum(
            _overlaps((c.caller.invited_at, c.caller.ended_at or c.caller.invited_at), spans) for c in result.calls
        )
        hit = [x for x in result.found if x.at and _overlaps(x.at, spans)]
        lost = sum(x.kind == "lost" for x in hit)
        down = sum(x.well_at - x.began_at for x in mine)
        lines.append(f"| {fault.title} | {len(mine)} | {down:.0f} | {under_way} | {lost} | {len(hit) - lost} |")
    counts = result.counts
    lines += [
        "",
        f"{len(result.calls)} calls placed: {counts['whole']} went their way, {counts['cut']} were cut by Asterisk's death, {counts['refused']} found"
        f" Asterisk down and were none, {counts['unbegun']} died between the 100 and the dialplan. Booked: {result.booked}, of them {result.talked}"
        f" answered, {result.kept} recordings kept.",
        "",
        "| Found | |",
        "|---|---:|",
        *(f"| {text} | {len(verdicts[kind])} |" for kind, text in verdict.KINDS.items()),
        "",
        "| Let pass by the rules, and looked into | |",
        "|---|---:|",
        *(f"| {text} | {counts[name]} |" for name, text in verdict.ALLOWED.items()),
    ]
    return "\n".join(lines)


def _overlaps(at: tuple[float, float], spans: Sequence[tuple[float, float]]) -> bool:
    return any(at[0] <= last and at[1] >= first for first, last in spans)
