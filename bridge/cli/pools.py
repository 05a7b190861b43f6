"""``callbridge pools``: how many numbers a source needs."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.common import config_option, fail
from bridge.cli.pools_live import show_pools, traffic_of
from bridge.cli.traffic import Hold, from_store_options

if TYPE_CHECKING:
    from bridge.core.pools.advice import Advice
    from bridge.core.simulation.traffic import TrafficVisit


@click.group(invoke_without_command=True)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def pools(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Show how every pool does now and did in the last day: occupancy, coverage, numbers taken too soon, and a forecast.

    \b
    Examples:
      callbridge pools
      callbridge pools advise --from-store --cost-per-number 3 --ad-budget 500
    """
    if ctx.invoked_subcommand is None:
        show_pools(config, as_json)
    else:
        ctx.obj = config


@pools.command()
@click.argument("traffic", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@from_store_options
@click.option("--source", "only", metavar="SOURCE", help="Only this source; else every one in the file.")
@click.option(
    "--hold",
    type=Hold(),
    default="auto",
    metavar="20m|auto",
    help="Size for this hold; auto suggests one from the calls.",
)
@click.option(
    "--cost-per-number", type=click.FloatRange(min=0, min_open=True), metavar="MONEY", help="Of one number, a month."
)
@click.option(
    "--ad-budget",
    type=click.FloatRange(min=0),
    metavar="MONEY",
    help="Of the source (or each source), a month, in the same currency.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    metavar="FILE.svg",
    help="Write coverage by pool size as SVG; several sources get FILE-SOURCE.svg.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
@click.pass_context
def advise(
    ctx: click.Context,
    traffic: str | None,
    from_store: bool,
    days: int,
    only: str | None,
    hold: float,
    cost_per_number: float | None,
    ad_budget: float | None,
    plot: str | None,
    as_json: bool,
    config: Path | None,
) -> None:
    """Numbers needed to cover 80, 90, 95 and 99 % of the visits in TRAFFIC, what each further number buys, and whether it pays.

    TRAFFIC has one visit per line, as for `callbridge simulate`; --from-store takes the site's own visits.
    Coverage is forecast by Erlang B and replayed on the visits themselves.
    A tracker pays off while its numbers cost at most 15 % of the ad budget; the default number is counted in.

    \b
    Example:
      callbridge pools advise traffic.jsonl --source google --plot google.svg
    """
    from bridge.cli.output import to_json
    from bridge.core.attribution.bins import share_within
    from bridge.core.pools.advice import advise as advise_on
    from bridge.core.pools.advice import within_of

    by_source: dict[str, list[TrafficVisit]] = {}
    for visit in traffic_of(traffic, from_store, days, config or ctx.obj):
        by_source.setdefault(visit.source, []).append(visit)
    if only is not None and only not in by_source:
        fail(f"{traffic or 'the books'}: no visit of source {only!r}; there are {', '.join(sorted(by_source))}")
    advices: list[Advice] = []
    for source, visits in by_source.items():
        if only is not None and source != only:
            continue
        seen = _visits(visits)
        within = within_of(seen.delays, share_within)
        try:
            advices.append(advise_on(source, seen, within, None if hold < 0 else hold, cost_per_number, ad_budget))
        except ValueError as error:
            fail(f"{source}: {error}")
    if plot is not None:
        _write_plots(plot, advices)
    if as_json:
        click.echo(to_json([_as_dict(advice) for advice in advices]))
    else:
        for advice in advices:
            _print(advice)


def _visits(visits: list[TrafficVisit]) -> Any:
    from bridge.core.pools.advice import Visits

    delays = [visit.calls[0].at - visit.at for visit in visits if visit.calls]
    return Visits([(visit.at, visit.leaves) for visit in visits], delays)


def _as_dict(advice: Advice) -> dict[str, Any]:
    row = asdict(advice)
    row["needed"] = {f"{target:.0%}": count for target, count in advice.needed.items()}
    return row


def _print(advice: Advice) -> None:
    from rich.table import Table

    from bridge.cli.output import bar, console, plain
    from bridge.core.pools.hold import in_words

    out = console()
    out.print(
        f"{plain(advice.source)}: {advice.visits} visits, {advice.calls} of them called, {advice.busiest_hour} visits in the busiest hour."
        f" Hold {in_words(advice.hold)}:"
    )
    out.print("  " + ", ".join(f"{target:.0%} covered by {count}" for target, count in advice.needed.items()))
    table = Table(
        "numbers",
        f"covered at {in_words(advice.hold)}",
        "replayed",
        "auto hold",
        "covered",
        "booked right",
        "",
        "a further number buys",
    )
    for size in advice.sizes:
        price = "" if size.cost_of_further_call is None else f", {size.cost_of_further_call:,.2f} each"
        table.add_row(
            str(size.numbers),
            f"{size.coverage:.1%}",
            f"{size.replayed:.1%}",
            in_words(size.auto.hold),
            f"{size.auto.coverage:.1%}",
            f"{size.auto.right:.1%}",
            bar(size.auto.right, 12),
            f"{size.further_calls:.1f} calls a month{price}",
        )
    out.print(table)
    if advice.pays_off is not None and advice.cost is not None:
        verdict = "pays off" if advice.pays_off else "does not pay off"
        out.print(
            f"  90 % coverage costs {advice.cost:,.2f} a month with the default number: it {verdict} by the 15 % rule, which allows"
            f" {advice.affordable} numbers and a default one."
        )


def _write_plots(path: str, advices: list[Advice]) -> None:
    from bridge.cli.plot import Line, shares_plot

    stem, ending = os.path.splitext(path)
    for advice in advices:
        lines = [
            Line("covered, fixed hold", [(0, 0), *((size.numbers, size.coverage) for size in advice.sizes)]),
            Line("replayed", [(0, 0), *((size.numbers, size.replayed) for size in advice.sizes)]),
            Line("covered, auto hold", [(0, 0), *((size.numbers, size.auto.coverage) for size in advice.sizes)]),
            Line("booked right, auto", [(0, 0), *((size.numbers, size.auto.right) for size in advice.sizes)]),
        ]
        name = path if len(advices) == 1 else f"{stem}-{_safe(advice.source)}{ending or '.svg'}"
        try:
            with open(name, "w", encoding="utf-8") as out:
                out.write(shares_plot(f"Numbers for {advice.source}", "numbers in the pool", lines))
        except OSError as error:
            fail(f"{name}: {error.strerror}")


def _safe(source: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in source)[:64]
