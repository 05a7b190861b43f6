"""``callbridge rollups``: the sums that the desk's reports read, made anew or checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from bridge.cli.common import config_option, fail, open_config, open_database, readable_errors

if TYPE_CHECKING:
    from bridge.store.rollup_keeper import RollupKeeper

T = TypeVar("T")
_MOST_NAMED = 20


@click.group()
def rollups() -> None:
    """The sums over days and months that the desk's reports read. The daemon keeps them; the calls themselves are the truth.

    \b
    Example:
      callbridge rollups check
    """


@rollups.command()
@config_option
def rebuild(config: Path | None) -> None:
    """Make all sums anew from the calls. The daemon may run meanwhile; reports say what they said until their day's turn comes.

    \b
    Example:
      callbridge rollups rebuild
    """

    async def work(keeper: RollupKeeper) -> int:
        with _progress("summing up") as say:
            return await keeper.rebuild(say)

    days = _with_keeper(config, work)
    click.echo(f"{days} days are summed up anew" if days else "there are no calls to sum up")


@rollups.command()
@config_option
def check(config: Path | None) -> None:
    """Compare all sums with the calls themselves. Days that the daemon is about to sum up are left out.

    Exit status 1, with the days, where they differ: `callbridge rollups rebuild` puts that right.

    \b
    Example:
      callbridge rollups check
    """

    async def work(keeper: RollupKeeper) -> list[tuple[str, list[str]]]:
        with _progress("checking") as say:
            found = await keeper.check(say)
        periods = sorted({difference.period for difference in found})
        return [(_words(period), [x.table for x in found if x.period == period]) for period in periods]

    differing = _with_keeper(config, work)
    if not differing:
        click.echo("all sums are those of the calls")
        return
    lines = [f"{period}: {', '.join(tables)} differ from the calls" for period, tables in differing[:_MOST_NAMED]]
    if len(differing) > _MOST_NAMED:
        lines.append(f"and {len(differing) - _MOST_NAMED} more days or months")
    fail("\n".join([*lines, "`callbridge rollups rebuild` makes the sums anew"]))


def _words(period: int) -> str:
    text = str(period)
    return "-".join(part for part in (text[:4], text[4:6], text[6:]) if part)


def _with_keeper(path: Path | None, work: Callable[[RollupKeeper], Awaitable[T]]) -> T:
    import asyncio

    from bridge.config.desk_build import build_desk
    from bridge.store.migrate import require_current
    from bridge.store.rollup_keeper import RollupKeeper

    loaded = open_config(path)
    database = open_database(loaded)
    settings = build_desk(loaded.config)

    async def run() -> T:
        from datetime import UTC, datetime
        from zoneinfo import ZoneInfo

        try:
            await require_current(database)
            keeper = RollupKeeper(
                database,
                ZoneInfo(loaded.config.timezone),
                settings.targets,
                lambda: datetime.now(UTC),
                spam=settings.spam,
            )
            return await work(keeper)
        finally:
            await database.close()

    with readable_errors():
        return asyncio.run(run())


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
