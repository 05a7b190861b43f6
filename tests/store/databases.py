"""A database for a test: SQLite in a temp folder, or a fresh one on the PostgreSQL of CALLBRIDGE_TEST_POSTGRES."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

POSTGRES = "CALLBRIDGE_TEST_POSTGRES"
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@asynccontextmanager
async def empty_database(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty database of that kind (KINDS)."""
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
