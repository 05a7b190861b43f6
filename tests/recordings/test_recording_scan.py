from __future__ import annotations

import os
from pathlib import Path

import pytest
from recording_samples import CALL_ID, header, tone, write_mono

from bridge.recordings.errors import RecordingRetry
from bridge.recordings.scan import disk_space, sweep

OTHER = "20261121-200000-3-000001"
NOW = 1_800_000_000.0


def aged(path: Path, seconds: float) -> Path:
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


def test_files_are_gathered_by_call_with_their_age(spool: Path) -> None:
    caller = aged(write_mono(spool / f"{CALL_ID}-caller.wav", tone(440, 1)), 300)
    company = aged(write_mono(spool / f"{CALL_ID}-company.wav", tone(440, 1)), 20)
    late = (
        aged(spool / f"{OTHER}-caller.wav16", 5) if (spool / f"{OTHER}-caller.wav16").write_bytes(header(0)) else None
    )
    found = sweep(spool, NOW)
    assert [call.call_id for call in found.calls] == [OTHER, CALL_ID]
    empty, full = found.calls
    assert (empty.paths, empty.age, empty.size, empty.empty) == ((late,), 5.0, 44, True)
    assert (full.paths, full.age, full.size, full.empty) == ((caller, company), 20.0, 2 * 16044, False)
    assert found.orphans({OTHER}) == (full,)
    assert found.orphans(set(), older_than=10) == (full,)
    assert found.orphans({OTHER, CALL_ID}) == ()


def test_what_no_call_made_is_named_and_not_followed(spool: Path, tmp_path: Path) -> None:
    (spool / "notes.txt").write_text("x")
    (spool / "20269922-093000-17-123456-caller.wav").write_bytes(header(0))
    (spool / f"{CALL_ID}-caller.wav").symlink_to(tmp_path / "elsewhere")
    (spool / f"{CALL_ID}-company.wav").mkdir()
    found = sweep(spool, NOW)
    assert found.calls == ()
    assert len(found.strangers) == 4


def test_an_absent_spool_means_later(tmp_path: Path) -> None:
    with pytest.raises(RecordingRetry, match="cannot look into"):
        sweep(tmp_path / "away", NOW)


def test_disk_space(tmp_path: Path) -> None:
    space = disk_space(tmp_path)
    assert 0 < space.free <= space.total
    assert 0 < space.share <= 1
    with pytest.raises(FileNotFoundError):
        disk_space(tmp_path / "away")
