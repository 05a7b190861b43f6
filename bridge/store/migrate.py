"""Bringing a database to this version's schema, and refusing one that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bridge.store.engine import Database
from bridge.store.errors import StoreUnavailable

_FOLDER = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: its revision and what it does."""

    revision: str
    title: str


async def pending(database: Database) -> list[Step]:
    """The steps `database` still needs, in order. StoreUnavailable if it was made by a newer bridge."""
    async with database.reading() as connection:
        current = await connection.run_sync(_revision)
    return _steps_after(database, current)


async def migrate(database: Database) -> list[Step]:
    """Takes all missing steps in one transaction: all or none. Makes a missing SQLite file first. Returns the steps taken."""
    database.create_file()
    async with database.writing(durable=True) as connection:
        steps = _steps_after(database, await connection.run_sync(_revision))
        if steps:
            await connection.run_sync(_upgrade)
    return steps


async def require_current(database: Database) -> None:
    """StoreUnavailable unless `database` has exactly this version's schema."""
    database.require_file()
    if steps := await pending(database):
        raise StoreUnavailable(
            f"database {database.name} lacks {len(steps)} step(s) of this version, from {steps[0].revision} on: run `callbridge migrate`"
        )


def _steps_after(database: Database, current: str | None) -> list[Step]:
    steps = [Step(script.revision, script.doc) for script in reversed(list(_scripts().walk_revisions()))]
    known = [step.revision for step in steps]
    if current is None:
        return steps
    if current not in known:
        raise StoreUnavailable(
            f"database {database.name} is at step {current}, which this version does not know:"
            " it was used by a newer callbridge; install that one"
        )
    return steps[known.index(current) + 1 :]


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))


def _upgrade(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
