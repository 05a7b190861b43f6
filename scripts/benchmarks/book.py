"""Booking in a process of its own: ``python -m benchmarks.book FOLDER CALLS NUMBERS``; prints one line of JSON.

A journal of CALLS calls is read into a fresh SQLite store, as after the daemon was down for a day; beside it, for comparison, the
same lines are only read, and the same records are only inserted by the standard library.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.agi_serve import directory
from benchmarks.agi_wire import numbers_of
from benchmarks.journals import lines_of
from bridge.cli.run import _loop_factory
from bridge.flows.books import Books
from bridge.journal import JournalReader
from bridge.recordings.worker import RecordingWorker
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.migrate import migrate


async def book(folder: Path, journal: Path, calls: int, numbers: int) -> float:
    """Seconds from the first line to the last record."""
    database = Database(f"sqlite:///{folder / 'bridge.db'}")
    await migrate(database)
    store = CallStore(database)
    recordings = folder / "recordings"
    recordings.mkdir()
    worker = RecordingWorker(folder / "rec", recordings, "wav")
    bound = directory(numbers)
    books = Books(store, JournalReader(journal), worker, bound, lambda: datetime.now(UTC))
    await store.record_bindings(datetime.now(UTC), [number.binding for number in bound.numbers.values()])
    await books.start()
    began = time.perf_counter()
    task = asyncio.create_task(books.run())
    await books.caught_up()
    seconds = time.perf_counter() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await books.stop()
    await worker.stop()
    await database.close()
    with sqlite3.connect(folder / "bridge.db") as check:
        found = check.execute("SELECT count(*) FROM calls WHERE ended_at IS NOT NULL").fetchone()[0]
    if found != calls:
        raise SystemExit(f"{found} of {calls} calls were booked")
    return seconds


def read_only(journal: Path) -> float:
    """Seconds to read and understand the journal, without keeping anything."""
    reader = JournalReader(journal)
    began = time.perf_counter()
    position, more = None, True
    while more:
        batch = reader.read(position)
        position, more = batch.position, batch.more
    return time.perf_counter() - began


def insert_only(folder: Path) -> float:
    """Seconds to insert the rows of the finished store into an empty one with the same tables, in one transaction."""
    with sqlite3.connect(folder / "bridge.db") as source, sqlite3.connect(folder / "plain.db") as target:
        target.execute("PRAGMA journal_mode = WAL")
        for (statement,) in source.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN ('calls', 'rings') ORDER BY type DESC"
        ):
            target.execute(statement)
        rows = {name: source.execute(f"SELECT * FROM {name}").fetchall() for name in ("calls", "rings")}  # noqa: S608
        began = time.perf_counter()
        for name, found in rows.items():
            marks = ",".join("?" * len(found[0]))
            for row in found:
                target.execute(f"INSERT INTO {name} VALUES ({marks})", row)  # noqa: S608 - our own names
        target.commit()
        return time.perf_counter() - began


def main() -> None:
    folder, calls, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True)
    journal = folder / "journal.psv"
    numbers = list(numbers_of(count))
    first = time.time() - 86400
    with journal.open("w") as file:
        for sequence in range(calls):
            began = first + sequence * 80000 / calls
            file.writelines(f"{line}\n" for line in lines_of(sequence, numbers[sequence % count], began))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        booked = runner.run(book(folder, journal, calls, count))
    print(
        json.dumps(
            {
                "calls": calls,
                "lines": calls * 4,
                "booked": booked,
                "read": read_only(journal),
                "inserted": insert_only(folder),
            }
        )
    )


if __name__ == "__main__":
    main()
