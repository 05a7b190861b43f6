"""What ``scripts/demo --keep`` leaves running, so that ``scripts/demo --stop`` ends exactly that."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path


def remember(file: Path, pids: list[int]) -> None:
    """Write down processes by pid and start time: a pid alone may be somebody else's by then."""
    file.write_text(json.dumps({str(pid): _began(pid) for pid in pids}))


def stop_kept(file: Path, patience: float = 15.0) -> int:
    """End the processes written down, in their order, those that are still there; how many there were."""
    if not file.exists():
        return 0
    count = 0
    for pid, began in json.loads(file.read_text()).items():
        count += _end(int(pid), began, patience)
    file.unlink()
    return count


def _end(pid: int, began: str | None, patience: float) -> bool:
    if began is None or _began(pid) != began:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + patience
        while _began(pid) == began and time.monotonic() < deadline:
            time.sleep(0.05)
        if _began(pid) != began:
            break
    return True


def _began(pid: int) -> str | None:
    """The process's start time in clock ticks since boot; None if there is no such process (a zombie is none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
