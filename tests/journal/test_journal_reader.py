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


# --- turning over --------------------------------------------------------------------------------------------------------


def test_a_line_that_comes_late_into_a_file_already_left_is_read(path: Path) -> None:
    reader = JournalReader(path)
    append(path, line(1))
    _, position = read_all(reader)
    old = path.with_name("journal.psv.1")
    path.rename(old)
    append(path, line(3))
    found, position = read_all(reader, position)
    assert found == [3]
    append(old, line(2))  # a channel had it open
    found, position = read_all(reader, position)
    assert found == [2]
    append(path, line(4))
    os.utime(old, (1, 1))  # quiet for long
    found, position = read_all(reader, position)
    assert found == [4]
    assert "late" not in str(position)


def test_a_position_is_of_a_file_not_of_an_inode(path: Path) -> None:
    """The old file is gone and a new one of the same length lies where it was, as after a restore."""
    append(path, line(1) + line(2))
    _, position = read_all(JournalReader(path))
    path.write_bytes((line(3) + line(4) + line(5)).encode())
    assert read_all(JournalReader(path), position)[0] == [3, 4, 5]


def test_an_old_position_reads_on_over_all_files_written_since(path: Path) -> None:
    append(path, line(1))
    reader = JournalReader(path, turn_at=1)
    _, old = read_all(reader)
    position = old
    for number in (2, 3, 4):
        append(path, line(number).replace("1795357621.661", f"179535762{number}.661"))
        _, position = read_all(reader, position)
        path.rename(path.with_name(f"journal.psv.2026112{number}-000000"))
        os.utime(path.with_name(f"journal.psv.2026112{number}-000000"), (1, 1))  # all copied back at one time
    append(path, line(5).replace("1795357621.661", "1795357629.661"))
    assert read_all(JournalReader(path), old)[0] == [2, 3, 4, 5]


def test_compressed_files_and_folders_are_not_read(path: Path) -> None:
    path.with_name("journal.psv.1.gz").write_bytes(b"\x1f\x8b" + bytes(range(256)))
    path.with_name("journal.psv.old").mkdir()
    append(path, line(1))
    reader = JournalReader(path)
    assert read_all(reader)[0] == [1]
    assert reader.counters.unreadable == 0


def test_it_turns_over_a_long_file_only_when_all_of_it_is_booked(path: Path) -> None:
    reader = JournalReader(path, turn_at=500)
    append(path, line(1))
    _, position = read_all(reader)
    reader.tidy(position)
    assert path.exists(), "not long enough"
    append(path, line(2) * 5)
    reader.tidy(position)
    assert path.exists(), "not read"
    _, position = read_all(reader, position)
    append(path, line(3)[:50])
    reader.tidy(position)
    assert path.exists(), "a line is being written"
    append(path, line(3)[50:])
    _, position = read_all(reader, position)
    reader.tidy(position)
    assert not path.exists()
    assert reader.counters.turned == 1
    assert read_all(reader, position) == ([], position)
    append(path, line(4))
    assert read_all(reader, position)[0] == [4]


def test_old_files_are_removed_when_they_are_booked_and_never_before(path: Path) -> None:
    reader = JournalReader(path, turn_at=10_000_000, keep_days=30)
    for number in (1, 2, 3):
        other = path.with_name(f"journal.psv.2026010{number}-000000")
        append(other, line(number).replace("1795357621.661", f"179535762{number}.661"))
        os.utime(other, (number, number))
    append(path.with_name("journal.psv.1"), line(4))  # of another program
    os.utime(path.with_name("journal.psv.1"), (4, 4))
    append(path, line(9).replace("1795357621.661", "1795357629.661"))
    half = reader.read(None).position
    reader.tidy(half)
    assert reader.counters.removed == 0, "nothing is booked but the first"
    found, position = read_all(reader)
    assert sorted(found) == [1, 2, 3, 4, 9]
    for _ in range(2):  # the file left last may still grow
        reader.tidy(position)
        append(path, line(10))
        _, position = read_all(reader, position)
    assert sorted(x.name for x in path.parent.iterdir()) == ["journal.psv", "journal.psv.1"]


def test_without_a_limit_nothing_is_turned_over_or_removed(path: Path) -> None:
    append(path, line(1) * 100)
    reader = JournalReader(path)
    _, position = read_all(reader)
    reader.tidy(position)
    assert path.exists()


def test_lines_set_aside_are_not_part_of_the_journal(path: Path) -> None:
    append(path, line(1))
    reader = JournalReader(path)
    reader.set_aside([line(2).strip(), "\ud800"])
    assert read_all(reader)[0] == [1]
    assert reader.aside.read_text() == line(2) + "\\ud800\n"


def test_a_folder_that_may_not_be_written_is_said_and_reading_goes_on(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(path, line(1))
    reader = JournalReader(path, turn_at=1)
    _, position = read_all(reader)
    monkeypatch.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    reader.tidy(position)
    assert "cannot be turned over" in caplog.text
    append(path, line(2))
    assert read_all(reader, position)[0] == [2]
