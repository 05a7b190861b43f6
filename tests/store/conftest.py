"""A database for every test: SQLite in a temp folder, or a fresh one on the PostgreSQL of CALLBRIDGE_TEST_POSTGRES."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from databases import KINDS, drop_models, empty_database

from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.memory import MemoryStore
from bridge.store.migrate import migrate


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """URL of an empty database of each kind."""
    async with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each kind with all its tables, empty."""
    async with empty_database(request.param, tmp_path, tables=True) as url:
        database = Database(url)
        try:
            yield database
        finally:
            await database.close()


@pytest.fixture(scope="session", autouse=True)
def models() -> Iterator[None]:
    yield
    asyncio.run(drop_models())


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty, migrated SQLite database that does not wait long for a lock."""
    database = Database(f"sqlite:///{tmp_path}/books/bridge.db", busy_seconds=0.2)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@pytest.fixture(params=["memory", *KINDS])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CallStore | MemoryStore]:
    """Empty books of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    async with empty_database(request.param, tmp_path, tables=True) as url:
        database = Database(url)
        try:
            yield CallStore(database)
        finally:
            await database.close()
