"""``callbridge simulate``: what other pools, or another hold, would have made of the same traffic."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.common import config_option, fail
from bridge.cli.pools_live import traffic_of
from bridge.cli.traffic import Hold, SourceSize, from_store_options, progress

if TYPE_CHECKING:
    from bridge.core.simulation.loop import Run
    from bridge.core.simulation.scores import Scores

_COMPARED = (0.0, 300.0, 900.0, 1800.0)


@click.command()
@click.argument("traffic", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@from_store_options
@click.option(
    "--numbers",
    "sizes",
    type=SourceSize(),
    multiple=True,
    required=True,
    metavar="SOURCE=N",
    help="Numbers in a source's pool; may be repeated.",
)
@click.option(
    "--hold",
    type=Hold(),
    default="auto",
    metavar="20m|auto",
    help="How long a number stays with its visit; auto by default.",
)
@click.option(
    "--calls", "calls_file", type=click.Path(dir_okay=False, allow_dash=True), help="Write one JSON line per call."
)
@click.option("--compare", is_flag=True, help="Beside it, fixed holds of 0, 5, 15 and 30 minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def simulate(
    traffic: str | None,
    from_store: bool,
    days: int,
    sizes: tuple[tuple[str, int], ...],
    hold: float,
    calls_file: str | None,
    compare: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Play TRAFFIC through the very allocator and attributor that serve the site, on a virtual clock.

    A line of TRAFFIC is one visit:
    {"visit":"v17","at":1767225600.5,"source":"direct","client":"c17","leaves":1767225720.0,"mobile":true,"taps":[1767225712.0],
    "calls":[{"at":1767225713.0,"from":"+79161234567"}]}. Times are seconds since the epoch. Each call dials what its visit was last shown.
    With --from-store the site's own past is played, with the calls as they were booked.

    \b
    Example:
      callbridge simulate traffic.jsonl --numbers direct=16 --numbers google=11 --compare
      callbridge simulate --from-store --numbers yandex-direct=20
    """
    from bridge.cli.output import to_json

    numbers: dict[str, int] = {}
    for source, size in sizes:
        if source in numbers:
            raise click.UsageError(f"--numbers {source} is given twice")
        numbers[source] = size
    visits = traffic_of(traffic, from_store, days, config)
    for source in dict.fromkeys(visit.source for visit in visits):
        if source not in numbers:
            click.echo(
                f"callbridge: source {source!r} has no --numbers: its visits see only its default number", err=True
            )
            numbers[source] = 0
    chosen = None if hold < 0 else hold
    runs: dict[str, Run] = {}
    for hold_tried in dict.fromkeys((chosen, *(_COMPARED if compare else ()))):
        runs[_hold_name(hold_tried)] = _run(visits, numbers, hold_tried)
    run = runs[_hold_name(chosen)]
    if calls_file is not None:
        _write_calls(calls_file, run)
    if as_json:
        shown = _as_dict(run, numbers, _hold_name(chosen))
        if compare:
            shown["compared"] = {name: _scores(other) for name, other in runs.items()}
        click.echo(to_json(shown))
    else:
        _print(runs, run, numbers, compare)


def _run(visits: Any, numbers: dict[str, int], hold: float | None) -> Run:
    from bridge.core.simulation.loop import run

    with progress(f"hold {_hold_name(hold)}") as report:
        return run(visits, numbers, hold, report)


def _hold_name(hold: float | None) -> str:
    from bridge.core.pools.hold import in_words

    return "auto" if hold is None else in_words(hold)


def _write_calls(path: str, run: Run) -> None:
    from bridge.cli.output import to_json

    try:
        with click.open_file(path, "w", encoding="utf-8") as out:
            for call in run.calls:
                found = call.finding.attribution
                row = {
                    "from": call.made.caller,
                    "at": call.made.at,
                    "number": call.finding.call.number,
                    "visit": call.visit.visit,
                    "attributed": found.visit,
                    "kind": found.kind.value,
                    "confidence": round(found.confidence, 6),
                    "reason": found.reason,
                }
                out.write(to_json(row, indent=None) + "\n")
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _scores(run: Run) -> dict[str, Any]:
    from bridge.core.simulation.scores import of_run

    return _rounded(of_run(run)[0])


def _rounded(scores: Scores) -> dict[str, Any]:
    return {name: round(value, 6) for name, value in asdict(scores).items()}


def _as_dict(run: Run, numbers: dict[str, int], hold: str) -> dict[str, Any]:
    from bridge.core.simulation.scores import of_run

    total, by_source = of_run(run)
    sources = {}
    for source, scores in by_source.items():
        use = run.use[source]
        sources[source] = {
            "numbers": numbers[source],
            **_rounded(scores),
            "utilisation": round(use.held_share, 6),
            "reissued": use.reissued,
            "overloaded": use.overloaded,
        }
    delays = run.attributor.delays
    learned = {
        f"within_{int(minutes)}_min": round(delays.share_within(60 * minutes), 4)
        for minutes in (1, 5, 15, 30, 60, 1440)
    }
    return {"hold": hold, **_rounded(total), "sources": sources, "learned_delays": learned}


def _print(runs: dict[str, Run], run: Run, numbers: dict[str, int], compare: bool) -> None:
    from rich.table import Table

    from bridge.cli.output import console, plain
    from bridge.core.simulation.scores import of_run

    heads = ("visits", "covered", "calls", "right", "sure", "wrong of sure", "calibration")
    table = Table("source" if not compare else "hold", *heads, "" if compare else "in use")
    rows: list[tuple[str, Scores, str]] = []
    if compare:
        rows = [(name, of_run(other)[0], "") for name, other in runs.items()]
    else:
        total, by_source = of_run(run)
        for source, scores in by_source.items():
            use = run.use[source]
            rows.append(
                (f"{plain(source)} ({numbers[source]})", scores, f"{use.held_share:.0%}, {use.overloaded} taken early")
            )
        rows.append(("all", total, ""))
    for name, scores, rest in rows:
        table.add_row(name, *_cells(scores), rest)
    out = console()
    out.print(table)
    out.print(
        "right: bound to the visit that called, of all calls. sure: bound with a confidence of 0.9 or more, of all calls.\n"
        "calibration: mean distance between confidence and share right. in use: numbers that may not be taken; taken early: less than"
        " 5 min after the last sign of life."
    )


def _cells(scores: Scores) -> tuple[str, ...]:
    return (
        str(scores.visits),
        f"{scores.coverage:.1%}",
        str(scores.calls),
        f"{scores.right:.1%}",
        f"{scores.sure:.1%}",
        f"{scores.sure_wrong:.1%}",
        f"{scores.calibration_error:.3f}",
    )
