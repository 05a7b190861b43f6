"""How large the books are."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from bridge.flows.ports import StoreDownError
from bridge.store.engine import Database


async def database_bytes(database: Database) -> int | None:
    """What the database takes on disk, SQLite's WAL included; None where it cannot be found out."""
    if database.path is not None:
        return await asyncio.to_thread(_on_disk, database.path)
    try:
        async with database.reading() as connection:
            return int((await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one())
    except StoreDownError:
        return None


def _on_disk(path: Path) -> int | None:
    sizes = []
    for ending in ("", "-wal", "-shm"):
        try:
            sizes.append(path.with_name(path.name + ending).stat().st_size)
        except OSError:
            continue
    return sum(sizes) if sizes else None
