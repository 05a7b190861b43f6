"""Many calls: as a list, and followed live."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import click

from bridge.cli.call_views import CSV, HEAD, NARROW, WIDE_ENOUGH, WIDTHS, as_dict, as_line, cells, narrow_cells
from bridge.cli.common import Opened
from bridge.cli.output import CsvWriter, console, to_json
from bridge.core.model import Call
from bridge.store.filters import CallFilter

_POLL_SECONDS = 1.0


async def _every(opened: Opened, wanted: CallFilter, limit: int) -> AsyncIterator[Call]:
    cursor: str | None = None
    left = limit or sys.maxsize
    while left:
        page = await opened.calls.find(wanted, limit=min(left, 500), cursor=cursor)
        for call in page.calls:
            yield call
        cursor, left = page.cursor, left - len(page.calls)
        if cursor is None:
            return


async def list_calls(opened: Opened, wanted: CallFilter, limit: int, output: str | None) -> None:
    """Prints the newest `limit` calls (0: all) as a table, as one JSON array, or as CSV."""
    found = _every(opened, wanted, limit)
    if output == "json":
        separator = "["
        async for call in found:
            click.echo(separator + to_json(as_dict(call, opened.zone)), nl=False)
            separator = ",\n"
        click.echo("]" if separator != "[" else "[]")
    elif output == "csv":
        writer = CsvWriter(CSV)
        async for call in found:
            writer.write(as_line(call, opened.zone))
    else:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        screen = console()
        wide = screen.width >= WIDE_ENOUGH
        head, row = (HEAD, cells) if wide else (NARROW, narrow_cells)
        if wide:
            table = Table(*head, box=SIMPLE_HEAD)
        else:
            table = Table(
                *head, box=None, padding=(0, 2, 0, 0), caption=f"times in {opened.zone}", caption_justify="left"
            )
        for column, name in zip(table.columns, head, strict=True):
            column.no_wrap = name in ("started", "caller", "outcome", "wait", "talk", "id")
            column.overflow = "fold"
            column.justify = "right" if name in ("wait", "talk") else "left"
        async for call in found:
            table.add_row(*row(call, opened.zone))
        if table.row_count:
            screen.print(table)
        else:
            click.echo("no calls", err=True)


async def follow_calls(opened: Opened, wanted: CallFilter, limit: int, output: str | None) -> None:
    """Prints the newest `limit` calls that have ended, oldest first, then for ever every call as it ends, each once."""
    writer = CsvWriter(CSV) if output == "csv" else None

    def line(texts: tuple[str, ...]) -> str:
        return "  ".join(f"{text:<{width}}" for text, width in zip(texts, WIDTHS, strict=True))

    def emit(call: Call) -> None:
        if writer is not None:
            writer.write(as_line(call, opened.zone))
            sys.stdout.flush()
        else:
            click.echo(
                to_json(as_dict(call, opened.zone), indent=None) if output == "json" else line(cells(call, opened.zone))
            )

    if output is None:
        click.echo(line(HEAD))
    revision = await opened.calls.latest_revision()
    known = [call async for call in _every(opened, wanted, limit)]
    shown = {call.id for call in known if call.ended_at}
    for call in reversed(known):
        if call.ended_at:
            emit(call)
    while True:
        changed, revision = await opened.calls.changed_after(revision, wanted)
        for call in changed:
            if call.ended_at and call.id not in shown:
                shown.add(call.id)
                emit(call)
        if not changed:
            await asyncio.sleep(_POLL_SECONDS)
