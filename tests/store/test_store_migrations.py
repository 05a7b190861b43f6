"""All steps together make exactly the schema, on both databases; nothing is run on a schema that does not fit."""

from __future__ import annotations

import asyncio
import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from bridge.store.engine import Database
from bridge.store.errors import StoreUnavailable
from bridge.store.migrate import migrate, pending, require_current
from bridge.store.schema import REVISION, metadata


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


@pytest.mark.filterwarnings("ignore:.*expression-based index")
async def test_all_steps_make_the_schema(database: Database) -> None:
    async with database.reading() as connection:
        assert await connection.run_sync(_differences) == []


async def test_all_steps_make_the_schema_to_the_letter_on_sqlite(sqlite: Database, tmp_path) -> None:
    fresh = Database(f"sqlite:///{tmp_path}/fresh.db")
    fresh.create_file()
    async with fresh.writing() as connection:
        await connection.run_sync(metadata.create_all)
    wanted = await _sqlite_schema(fresh)
    await fresh.close()
    made = await _sqlite_schema(sqlite)
    assert made.pop("alembic_version")
    assert made == wanted


async def test_the_indexes_on_postgresql_are_the_schemas(database: Database) -> None:
    if database.path:
        pytest.skip("SQLite is compared to the letter")
    made = await _postgres_indexes(database)
    async with database.writing() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
    assert await _postgres_indexes(database) == made


async def test_migrating_shows_its_steps_and_is_done_once(url: str) -> None:
    database = Database(url)
    database.create_file()
    steps = await pending(database)
    assert [step.revision for step in steps] == [f"{number:04}" for number in range(1, int(REVISION) + 1)]
    with pytest.raises(StoreUnavailable, match=rf"lacks {len(steps)} step.*from 0001 on: run `callbridge migrate`"):
        await require_current(database)
    assert steps[0].title == "Calls, rings, the numbers' bindings over time, marks."
    assert await migrate(database) == steps
    assert await migrate(database) == []
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars().all() == [REVISION]
    await require_current(database)
    await database.close()


async def test_two_migrating_at_once_do_it_once(url: str) -> None:
    one, two = Database(url), Database(url)
    one.create_file()
    taken = await asyncio.gather(migrate(one), migrate(two))
    assert sorted(map(len, taken)) == [0, int(REVISION)]
    await one.close()
    await two.close()


async def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (pending, migrate, require_current):
        with pytest.raises(StoreUnavailable, match="step 9999, which this version does not know"):
            await use(database)


async def _sqlite_schema(database: Database) -> dict[str, str]:
    async with database.reading() as connection:
        rows = (await connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))).all()
    return {row.name: _parts_in_order(" ".join(row.sql.split())) for row in rows}


def _parts_in_order(sql: str) -> str:
    """Columns and constraints sorted: a step adds its columns at the end."""
    head, parenthesis, body = sql.partition("(")
    inner, _, tail = body.rpartition(")")
    parts = re.split(r", (?![^(]*\))", inner.strip())
    return f"{head}{parenthesis}{', '.join(sorted(part.strip() for part in parts))}){tail}"


async def _postgres_indexes(database: Database) -> dict[str, str]:
    query = text(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    async with database.reading() as connection:
        return {row.indexname: row.indexdef for row in (await connection.execute(query)).all()}
