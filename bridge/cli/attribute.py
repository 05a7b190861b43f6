"""``callbridge calls attribute``: a person corrects where a call came from, and leaves a trace."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from bridge.cli.common import Opened, config_option, fail, with_books


@click.command()
@click.argument("call_id", metavar="ID")
@click.option("--source", metavar="NAME", help="The call came from this source, and no visit is known.")
@click.option("--visit", "visit_id", metavar="VISIT", help="The call came from this visit.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands in the books.")
@click.option("--by", metavar="NAME", help="Who says so; your login name if not given.")
@config_option
@click.pass_context
def attribute(
    ctx: click.Context,
    call_id: str,
    source: str | None,
    visit_id: str | None,
    reason: str,
    by: str | None,
    config: Path | None,
) -> None:
    """Book a call on another source or visit. What it was booked on before stays in its history.

    The call must have ended. A running daemon takes it over within a minute: the caller is known by it when he calls again.

    \b
    Examples:
      callbridge calls attribute 20261122-1403 --source radio --reason 'he said so'
      callbridge calls attribute 20261122-1403 --visit xvK2mQ0tR7aB1c9d --reason 'asked about the offer on that page'
    """
    if (source is None) == (visit_id is None):
        raise click.UsageError("one of --source and --visit is needed")
    if not reason.strip():
        raise click.UsageError("--reason says nothing")

    async def work(opened: Opened) -> None:
        from datetime import UTC, datetime

        from bridge.cli.calls import one_call
        from bridge.core.model import Attribution, AttributionKind
        from bridge.flows.visit_ports import Note

        call = await one_call(opened, call_id)
        if call.ended_at is None:
            fail(f"call {call.id} is under way: correct it once it has ended")
        who = (by or _login())[:100]
        said = f"{who}: {reason.strip()[:500]}"
        if visit_id is not None:
            visit = await opened.visits.visit(visit_id)
            if visit is None:
                fail(f"there is no visit {visit_id!r}")
            found = Attribution(AttributionKind.VISIT, visit.source or visit.credited.source, said, visit.id)
        else:
            if source not in opened.config.sources:
                fail(f"there is no source {source!r}; there are {', '.join(opened.config.sources) or 'none'}")
            found = Attribution(AttributionKind.SOURCE_DEFAULT, source, said)
        before = Note(call.id, call.started_at, call.attribution)
        await opened.visits.correct(before, Note(call.id, datetime.now(UTC), found, who))
        click.echo(
            f"call {call.id}: {found.visit or found.source}, before: {call.attribution.visit or call.attribution.source}"
        )

    with_books(config or ctx.obj, work)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
