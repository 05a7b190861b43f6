"""What was measured, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console

from benchmarks import desk, site
from benchmarks.calls import Measured, Plan, Step
from benchmarks.decisions import SERVERS, Decided
from benchmarks.figures import Spread, ratio, show

_NAN = float("nan")


def calls_json(measured: Mapping[str, Measured], plan: Plan) -> dict[str, Any]:
    """Per variant: calls per second carried, times and processor time at the same rate, every step."""
    variants = {}
    for key, found in measured.items():
        equal: dict[str, Callable[[Step], float]] = {
            "p50": lambda step: step.p50,
            "p99": lambda step: step.p99,
            "asterisk_cpu": lambda step: step.asterisk_cpu,
            "daemon_cpu": lambda step: step.daemon_cpu,
            "settled": lambda step: step.settled,
        }
        variants[key] = {
            "title": found.variant.title,
            "against": found.variant.against,
            "capacity": Spread.of(found.capacities).json(),
            "equal_rate": found.equal[0].rate if found.equal else None,
            **{name: Spread.of(read(step) for step in found.equal).json() for name, read in equal.items()},
            "placed": found.placed,
            "booked": found.booked,
            "steps": [asdict(step) for step in (*found.searched, *found.equal)],
        }
    return {"bound_ms": plan.bound, "talk_s": plan.talk, "step_s": plan.seconds, "variants": variants}


def not_booked(measured: Mapping[str, Measured]) -> int:
    """Calls that the bridge carried and did not book."""
    return sum(max(0, found.completed - found.booked) for found in measured.values() if found.booked is not None)


def agi_json(alone: Decided, whole: Decided, numbers: int) -> dict[str, Any]:
    counts = sorted({many for _, many in alone.at_once})
    at_once = {
        str(many): {
            server: {what: alone.spread(server, many, what).json() for what in ("per_second", "p50", "p99")}
            for server in SERVERS
        }
        for many in counts
    }
    return {
        "numbers": numbers,
        "first_calls": alone.first,
        "at_once": at_once,
        "whole_daemon": {f"{rate:g}": found[-1] for rate, found in whole.whole.items()},
    }


def starts_json(found: Mapping[int, tuple[Spread, float]]) -> dict[str, Any]:
    return {str(count): {"seconds": seconds.json(), "megabytes": round(mb)} for count, (seconds, mb) in found.items()}


def show_all(console: Console, figures: Mapping[str, Any]) -> None:
    """Every table of the parts that were run."""
    for name, value in figures["machine"].items():
        console.print(f"{name}: {value}")
    if "calls" in figures:
        _show_calls(console, figures["calls"])
    if "agi" in figures:
        _show_agi(console, figures["agi"])
    if "books" in figures:
        _show_books(console, figures["books"])
    if "site" in figures:
        site.show_tables(console, figures["site"])
    if "desk" in figures:
        desk.show_tables(console, figures["desk"])
    console.print(f"{figures['seconds']} s in all")


def _show_calls(console: Console, calls: Mapping[str, Any]) -> None:
    variants = calls["variants"]
    show(
        console,
        f"Calls per second carried without a failure, INVITE to ringing under {calls['bound_ms']:g} ms at p99",
        ("", "calls/s", "to its baseline", "to plain Dial"),
        (
            (
                x["title"], _spread(x["capacity"], 0),
                f"{_ratio(variants, key, x['against'], 'capacity')} of {x['against']}",
                _ratio(variants, key, "dial", "capacity"),
            )
            for key, x in variants.items()
        ),
    )  # fmt: skip
    rate = next(iter(variants.values()))["equal_rate"]
    show(
        console,
        f"All at {rate} calls/s: INVITE to ringing, the notice's length taken off; processor ms per call; booked after the last hang-up",
        ("", "p50 ms", "p99 ms", "Asterisk", "ratio", "daemon", "booked in"),
        (
            (
                x["title"], _spread(x["p50"], 1), _spread(x["p99"], 1), _middle(x["asterisk_cpu"]),
                _ratio(variants, key, x["against"], "asterisk_cpu"), _middle(x["daemon_cpu"]), f"{_middle(x['settled'])} s",
            )
            for key, x in variants.items()
        ),
    )  # fmt: skip
    for x in variants.values():
        if x["booked"] is not None:
            console.print(f"{x['title']}: {x['booked']} calls booked of {x['placed']} placed")


def _show_agi(console: Console, agi: Mapping[str, Any]) -> None:
    rows = []
    for many, servers in agi["at_once"].items():
        bare = servers["bare"]["per_second"]["median"]
        for server, x in servers.items():
            rows.append(
                (
                    f"{server}, {many} at once", _spread(x["per_second"], 0), ratio(x["per_second"]["median"], bare),
                    _spread(x["p50"], 2), _spread(x["p99"], 2),
                )
            )  # fmt: skip
    show(
        console, f"AGI decisions, {agi['numbers']} numbers bound", ("", "per second", "ratio", "p50 ms", "p99 ms"), rows
    )
    first = agi["first_calls"]
    console.print(
        f"each number's first call (two more commands): {first['per_second']:.0f}/s, p99 {first['p99']:.2f} ms"
    )
    rows = [
        (f"callbridge run, {rate} calls/s", f"{x['p50']:.2f}", f"{x['p99']:.2f}", f"{x['worst']:.1f}")
        for rate, x in agi["whole_daemon"].items()
    ]
    show(console, "The whole daemon, booking every call meanwhile", ("", "p50 ms", "p99 ms", "worst ms"), rows)


def _show_books(console: Console, books: Mapping[str, Any]) -> None:
    rows = []
    for x in books["booking"]:
        rows += [
            (f"{x['calls']} calls from the journal into the store", *_speed(x, "booked")),
            ("  only reading the journal", *_speed(x, "read")),
            ("  only inserting, by the standard library", *_speed(x, "inserted")),
        ]
    show(console, "Books", ("", "calls/s", "lines/s", "seconds"), rows)
    show(
        console,
        "Start of callbridge run, until its first answer",
        ("", "seconds", "MB"),
        (
            (f"{count} numbers bound", _spread(x["seconds"], 2), str(x["megabytes"]))
            for count, x in books["starts"].items()
        ),
    )


def _speed(x: Mapping[str, float], what: str) -> tuple[str, str, str]:
    return f"{x['calls'] / x[what]:.0f}", f"{x['lines'] / x[what]:.0f}", f"{x[what]:.2f}"


def _spread(x: Mapping[str, Any], digits: int) -> str:
    return Spread(*(_NAN if x[y] is None else x[y] for y in ("median", "low", "high")), x["count"]).text(digits)


def _middle(x: Mapping[str, Any]) -> str:
    return "-" if x["median"] is None else f"{x['median']:.1f}"


def _ratio(variants: Mapping[str, Any], key: str, base: str, what: str) -> str:
    if base not in variants:
        return "-"
    values = (variants[name][what]["median"] for name in (key, base))
    return ratio(*(_NAN if x is None else x for x in values))
