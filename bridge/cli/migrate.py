"""``callbridge migrate``: the database brought to this version."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from bridge.cli.common import config_option, open_config, open_database, readable_errors


@click.command()
@config_option
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
def migrate(config: Path | None, dry_run: bool) -> None:
    """Bring the database to this version's tables, all or nothing; make it if there is none.

    With SQLite, `callbridge run` does this by itself. Before an upgrade, `callbridge backup` keeps a way back.

    \b
    Example:
      callbridge migrate --dry-run
    """
    from bridge.store.migrate import Step, pending
    from bridge.store.migrate import migrate as take_steps

    database = open_database(open_config(config))

    async def work() -> list[Step]:
        try:
            if not dry_run:
                return await take_steps(database)
            database.require_file()
            return await pending(database)
        finally:
            await database.close()

    with readable_errors():
        steps = asyncio.run(work())
    for step in steps:
        click.echo(f"{'would take' if dry_run else 'took'} step {step.revision}: {step.title}")
    if not steps:
        click.echo(f"database {database.name} is up to date")
