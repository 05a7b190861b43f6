"""``callbridge hold`` and ``callbridge recordings``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_samples import answered

from bridge.core.model import Call, Recording, RecordingStatus

Run = Callable[..., Any]
KEPT = Recording(RecordingStatus.KEPT, "x.wav", "wav", 8000, 60.0, 1_000_000, "abc")


@pytest.fixture
def calls(fill: Callable[..., list[Call]], config: Path) -> list[Call]:
    config.write_text(config.read_text() + "retention: {default: forever, sources: {radio: 1d}}\n")
    return fill(
        [
            answered(1, source="radio", recording=KEPT),
            answered(2, recording=KEPT),
            answered(3, source="radio", recording=KEPT),
            answered(
                4, recording=replace(KEPT, status=RecordingStatus.DELETED, reason="2026-11-22: older than 1 days")
            ),
        ]
    )


def test_holding_and_releasing(calls: list[Call], callbridge: Run) -> None:
    assert "nothing is on hold" in callbridge("hold").output
    assert "is on hold" in callbridge("hold", calls[0].id[:17], "--reason", "case 17/26").output
    held = json.loads(callbridge("hold", "--json").output)
    assert [(x["call_id"], x["reason"]) for x in held] == [(calls[0].id, "case 17/26")]
    assert "case 17/26" in callbridge("hold").output
    assert "call_id,since,reason" in callbridge("hold", "--csv").output
    callbridge("hold", calls[0].id, "--release")
    assert "is not on hold" in callbridge("hold", calls[0].id, "--release", exit_code=1).output


def test_what_is_deleted_cannot_be_held(calls: list[Call], callbridge: Run) -> None:
    assert "is gone: deleted 2026-11-22" in callbridge("hold", calls[3].id, exit_code=1).output
    assert "nothing is on hold" in callbridge("hold").output
    assert "no call has an id" in callbridge("hold", "1999", exit_code=1).output
    assert "need the ID" in callbridge("hold", "--release", exit_code=2).output


def test_a_dry_run_shows_what_would_go(calls: list[Call], callbridge: Run, tmp_path: Path) -> None:
    assert "cannot be looked at" in callbridge("recordings", "prune", "--dry-run", exit_code=1).output
    (tmp_path / "sounds").mkdir()
    callbridge("hold", calls[2].id)
    found = json.loads(callbridge("recordings", "prune", "--dry-run", "--json").output)
    assert [(x["call_id"], x["reason"]) for x in found] == [(calls[0].id, "older than 1 days")]
    assert calls[0].id in callbridge("recordings", "prune", "--dry-run").output
    callbridge("recordings", "prune", exit_code=2)


def test_orphans(calls: list[Call], callbridge: Run, tmp_path: Path, config: Path) -> None:
    config.write_text(config.read_text().replace("asterisk:\n", "asterisk:\n  spool: spool\n"))
    assert "cannot look into" in callbridge("recordings", "orphans", exit_code=1).output
    rec = tmp_path / "spool" / "rec"
    rec.mkdir(parents=True)
    assert "no orphans" in callbridge("recordings", "orphans").output
    for call_id in ("20261122-093000-1-123456", calls[0].id, calls[3].id):
        path = rec / f"{call_id}-caller.wav"
        path.write_bytes(bytes(5000))
        os.utime(path, (1, 1))
    found = json.loads(callbridge("recordings", "orphans", "--json", exit_code=1).output)
    assert [(x["call_id"], x["status"]) for x in found] == [
        (calls[3].id, "deleted"),
        ("20261122-093000-1-123456", "unknown call"),
    ]
    assert len(list(rec.iterdir())) == 3
