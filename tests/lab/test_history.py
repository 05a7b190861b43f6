"""The made-up past: the same every time, and such as the bridge itself would have written it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile
from lab.history import Plan, write_history

from bridge.core.call_id import folder_of, is_call_id
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.schema import metadata
from bridge.store.visits import VisitStore

END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PLAN = Plan(END, days=40, calls_per_day=25)


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as books:
        return {
            name: sorted(books.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608 - our own tables
            for name in metadata.tables
        }


def test_the_same_seed_makes_the_same_rows_and_another_other_ones(tmp_path: Path) -> None:
    for name, plan in (("a", PLAN), ("b", PLAN), ("c", Plan(END, seed=2, days=40, calls_per_day=25))):
        write_history(tmp_path / name, plan)
    first, second, other = (_rows(tmp_path / name) for name in "abc")
    assert first == second
    assert first["calls"] != other["calls"]
    assert len(first["calls"]) > 600


async def test_the_bridge_reads_it_as_its_own(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    history = write_history(path, Plan(END, days=40, calls_per_day=25, audio=tmp_path / "audio", recorded=3))
    database = Database(f"sqlite:///{path}")
    try:
        await database.check_integrity()
        page = await CallStore(database).find(limit=1000)
        assert all(is_call_id(call.id) and call.ended_at is not None and call.ended_at <= END for call in page.calls)
        story = await VisitStore(database).story(history.booked_on_visit[-1])
        assert story.visit is not None
        assert story.visit.pages
        assert story.notes[-1].candidates
    finally:
        await database.close()
    assert len(history.with_audio) == 3
    for call_id in history.with_audio:
        about = soundfile.info(tmp_path / "audio" / folder_of(call_id) / f"{call_id}.wav")
        assert about.channels == 2
    with pytest.raises(ValueError, match="there are calls"):
        write_history(path, PLAN)


def test_what_it_says_holds_together(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    history = write_history(path, PLAN)
    with closing(sqlite3.connect(path)) as books:
        assert books.execute("PRAGMA foreign_key_check").fetchall() == []
        first = (
            "SELECT id FROM calls c WHERE first_time !="
            " (NOT EXISTS (SELECT 1 FROM calls e WHERE e.caller = c.caller AND e.started_at < c.started_at))"
        )
        assert books.execute(first).fetchall() == []
        held_twice = (
            "SELECT 1 FROM leases a JOIN leases b ON a.number = b.number AND a.began_at < b.began_at"
            " WHERE a.ended_at IS NULL OR a.ended_at > b.began_at"
        )
        assert books.execute(held_twice).fetchall() == []
        waiting = [row[0] for row in books.execute("SELECT id FROM calls WHERE wants_callback ORDER BY id")]
        assert waiting == sorted(history.waiting)
        indexes = {row[0] for row in books.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        assert {index.name for table in metadata.tables.values() for index in table.indexes} <= indexes
