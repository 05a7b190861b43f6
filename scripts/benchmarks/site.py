"""Numbers for visits: requests a second and p99 of the service, against a do-nothing endpoint of the same server in the same run."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from benchmarks.figures import Spread, ratio, show
from benchmarks.machine import cpu_seconds
from benchmarks.processes import BenchError, serving, told

Say = Callable[[str], None]
KINDS = ("nothing", "new", "known", "beat")
PACED = 200.0  #: new visits a second, at which it is measured how soon leases are in the store


def measure(counts: tuple[int, ...], many: int, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """By the numbers in the pool: each kind of request, the kinds taking turns; and how long new leases took to be in the store.

    The server has one core and its load the others, where there are any.
    """
    result: dict[str, Any] = {}
    for count in counts:
        with serving("site_serve", count) as (port, pid):
            _pin(pid)
            seen: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
            loaded: list[dict[str, float]] = []
            durable: list[dict[str, float]] = []
            for _ in range(rounds):
                for kind in KINDS:
                    _figures(port)
                    before = cpu_seconds(pid)
                    got = _load(port, kind, "--many", many, "--seconds", seconds)
                    got["cpu_ms"] = (cpu_seconds(pid) - before) / (got["per_second"] * seconds) * 1000
                    seen[kind].append(got)
                    if kind == "new":
                        loaded.append(_figures(port))
                    say(
                        f"{count:7} numbers, {kind:7}: {got['per_second']:6.0f}/s, p50 {got['p50']:.1f} ms, p99 {got['p99']:.1f} ms"
                    )
                _figures(port)
                _load(port, "new", "--many", 16, "--seconds", seconds, "--rate", PACED)
                durable.append(_figures(port))
                say(f"{count:7} numbers, {PACED:g} new visits/s: leases on the disk p99 {durable[-1]['p99']:.1f} ms")
            result[str(count)] = _summary(seen, loaded, durable)
    return result


def _summary(
    seen: dict[str, list[dict[str, float]]], loaded: list[dict[str, float]], durable: list[dict[str, float]]
) -> dict[str, Any]:
    base = Spread.of(got["per_second"] for got in seen["nothing"])
    found: dict[str, Any] = {}
    for kind, rows in seen.items():
        rate = Spread.of(got["per_second"] for got in rows)
        found[kind] = {
            "per_second": rate.json(),
            "p99_ms": Spread.of(got["p99"] for got in rows).json(),
            "of_nothing": ratio(rate.median, base.median),
            "cpu_ms": Spread.of(got["cpu_ms"] for got in rows).json(),
        }
    for name, rows in (("lease_durable_full_load_ms", loaded), ("lease_durable_ms", durable)):
        found[name] = {
            "p99": Spread.of(row["p99"] for row in rows).json(),
            "worst": max(row["worst"] for row in rows),
            "not_in_time": rows[-1]["not_durable"],
        }
    return found


def _load(port: int, kind: str, *arguments: object) -> dict[str, float]:
    got = told("site_load", port, kind, *arguments)
    if got["failed"]:
        raise BenchError(f"{got['failed']} requests of kind {kind} failed")
    return got


def _figures(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/figures", timeout=10) as answer:
        return dict(json.load(answer))


def _pin(pid: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {cores[0]})


def show_tables(console: Console, figures: Mapping[str, Any]) -> None:
    """One table for each count of numbers."""
    titles = {
        "nothing": "reads the body, answers nothing",
        "new": "a new visit: its number in the store, then shown",
        "known": "the next page of a visit",
        "beat": "a sign of life",
    }
    for count, found in figures.items():
        rows = []
        for kind, title in titles.items():
            rate, worst = found[kind]["per_second"], found[kind]["p99_ms"]
            rows.append(
                (
                    title,
                    f"{rate['median']:.0f}",
                    found[kind]["of_nothing"],
                    f"{worst['median']:.1f}",
                    f"{found[kind]['cpu_ms']['median']:.3f}",
                )
            )
        show(
            console,
            f"The sites' service on one core, {int(count):,} numbers",
            ("", "per second", "of nothing", "p99 ms", "processor ms each"),
            rows,
        )
        for name, load in (
            ("lease_durable_full_load_ms", "full load"),
            ("lease_durable_ms", f"{PACED:g} new visits/s"),
        ):
            durable = found[name]
            console.print(
                f"leases on the disk at {load}: p99 {durable['p99']['median']:.1f} ms, worst {durable['worst']:.1f} ms;"
                f" {durable['not_in_time']} numbers not shown because the store was too slow"
            )
