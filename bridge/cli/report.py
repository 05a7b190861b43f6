"""``callbridge report``: what rings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.common import Opened, config_option, output_options, with_books
from bridge.cli.times import duration, local, now, read_span, span_options
from bridge.core.report import Period, Step, periods

if TYPE_CHECKING:
    from bridge.store.reports import Row

_DAYS = 30
#: Below so many columns the table does without the range of the rate, and its bars are short.
_WIDE_ENOUGH = 110
_CSV = (
    "period",
    "begin",
    "end",
    "source",
    "calls",
    "unique",
    "first_time",
    "answered",
    "missed",
    "answer_rate",
    "answer_rate_low",
    "answer_rate_high",
    "talk_seconds",
    "spam",
)


@click.group()
def report() -> None:
    """Reports over the calls.

    \b
    Example:
      callbridge report sources --by week --since 2026-10-01
    """


@report.command()
@config_option
@span_options
@click.option(
    "--by", type=click.Choice([step.value for step in Step]), help="One row per source and day, week or month."
)
@output_options
def sources(
    config: Path | None, since: str | None, until: str | None, day: str | None, by: str | None, output: str | None
) -> None:
    """Calls, unique callers, first-time callers, answered, missed and talk time by source; the last 30 days if nothing else is said.

    A call is answered when a phone was connected; missed is every other that ended. The rate is answered of both, with the
    range it may well lie in (95 %), which is wide while calls are few. Unique callers are counted within each row. Spam is counted apart:
    what the screening marked, and what people classed so.

    \b
    Examples:
      callbridge report sources --since 7d
      callbridge report sources --by month --since 2026-01-01 --csv > sources.csv
    """
    from bridge.cli.output import print_csv, to_json

    async def work(opened: Opened) -> tuple[list[Row], list[Row], Period, Any]:
        at = now()
        begin, end = read_span(since, until, day, at, opened.zone)
        end = end or at
        whole = Period("", begin or end - timedelta(days=_DAYS), end)
        try:
            spans = periods(whole.begin, end, Step(by), opened.zone) if by else [whole]
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        rows = await opened.reports.tallies(spans)
        return rows, await opened.reports.tallies([whole], by_source=False), whole, opened.zone

    rows, totals, whole, zone = with_books(config, work)
    if output == "json":
        found = {
            "begin": whole.begin.astimezone(zone),
            "end": whole.end.astimezone(zone),
            "rows": [_as_dict(row, zone) for row in rows],
            "total": next((_figures(row) for row in totals), None),
        }
        click.echo(to_json(found))
    elif output == "csv":
        print_csv(_CSV, (_as_dict(row, zone) for row in rows))
    else:
        click.echo(f"{local(whole.begin, zone)} to {local(whole.end, zone)}")
        if rows:
            _print_table(rows, totals, by)
        else:
            click.echo("no calls", err=True)


def _figures(row: Row) -> dict[str, Any]:
    tally = row.tally
    low, high = tally.answer_rate_interval or (None, None)
    return {
        "calls": tally.calls,
        "unique": tally.unique,
        "first_time": tally.first_time,
        "answered": tally.answered,
        "missed": tally.missed,
        "answer_rate": tally.answer_rate,
        "answer_rate_low": low,
        "answer_rate_high": high,
        "talk_seconds": tally.talk_ms / 1000,
        "spam": tally.spam,
    }


def _as_dict(row: Row, zone: Any) -> dict[str, Any]:
    period = row.period
    return {
        "period": period.label or None,
        "begin": period.begin.astimezone(zone),
        "end": period.end.astimezone(zone),
        "source": row.source,
        **_figures(row),
    }


def _print_table(rows: list[Row], totals: list[Row], by: str | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bridge.cli.output import bar, console, plain

    screen = console()
    wide = screen.width >= _WIDE_ENOUGH
    table = Table(box=SIMPLE_HEAD, show_footer=True, padding=(0, 1) if wide else (0, 0), pad_edge=wide)
    for name in [*([by] if by else []), "source"]:
        table.add_column(name, overflow="fold", no_wrap=name == by)
    for name in ("calls", "unique", "first", "answered", "missed", "rate", "talk", "spam"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    most = max(1, *(row.tally.calls for row in rows))
    for row in rows:
        names = [row.period.label] if by else []
        width = 20 if wide else 6
        table.add_row(*names, plain(row.source or "unknown"), *_cells(row, wide), bar(row.tally.calls / most, width))
    for column, text in zip(table.columns, [*([""] if by else []), "all", *_cells(totals[0], wide), ""], strict=True):
        column.footer = text
    screen.print(table)


def _cells(row: Row, wide: bool) -> list[str]:
    tally = row.tally
    interval = tally.answer_rate_interval
    rate = "" if interval is None else f"{tally.answer_rate:.0%}"
    if interval is not None and wide:
        rate += f" ({interval[0]:.0%}-{interval[1]:.0%})"
    counts = (tally.calls, tally.unique, tally.first_time, tally.answered, tally.missed)
    return [*map(str, counts), rate, duration(tally.talk_ms), str(tally.spam or "")]
