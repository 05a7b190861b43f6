from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.journal import Begin, Entry
from bridge.journal import JournalReader


def line(number: int) -> str:
    return f"1|begin|20261122-142701-{number}-452748|1795357621.661|1795357621.{number}|PJSIP/trunk-0|74951110001|+79161234567|allowed|Иван|.\n"


def numbers(entries: tuple[Entry, ...] | list[Entry]) -> list[int]:
    return [int(entry.call_id.split("-")[2]) for entry in entries]


def read_all(reader: JournalReader, position: str | None = None) -> tuple[list[int], str | None]:
    found: list[Entry] = []
    while True:
        batch = reader.read(position)
        found += batch.entries
        position = batch.position or None
        if not batch.more:
            return numbers(found), position


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.psv"


def append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def test_no_file_is_no_news(path: Path) -> None:
    assert read_all(JournalReader(path)) == ([], None)


def test_only_whole_lines_are_taken(path: Path) -> None:
    reader = JournalReader(path)
    append(path, line(1) + line(2)[:40])
    found, position = read_all(reader)
    assert found == [1]
    append(path, line(2)[40:])
    found, position = read_all(reader, position)
    assert found == [2]
    assert read_all(JournalReader(path), position) == ([], position), "another process goes on where this one was"


def test_rotation_loses_nothing(path: Path) -> None:
    reader = JournalReader(path)
    append(path, line(1))
    _, position = read_all(reader)
    append(path, line(2))
    path.rename(path.with_name("journal.psv.1"))
    append(path.with_name("journal.psv.1"), line(3))  # written by a channel that had the file open
    append(path, line(4))
    assert read_all(reader, position)[0] == [2, 3, 4]


def test_rotation_twice_while_nobody_read(path: Path) -> None:
    append(path, line(1))
    reader = JournalReader(path)
    _, position = read_all(reader)
    for number, name in ((2, "journal.psv.2"), (3, "journal.psv.1")):
        append(path, line(number))
        path.rename(path.with_name(name))
        os.utime(path.with_name(name), (number, number))
    append(path, line(4))
    assert read_all(reader, position)[0] == [2, 3, 4]


def test_a_truncated_file_is_read_from_its_beginning(path: Path) -> None:
    append(path, line(1) + line(2))
    reader = JournalReader(path)
    _, position = read_all(reader)
    path.write_text("")
    append(path, line(3))
    assert read_all(reader, position)[0] == [3]


def test_a_file_that_is_gone_is_said_and_the_next_read_whole(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    append(path, line(1))
    _, position = read_all(JournalReader(path))
    other = path.with_name("other")
    append(other, line(2))
    os.replace(other, path)
    assert read_all(JournalReader(path), position)[0] == [2]
    assert "is gone" in caplog.text


def test_a_line_torn_by_a_crash_does_not_take_the_next_with_it(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = JournalReader(path)
    append(path, line(1) + line(2)[:50] + line(3))
    assert read_all(reader)[0] == [1, 3]
    assert reader.counters.mended == 1
    assert "torn" in caplog.text


def test_lines_that_are_none_are_counted_and_passed_over(path: Path) -> None:
    reader = JournalReader(path)
    append(path, b"\xff\xfe\x00 nonsense\n" + line(1).encode() + b"1|begin|x|y|.\n\n" + line(2).encode())
    assert read_all(reader)[0] == [1, 2]
    assert reader.counters.unreadable == 2


def test_a_line_without_end_does_not_stop_the_books(path: Path) -> None:
    append(path, b"x" * (3 << 20))
    append(path, "\n" + line(1))
    reader = JournalReader(path)
    assert read_all(reader)[0] == [1]


@pytest.mark.parametrize(
    "position", ["", "null", "[]", "{", '{"inode": "x", "offset": 5}', '{"inode": 1, "offset": "y"}']
)
def test_a_position_that_makes_no_sense_means_the_beginning(path: Path, position: str) -> None:
    append(path, line(1))
    assert read_all(JournalReader(path), position)[0] == [1]


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 400), max_size=12))
def test_however_it_is_written_every_line_comes_once(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    path = tmp_path_factory.mktemp("j") / "journal.psv"
    data = b"".join(line(n).encode() for n in range(8))
    reader, position, found, start = JournalReader(path), None, [], 0
    for cut in [*cuts, len(data)]:
        append(path, data[start : start + cut])
        start += cut
        some, position = read_all(reader, position)
        found += some
    assert found == list(range(8))


def test_the_caller_cannot_begin_a_line_of_his_own(path: Path) -> None:
    """The dialplan removes `|` from names; a name that looks like a line stays a name."""
    append(path, line(1).replace("Иван", "1begin20261122"))
    batch = JournalReader(path).read(None)
    assert isinstance(batch.entries[0], Begin)
    assert batch.entries[0].caller_name == "1begin20261122"
