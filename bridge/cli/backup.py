"""``callbridge backup``: a copy of the books while they are written."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from bridge.cli.common import config_option, fail, open_config, open_database, readable_errors


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def backup(file: Path, config: Path | None) -> None:
    """Copy the SQLite database to FILE while the daemon runs, and check the copy. FILE must not exist. Recordings are not in it.

    \b
    Example:
      callbridge backup /var/backups/callbridge-$(date +%F).db
    \b
    To restore a copy (the database is at `store.url` of bridge.yaml):
      systemctl stop callbridge
      mkdir damaged && mv /var/lib/callbridge/bridge.db* damaged/
      install -o callbridge -g callbridge -m 640 COPY.db /var/lib/callbridge/bridge.db
      callbridge migrate
      systemctl start callbridge
    The three files bridge.db, bridge.db-wal and bridge.db-shm belong together: all of them must go. Calls made since
    the copy are booked again from Asterisk's journal, as far back as its files are kept.
    """
    from bridge.store.backup import backup as copy

    database = open_database(open_config(config))
    shows = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if shows:
            click.echo(f"\r{done / max(total, 1):4.0%}", nl=False, err=True)

    try:
        with readable_errors():
            size = copy(database, file, progress)
    except (FileExistsError, ValueError) as error:
        fail(error)
    finally:
        if shows:
            click.echo("\r", nl=False, err=True)
        asyncio.run(database.close())
    click.echo(f"copied {database.name} to {file}: {size / 1e6:.1f} MB, checked")
