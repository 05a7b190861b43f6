"""What the commands share: finding bridge.yaml, opening the books, errors in one line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from bridge.config import Config, Loaded
    from bridge.core.directory import Directory
    from bridge.store.calls import CallStore
    from bridge.store.engine import Database
    from bridge.store.keeping import KeepingStore
    from bridge.store.reports import Reports
    from bridge.store.traffic import Past
    from bridge.store.visits import VisitStore

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

PLACES = (Path("bridge.yaml"), Path("/etc/callbridge/bridge.yaml"))


class ProblemError(click.ClickException):
    """Something the owner can act on: its text goes to standard error, exit status 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        for line in self.format_message().splitlines():
            click.echo(f"callbridge: {line}", err=True, file=file)


def fail(message: object) -> NoReturn:
    """Ends the command with `message` on standard error and exit status 1."""
    raise ProblemError(str(message)) from None


@dataclass(frozen=True, slots=True)
class Opened:
    """The configuration and the books, ready to be read."""

    config: Config
    directory: Directory
    zone: ZoneInfo
    calls: CallStore
    reports: Reports
    keeping: KeepingStore
    visits: VisitStore
    past: Past


def config_option(command: F) -> F:
    """``-c/--config``."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The configuration; else $CALLBRIDGE_CONFIG, ./bridge.yaml or /etc/callbridge/bridge.yaml.",
    )(command)


def output_options(command: F) -> F:
    """``--json`` and ``--csv``."""
    command = click.option("--csv", "output", flag_value="csv", help="Print CSV.")(command)
    return click.option("--json", "output", flag_value="json", help="Print JSON.")(command)


def find_config(path: Path | None) -> Path:
    """The configuration's file: the one named, else by environment, else the first of PLACES that is there."""
    if path is None and (named := os.environ.get("CALLBRIDGE_CONFIG")):
        path = Path(named)
    if path is not None:
        return path
    for place in PLACES:
        if place.exists():
            return place
    fail(
        f"no configuration: there is neither {' nor '.join(map(str, PLACES))}; name it with -c, or make one with `callbridge init`"
    )


def open_config(path: Path | None) -> Loaded:
    """The configuration without its sounds and secrets, but for the store's password: reading the books needs no more."""
    from bridge.config import ConfigError, load

    try:
        loaded = load(find_config(path), check_files=False)
    except ConfigError as error:
        fail(error)
    password = loaded.config.store.password
    if password is not None:
        try:
            password.read(os.environ)
        except ValueError as error:
            fail(f"store.password: {error}")
    return loaded


def open_database(loaded: Loaded) -> Database:
    """The configured database; nothing is connected yet."""
    from bridge.store.engine import Database

    try:
        return Database(loaded.config.store.dsn())
    except ValueError as error:
        fail(f"store.url: {error}")


def with_books(path: Path | None, work: Callable[[Opened], Awaitable[T]]) -> T:
    """Runs `work` over the configured books, which must have this version's schema."""
    from bridge.config.desk_build import build_desk
    from bridge.store.calls import CallStore
    from bridge.store.keeping import KeepingStore
    from bridge.store.migrate import require_current
    from bridge.store.reports import Reports
    from bridge.store.traffic import Past
    from bridge.store.visits import VisitStore

    loaded = open_config(path)
    database = open_database(loaded)

    async def run() -> T:
        try:
            await require_current(database)
            zone = ZoneInfo(loaded.config.timezone)
            reports = Reports(database, lambda: build_desk(loaded.config).spam)
            stores = CallStore(database), reports, KeepingStore(database), VisitStore(database)
            return await work(Opened(loaded.config, loaded.directory, zone, *stores, Past(database)))
        finally:
            await database.close()

    with readable_errors():
        return asyncio.run(run())


@contextmanager
def readable_errors() -> Iterator[None]:
    """The store's troubles as one line instead of a traceback."""
    from bridge.store.errors import StoreError

    try:
        yield
    except StoreError as error:
        fail(error)
