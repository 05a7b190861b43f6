"""``callbridge rollups``: the sums made anew, and what is wrong with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from click.testing import Result
from store_samples import answered, missed

from bridge.core.model import Call

Run = Callable[..., Result]


def test_what_was_never_summed_up_is_and_what_is_wrong_is_found(
    config: Path, fill: Callable[..., list[Call]], callbridge: Run
) -> None:
    fill([answered(1), missed(2), missed(3, minutes=1500)])
    assert "2 days are summed up anew" in callbridge("rollups", "rebuild").output
    assert "all sums are those of the calls" in callbridge("rollups", "check").output
    with closing(sqlite3.connect(config.parent / "books" / "bridge.db")) as books:
        books.execute("UPDATE rollups SET missed = missed + 1 WHERE period = 20261121")
        books.commit()
    wrong = callbridge("rollups", "check", exit_code=1).output
    assert "2026-11-21: rollups differ from the calls" in wrong
    assert "callbridge rollups rebuild" in wrong
    callbridge("rollups", "rebuild")
    callbridge("rollups", "check")


def test_empty_books_have_no_sums(config: Path, fill: Callable[..., list[Call]], callbridge: Run) -> None:
    fill([])
    assert "there are no calls" in callbridge("rollups", "rebuild").output
    callbridge("rollups", "check")
