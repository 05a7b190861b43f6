from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from recording_samples import CALL_ID, a_call

from bridge.core.model import Call, NoticeEvidence, Recording, RecordingStatus, Ring
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.sidecar import SCHEMA, sidecar_text, wants_sidecar, write_sidecar

MOSCOW = timezone(timedelta(hours=3))
NOON = datetime(2026, 11, 22, 12, 30, 0, 250000, tzinfo=MOSCOW)


def full_call() -> Call:
    return replace(
        a_call(),
        started_at=NOON,
        recording=Recording(RecordingStatus.KEPT, f"2026/11/22/{CALL_ID}.wav", "wav", 8000, 3.0, 96044, "ab" * 32),
        notice=NoticeEvidence("ru/notice", "cd" * 32, "ru", NOON, NOON + timedelta(seconds=4), True, False),
        rings=(Ring("PJSIP/101", NOON, NOON + timedelta(seconds=5), "answer"),),
        quality={"lp": 0.0, "rtt": 0.012},
    )


def test_everything_known_is_in_it_and_reads_without_the_bridge(recordings: Path) -> None:
    path = write_sidecar(recordings, full_call())
    assert path == recordings / f"2026/11/22/{CALL_ID}.json"
    read = json.loads(path.read_text("utf-8"))
    assert read["schema"] == SCHEMA
    assert {field.name for field in fields(Call)} <= set(read)
    assert read["started_at"] == "2026-11-22T12:30:00.250+03:00"
    assert datetime.fromisoformat(read["rings"][0]["began_at"]) == NOON
    assert read["caller_name"] == 'Иван "Петров"\r\n'
    assert read["recording"]["channels"] == {"left": "caller", "right": "company"}
    assert (read["recording"]["status"], read["outcome"], read["decided_by"]) == ("kept", "answered", "daemon")
    assert read["notice"]["completed"] is True
    assert read["talk_seconds"] == 3.0
    assert "Петров" in path.read_text("utf-8")


def test_the_text_depends_on_the_call_alone() -> None:
    assert sidecar_text(full_call()) == sidecar_text(full_call())


def test_a_broken_name_does_not_cost_the_sidecar(recordings: Path) -> None:
    path = write_sidecar(recordings, replace(full_call(), caller_name="a\ud800b"))
    assert json.loads(path.read_text("utf-8"))["caller_name"] == "a\ud800b"


def test_a_second_writing_replaces_the_first(recordings: Path) -> None:
    write_sidecar(recordings, full_call())
    path = write_sidecar(recordings, replace(full_call(), answered_by="101"))
    assert json.loads(path.read_text())["answered_by"] == "101"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_no_folder_means_later(tmp_path: Path) -> None:
    with pytest.raises(RecordingRetry):
        write_sidecar(tmp_path / "away", full_call())


@pytest.mark.parametrize("status", RecordingStatus)
def test_only_calls_with_a_recording_or_a_lost_one_have_a_sidecar(status: RecordingStatus) -> None:
    wanted = {RecordingStatus.KEPT, RecordingStatus.MISSING, RecordingStatus.BROKEN}
    assert wants_sidecar(replace(a_call(), recording=Recording(status))) == (status in wanted)
