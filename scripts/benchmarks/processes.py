"""Parts of the bench that run as processes of their own, ended by pid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.asterisk import CHECKOUT


class BenchError(RuntimeError):
    """A part of the bench failed. The text says which, with what it said."""


@contextmanager
def serving(module: str, *arguments: object) -> Iterator[tuple[int, int]]:
    """Start ``python -m benchmarks.<module>``, which prints its port; gives (port, pid) and ends it with the block."""
    process = subprocess.Popen(_command(module, arguments), stdout=subprocess.PIPE, cwd=CHECKOUT, env=environment())
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line.strip():
            raise BenchError(f"{module} did not start")
        yield int(line), process.pid
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def told(module: str, *arguments: object, timeout: float = 120.0) -> dict[str, Any]:
    """Run ``python -m benchmarks.<module>`` to its end; the JSON it prints."""
    done = subprocess.run(
        _command(module, arguments),
        capture_output=True, text=True, timeout=timeout, check=False, cwd=CHECKOUT, env=environment(),
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"{module} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def environment() -> dict[str, str]:
    """With the checkout's packages first."""
    paths = [str(CHECKOUT), str(CHECKOUT / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _command(module: str, arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
