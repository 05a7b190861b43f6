"""``scripts/bench``: chooses the parts, runs them, prints the tables."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lab.asterisk import CHECKOUT, AsteriskFailedError
from lab.daemon import DaemonFailedError
from lab.packages import PackagesError, lab_tools
from lab.sipp import SippFailedError
from lab.tools import Tools
from rich.console import Console

from benchmarks import decisions, desk, site, tables
from benchmarks.calls import CallBench, Plan
from benchmarks.machine import describe
from benchmarks.processes import BenchError
from benchmarks.sites import VARIANTS

PARTS = ("calls", "agi", "books", "site", "desk")
_LAB = CHECKOUT / ".lab"
_QUICK = ("dial", "record", "bridge-record")
_BEGAN = float(os.environ.get("LAB_BEGAN") or time.time())


def main() -> int:
    args = _arguments()
    console = Console(highlight=False, stderr=args.json == "-")
    if not console.is_terminal:
        console.width = 120
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = _LAB / f"bench-{os.getpid()}"
    try:
        tools = lab_tools(_LAB, say)
        folder.mkdir(parents=True)
        return _run(args, tools, folder, console)
    except KeyboardInterrupt:
        print("interrupted: everything the bench started is ended", file=sys.stderr)
        return 130
    except (BenchError, PackagesError, AsteriskFailedError, DaemonFailedError, SippFailedError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    print(f"[{time.time() - _BEGAN:5.1f} s] {text}", file=sys.stderr, flush=True)


def _run(args: argparse.Namespace, tools: Tools, folder: Path, console: Console) -> int:
    figures: dict[str, Any] = {"machine": describe(tools.asterisk_version()), "quick": args.quick}
    lost = 0
    if "calls" in args.parts:
        plan = _plan(args)
        measured = CallBench(tools, folder, plan, say).run()
        figures["calls"] = tables.calls_json(measured, plan)
        lost = tables.not_booked(measured)
    rounds = 1 if args.quick else 3
    if "agi" in args.parts:
        seconds = 1.0 if args.quick else 2.0
        alone = decisions.decide(args.numbers, (1, 16), rounds, seconds, say)
        rates = (50.0,) if args.quick else (20.0, 50.0, 100.0)
        whole = decisions.at_work(folder / "whole", tools, args.numbers, rates, 4.0 if args.quick else 8.0, say)
        figures["agi"] = tables.agi_json(alone, whole, args.numbers)
    if "site" in args.parts:
        counts = (1_000,) if args.quick else (1_000, 100_000)
        figures["site"] = site.measure(counts, 64, rounds, 1.0 if args.quick else 2.0, say)
    if "desk" in args.parts:
        many = (10_000,) if args.quick else (10_000, 1_000_000)
        figures["desk"] = desk.measure(many, _LAB, 10 if args.quick else 30, say)
    if "books" in args.parts:
        count = 1000 if args.quick else 10_000
        figures["books"] = {
            "booking": decisions.book(folder, count, args.numbers, 1, say),
            "starts": tables.starts_json(decisions.starts(folder / "starts", tools, args.numbers, rounds, say)),
        }
    figures["machine"]["load after"] = " ".join(f"{x:.2f}" for x in os.getloadavg())
    figures["seconds"] = round(time.time() - _BEGAN)
    tables.show_all(console, figures)
    if args.json:
        text = json.dumps(figures, indent=1) + "\n"
        sys.stdout.write(text) if args.json == "-" else Path(args.json).write_text(text)
    return 1 if lost else 0


def _plan(args: argparse.Namespace) -> Plan:
    keys = tuple(args.variants.split(",")) if args.variants else None
    if args.quick:
        plan = Plan(keys or _QUICK, seconds=2.0, rounds=1, repeats=2)
    else:
        plan = Plan(keys or tuple(variant.key for variant in VARIANTS))
    return Plan(
        plan.keys,
        seconds=args.seconds or plan.seconds,
        rounds=args.rounds or plan.rounds,
        repeats=plan.repeats,
        budget=args.minutes * 60,
        bound=args.bound,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", add_help=False)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--variants")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--minutes", type=float, default=5.5)
    parser.add_argument("--bound", type=float, default=50.0)
    parser.add_argument("--numbers", type=int, default=10_000)
    args = parser.parse_args()
    if wrong := set(args.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(wrong))}: one of {', '.join(PARTS)}")
    known = {variant.key for variant in VARIANTS}
    if args.variants and (wrong := set(args.variants.split(",")) - known):
        parser.error(f"no variant {', '.join(sorted(wrong))}: of {', '.join(variant.key for variant in VARIANTS)}")
    if not 1 <= args.numbers <= 100_000:
        parser.error("--numbers: from 1 to 100000")
    args.parts = args.parts or list(PARTS)
    return args


if __name__ == "__main__":
    sys.exit(main())
