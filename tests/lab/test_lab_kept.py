"""What --keep left running is ended by --stop, and nothing else is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from lab.kept import remember, stop_kept


def test_only_what_was_written_down_is_ended(tmp_path: Path):
    ours, other = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
    try:
        remember(tmp_path / "running", [ours.pid])
        assert stop_kept(tmp_path / "running") == 1
        assert ours.wait(10) == -15
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
    assert stop_kept(tmp_path / "running") == 0


def test_a_pid_that_is_another_process_by_now_is_left_alone(tmp_path: Path):
    with subprocess.Popen(["sleep", "60"]) as process:
        (tmp_path / "running").write_text(json.dumps({str(process.pid): "1"}))
        assert stop_kept(tmp_path / "running") == 0
        assert process.poll() is None
        process.kill()
