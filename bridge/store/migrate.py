"""Bringing a database to this version's schema, and refusing one that is not there.

Alembic is loaded only where there is a step to take: every command asks whether the schema fits, few find that it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bridge.store.engine import Database
from bridge.store.errors import StoreUnavailable
from bridge.store.schema import REVISION

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
    async with database.reading() as connection:
        if await connection.run_sync(_revision) == REVISION:
            return
    if steps := await pending(database):
        raise StoreUnavailable(
            f"database {database.name} lacks {len(steps)} step(s) of this version, from {steps[0].revision} on: run `callbridge migrate`"
        )


def _steps_after(database: Database, current: str | None) -> list[Step]:
    from alembic.script import ScriptDirectory

    scripts = reversed(list(ScriptDirectory(str(_FOLDER)).walk_revisions()))
    steps = [Step(script.revision, script.doc) for script in scripts]
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
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
