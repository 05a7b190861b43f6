"""``scripts/chaos``: the command line."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lab.asterisk import CHECKOUT, AsteriskFailedError
from lab.daemon import DaemonFailedError
from lab.packages import PackagesError, lab_tools
from lab.sipp import SippFailedError
from lab.world import LabError

from chaoslab.disks import enter_namespace
from chaoslab.faults import FAULTS, Fault
from chaoslab.run import run, table

LAB = CHECKOUT / ".lab"
_BEGAN = float(os.environ.get("LAB_BEGAN") or time.time())


def main(arguments: Sequence[str]) -> int:
    args = _arguments(arguments)
    no_mounts = enter_namespace(arguments)
    faults = []
    for fault in args.faults:
        if fault.needs_mounts and no_mounts:
            say(f"left out: {fault.title}: nothing can be mounted here ({no_mounts})")
        else:
            faults.append(fault)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = args.folder or LAB / "chaos"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        tools = lab_tools(LAB, lambda text: say(f"  {text}"))
        say(f"seed {args.seed}")
        result = run(
            folder,
            tools,
            say,
            faults=faults,
            mounts=not no_mounts,
            seed=args.seed,
            calls=args.calls,
            seconds=args.seconds,
        )
    except KeyboardInterrupt:
        print("\ninterrupted: everything that was started is ended", flush=True)
        return 130
    except (PackagesError, LabError, AsteriskFailedError, DaemonFailedError, SippFailedError, OSError) as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 1
    report = table(result)
    print(f"\n{report}\n")
    for item in result.found:
        print(f"WRONG ({item.kind}) {item.call}: {item.text}\n")
    if result.found or args.keep:
        (folder / "report.md").write_text(report + "\n", encoding="utf-8")
        say(f"everything lies in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"{len(result.found)} things are wrong" if result.found else "the books equal what went over the wire")
    return 1 if result.found else 0


def say(text: str) -> None:
    print(f"[{time.time() - _BEGAN:6.1f} s] {text}", flush=True)


def _faults(text: str) -> list[Fault]:
    if text == "none":
        return []
    known = {fault.name: fault for fault in FAULTS}
    names = list(known) if text == "all" else text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no such fault; there are {', '.join(known)}")
    return [known[name] for name in names]


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    faults = "\n".join(f"  {fault.name:<22}{fault.title}" for fault in FAULTS)
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Real calls with audio at a steady rate while parts of the system are killed, frozen, cut off and filled up;\n"
        "then the books are compared with what callers and phones saw on the wire. Everything lies in .lab/chaos.",
        epilog=f"faults:\n{faults}\n\nExit status: 0 if every call is in the books as it happened, 1 if not.\n"
        "Example: scripts/chaos --calls 600 --seconds 240 --seed 7",
    )
    parser.add_argument("--calls", type=int, default=600, metavar="N", help="how many calls (default %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=240, metavar="S", help="over how long they are placed (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="repeats the faults and calls of a run (default: by chance)")
    parser.add_argument("--faults", type=_faults, default="all", metavar="A,B", help="these only, or `all`, or `none`")
    parser.add_argument("--folder", type=Path, help="where everything lies, emptied first (default .lab/chaos)")
    parser.add_argument("--keep", action="store_true", help="keep the folder, even if nothing is wrong")
    args = parser.parse_args(arguments)
    if not (0 < args.calls <= 5000 and 0 < args.seconds <= 3600 and args.calls / args.seconds <= 20):
        parser.error("at most 5000 calls, 3600 seconds and 20 calls a second")
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(10_000)
    return args


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
