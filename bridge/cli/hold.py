"""``callbridge hold``: recordings that are never deleted."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli.common import Opened, config_option, fail, output_options, with_books
from bridge.cli.times import now
from bridge.core.model import RecordingStatus


@click.command()
@click.argument("call_id", metavar="[ID]", required=False)
@click.option("--release", is_flag=True, help="End the hold.")
@click.option("--reason", default="", metavar="TEXT", help="Why; a file number, for instance.")
@output_options
@config_option
def hold(call_id: str | None, release: bool, reason: str, output: str | None, config: Path | None) -> None:
    """Keep a call's recording whatever its age and the disk budget; without ID, show all holds.

    The beginning of the id is enough, if only one call has it.

    \b
    Examples:
      callbridge hold 20261122-142701-76210-452748 --reason "case 17/26"
      callbridge hold 20261122-142701-76210-452748 --release
      callbridge hold --json
    """
    if call_id is None and (release or reason):
        raise click.UsageError("--release and --reason need the ID of a call")

    async def work(opened: Opened) -> None:
        from bridge.cli.calls import one_call

        if call_id is None:
            await _show(opened, output)
            return
        call = await one_call(opened, call_id)
        if release:
            if not await opened.keeping.release(call.id):
                fail(f"call {call.id} is not on hold")
            click.echo(f"call {call.id} is not on hold any more")
            return
        status = await opened.keeping.hold(call.id, now(), reason)
        if status == RecordingStatus.DELETED:
            await opened.keeping.release(call.id)
            fail(f"the recording of call {call.id} is gone: deleted {call.recording.reason or ''}".rstrip())
        click.echo(f"call {call.id} is on hold: its recording ({status}) is not deleted")

    with_books(config, work)


async def _show(opened: Opened, output: str | None) -> None:
    from bridge.cli.output import plain, print_csv, to_json
    from bridge.cli.times import local

    holds = await opened.keeping.holds()
    rows = [{"call_id": x.call_id, "since": x.since.astimezone(opened.zone), "reason": x.reason} for x in holds]
    if output == "json":
        click.echo(to_json(rows))
    elif output == "csv":
        print_csv(("call_id", "since", "reason"), rows)
    else:
        for row, one in zip(rows, holds, strict=True):
            click.echo(f"{row['call_id']}  {local(one.since, opened.zone)}  {plain(one.reason)}".rstrip())
        if not rows:
            click.echo("nothing is on hold")
