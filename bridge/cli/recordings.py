"""``callbridge recordings``: audio that belongs nowhere, and what retention would delete."""

from __future__ import annotations

import time
from pathlib import Path

import click

from bridge.cli.common import Opened, config_option, fail, output_options, with_books
from bridge.cli.times import now


@click.group()
def recordings() -> None:
    """Look after recordings as files."""


@recordings.command("orphans")
@output_options
@config_option
def orphans(output: str | None, config: Path | None) -> None:
    """List raw audio in Asterisk's spool that belongs to no call, or to one that should have none. Nothing is ever deleted.

    Exit status 1 if there is some.

    \b
    Example:
      callbridge recordings orphans --json
    """

    async def work(opened: Opened) -> list[dict[str, object]]:
        from bridge.flows.keeping import is_orphan
        from bridge.recordings.errors import RecordingRetry
        from bridge.recordings.scan import sweep

        try:
            found = sweep(opened.config.asterisk.spool / "rec", time.time())
        except RecordingRetry as error:
            fail(error)
        known = {call.id: call for call in await opened.calls.get_many([one.call_id for one in found.calls])}
        return [
            {
                "call_id": one.call_id,
                "status": known[one.call_id].recording.status.value if one.call_id in known else "unknown call",
                "bytes": one.size,
                "age_seconds": round(one.age),
                "files": [str(path) for path in one.paths],
            }
            for one in found.calls
            if is_orphan(one, known.get(one.call_id))
        ]

    found = with_books(config, work)
    _print(found, output, ("call_id", "status", "bytes", "age_seconds", "files"), "no orphans")
    if found:
        raise SystemExit(1)


@recordings.command("prune")
@click.option("--dry-run", is_flag=True, required=True, help="Only show what would go; the daemon deletes, once a day.")
@output_options
@config_option
def prune(dry_run: bool, output: str | None, config: Path | None) -> None:
    """Show which recordings are older than `retention` allows, or beyond its disk budget.

    \b
    Example:
      callbridge recordings prune --dry-run
    """

    async def work(opened: Opened) -> list[dict[str, object]]:
        from bridge.flows.keeping import doomed
        from bridge.recordings.scan import disk_space

        try:
            total = disk_space(opened.config.recordings.folder).total
        except OSError as error:
            fail(f"the recordings folder cannot be looked at: {error.strerror}")
        rules = opened.config.retention.rules(total)
        return [
            {
                "call_id": kept.call_id,
                "source": kept.source,
                "started_at": kept.started_at.astimezone(opened.zone),
                "bytes": kept.size,
                "reason": reason,
            }
            async for kept, reason in doomed(opened.keeping, rules, now())
        ]

    found = with_books(config, work)
    _print(found, output, ("call_id", "source", "started_at", "bytes", "reason"), "nothing would be deleted")


def _print(rows: list[dict[str, object]], output: str | None, columns: tuple[str, ...], none: str) -> None:
    from bridge.cli.output import plain, print_csv, to_json

    if output == "json":
        click.echo(to_json(rows))
    elif output == "csv":
        print_csv(columns, rows)
    elif not rows:
        click.echo(none)
    else:
        for row in rows:
            click.echo("  ".join(plain(row[column]) for column in columns))
