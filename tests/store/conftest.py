"""A database for every test: SQLite in a temp folder, or a fresh one on the PostgreSQL of CALLBRIDGE_TEST_POSTGRES."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.memory import MemoryStore
from bridge.store.migrate import migrate

POSTGRES = "CALLBRIDGE_TEST_POSTGRES"
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@asynccontextmanager
async def _empty(kind: str, folder: Path) -> AsyncIterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/books/bridge.db"
        return
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"no PostgreSQL: {POSTGRES} is not set (scripts/test starts one)")
    name = f"callbridge_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """URL of an empty database of each kind."""
    async with _empty(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An empty, migrated database of each kind."""
    database = Database(url)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


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
    async with _empty(request.param, tmp_path) as url:
        database = Database(url)
        try:
            await migrate(database)
            yield CallStore(database)
        finally:
            await database.close()
