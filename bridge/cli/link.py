"""``callbridge link``: links for guests, who read what the link shows until it expires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bridge.cli.common import config_option, fail, output_options
from bridge.cli.desk_people import Desk, with_desk


@click.group()
def link() -> None:
    """Links for guests: whoever has one reads calls and reports without signing in, until it expires.

    \b
    Example:
      callbridge link add "Agency" --filter source=yandex-direct --days 30
    """


@link.command("add")
@click.argument("title")
@click.option(
    "--filter",
    "scope",
    metavar="QUERY",
    default="",
    help="A filter as in the address of the page Calls; else all calls.",
)
@click.option("--days", type=int, default=30, show_default=True, help="How long it works, 1 to 365 days.")
@config_option
def add(title: str, scope: str, days: int, config: Path | None) -> None:
    """Make a link, and print it. It is not shown again.

    \b
    Example:
      callbridge link add "Agency" --filter "source=yandex-direct&class=target" --days 30
    """

    async def work(desk: Desk) -> None:
        from bridge.cli.times import now
        from bridge.core.desk.query import pairs_of, read_query

        try:
            read_query(pairs_of(scope), now().astimezone(desk.zone).date(), desk.config.region)
        except ValueError as error:
            fail(f"--filter: {error}")
        token = await desk.people.add_link(desk.by, title, scope, days)
        service = desk.config.desk
        if service is None:
            click.echo("the desk is off: bridge.yaml has no section `desk`", err=True)
        home = (service.url or f"http://{service.listen}") if service else "http://127.0.0.1:9481"
        click.echo(f"{home}/l/{token}")

    with_desk(config, work)


@link.command("list")
@output_options
@config_option
def list_(output: str | None, config: Path | None) -> None:
    """Show the links that work.

    \b
    Example:
      callbridge link list
    """

    async def work(desk: Desk) -> None:
        from bridge.cli.output import plain, print_csv, to_json
        from bridge.cli.times import local, now

        columns = ("id", "title", "filter", "made_by", "made_at", "expires_at")
        rows: list[dict[str, Any]] = []
        found = await desk.accounts.links(now())
        for one in found:
            times = (at.astimezone(desk.zone) for at in (one.made_at, one.expires_at))
            rows.append(dict(zip(columns, (one.short, one.title, one.scope, one.made_by, *times), strict=True)))
        if output == "json":
            click.echo(to_json(rows))
        elif output == "csv":
            print_csv(columns, rows)
        else:
            for one in found:
                until = local(one.expires_at, desk.zone)
                click.echo(f"{one.short}  until {until}  {plain(one.title)}  {plain(one.scope)}".rstrip())
            if not rows:
                click.echo("there are no links")

    with_desk(config, work)


@link.command("revoke")
@click.argument("short", metavar="ID")
@config_option
def revoke(short: str, config: Path | None) -> None:
    """End a link at once. `callbridge link list` has the ids.

    \b
    Example:
      callbridge link revoke 1a2b3c4d5e6f
    """

    async def work(desk: Desk) -> None:
        await desk.people.revoke_link(desk.by, short)
        click.echo("the link is over")

    with_desk(config, work)
