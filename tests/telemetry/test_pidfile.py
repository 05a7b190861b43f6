"""The pid file is believed only while a living daemon holds its lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.telemetry.pidfile import AlreadyRunningError, PidFile, running_pid

HOLDER = """
import sys, pathlib
from bridge.telemetry.pidfile import PidFile
PidFile(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_one_daemon_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "bridge.pid"
    assert running_pid(path) is None
    first, second = PidFile(path), PidFile(path)
    first.acquire()
    assert running_pid(path) == os.getpid()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    first.release()
    assert running_pid(path) is None
    second.acquire()
    assert running_pid(path) == os.getpid()
    second.release()


def test_a_killed_daemon_leaves_a_file_that_nobody_believes(tmp_path: Path) -> None:
    path = tmp_path / "bridge.pid"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert running_pid(path) == holder.pid
        holder.kill()
    assert path.read_text() == f"{holder.pid}\n"
    assert running_pid(path) is None


def test_a_symlink_or_nonsense_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "bridge.pid"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        PidFile(path).acquire()
    path.unlink()
    held = PidFile(path)
    held.acquire()
    for text in ("", "0", "many\n", "99999999999"):
        path.write_text(text)
        assert running_pid(path) is None
    held.release()
