"""``callbridge numbers``: what every number is bound to, and whether it still rings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import Opened, config_option, output_options, with_books
from bridge.cli.times import local, now
from bridge.core.model import Binding, BindingKind
from bridge.core.report import Release, release_of

_DAYS = 30
_CSV = ("number", "kind", "source", "pool", "last_call", "calls_30_days", "safe", "safe_at", "reason")


@dataclass(frozen=True, slots=True)
class _Row:
    number: str
    binding: Binding | None
    last_call: datetime | None
    recent: int
    release: Release | None


@click.command()
@config_option
@output_options
def numbers(config: Path | None, output: str | None) -> None:
    """Show each number, its binding, its last call and its calls of 30 days; for a retiring one, when it is safe to let go.

    A retiring number may go after a silence of three times its longest one so far, at least 30 days and at most a year.
    Numbers that were called without being bound to anything are shown too.

    \b
    Example:
      callbridge numbers --csv > numbers.csv
    """
    from bridge.cli.output import print_csv, to_json

    async def work(opened: Opened) -> tuple[list[_Row], Any]:
        return await _rows(opened, now()), opened.zone

    rows, zone = with_books(config, work)
    if output == "json":
        click.echo(to_json([_as_dict(row, zone) for row in rows]))
    elif output == "csv":
        print_csv(_CSV, ({**(found := _as_dict(row, zone)), **(found["release"] or {})} for row in rows))
    elif rows:
        _print_table(rows, zone)
    else:
        click.echo("no numbers", err=True)


async def _rows(opened: Opened, at: datetime) -> list[_Row]:
    activity = await opened.reports.activity(at - timedelta(days=_DAYS))
    bound = {number: known.binding for number, known in opened.directory.numbers.items()}
    rows = []
    for number in [*bound, *sorted(activity.keys() - bound.keys())]:
        binding, seen = bound.get(number), activity.get(number)
        release = None
        if binding is not None and binding.kind is BindingKind.RETIRING:
            watched = await opened.reports.watched_since(number) or at  # before that, silence says nothing
            since = max(binding.since or watched, watched)
            release = release_of(at, since, await opened.reports.call_times(number))
        rows.append(_Row(number, binding, seen.last_call if seen else None, seen.calls if seen else 0, release))
    return rows


def _as_dict(row: _Row, zone: Any) -> dict[str, Any]:
    binding, release = row.binding, row.release
    return {
        "number": row.number,
        "kind": binding.kind.value if binding else None,
        "source": binding.source if binding else None,
        "pool": binding.pool if binding else None,
        "last_call": row.last_call.astimezone(zone) if row.last_call else None,
        "calls_30_days": row.recent,
        "release": {"safe": release.safe, "safe_at": release.safe_at.astimezone(zone), "reason": release.reason}
        if release
        else None,
    }


def _print_table(rows: list[_Row], zone: Any) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bridge.cli.output import console, plain

    table = Table("number", "binding", "source", "last call", f"{_DAYS} days", box=SIMPLE_HEAD)
    table.columns[4].justify = "right"
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        binding = row.binding
        kind = "not bound" if binding is None else binding.kind.value + (f" {binding.pool}" if binding.pool else "")
        last = local(row.last_call, zone) if row.last_call else "never"
        table.add_row(plain(row.number), plain(kind), plain(binding.source if binding else ""), last, str(row.recent))
    console().print(table)
    for row in rows:
        if row.release is not None:
            click.echo(f"{plain(row.number)} {_advice(row.release, zone)}")


def _advice(release: Release, zone: Any) -> str:
    when = "may be let go" if release.safe else f"keep until {release.safe_at.astimezone(zone).date()}"
    return f"{when}: {release.reason}"
