"""A database for a test: SQLite in a temp folder, or a fresh one on the PostgreSQL of CALLBRIDGE_TEST_POSTGRES."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from bridge.store.engine import Database
from bridge.store.migrate import migrate

POSTGRES = "CALLBRIDGE_TEST_POSTGRES"
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


#: What is copied for every test that wants the tables: all steps take longer than most tests. By kind; made at its first use.
_MODELS: dict[str, str] = {}


async def _model(kind: str, folder: Path) -> str:
    """A database with all tables and nothing in them: an SQLite file, or the name of a PostgreSQL database."""
    if kind not in _MODELS:
        name = f"callbridge_model_{secrets.token_hex(6)}"
        server = os.environ.get(POSTGRES, "")
        if kind == "postgres":
            admin = await asyncpg.connect(server)
            await admin.execute(f"CREATE DATABASE {name}")
            await admin.close()
        else:
            name = str(folder.parent / f"{name}.db")
        database = Database(
            f"sqlite:///{name}" if kind == "sqlite" else urlsplit(server)._replace(path=f"/{name}").geturl()
        )
        await migrate(database)
        await database.close()
        _MODELS[kind] = name
    return _MODELS[kind]


async def drop_models() -> None:
    """At the end of all tests."""
    if name := _MODELS.pop("postgres", None):
        admin = await asyncpg.connect(os.environ[POSTGRES])
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def empty_database(kind: str, folder: Path, *, tables: bool = False) -> AsyncIterator[str]:
    """The URL of an empty database of that kind (KINDS), with or without its `tables`."""
    if kind == "sqlite":
        file = folder / "books/bridge.db"
        if tables:
            model = await _model(kind, folder)
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model, file)
            file.chmod(0o640)
        yield f"sqlite:///{file}"
        return
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"no PostgreSQL: {POSTGRES} is not set (scripts/test starts one)")
    name = f"callbridge_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server)
    model = f" TEMPLATE {await _model(kind, folder)}" if tables else ""
    await admin.execute(f"CREATE DATABASE {name}{model}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
