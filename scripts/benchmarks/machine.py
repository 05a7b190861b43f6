"""What the figures were measured on, and what processes cost."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def describe(asterisk: str = "") -> dict[str, str]:
    """The machine in a few words, by name: processor, memory, system, Python, Asterisk, load."""
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "system": f"{_system()}, Linux {platform.release()}",
        "python": f"{platform.python_version()}{_loop()}",
        **({"asterisk": asterisk} if asterisk else {}),
        "load before": " ".join(f"{x:.2f}" for x in os.getloadavg()),
    }


def cpu_seconds(pid: int | None) -> float:
    """Processor time a process has used so far, threads included; 0 if there is none."""
    if pid is None:
        return 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_megabytes(pid: int | None) -> float:
    """Memory a process holds now; NaN if there is none."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return sys.platform


def _loop() -> str:
    try:
        return f" with uvloop {version('uvloop')}"
    except PackageNotFoundError:
        return ""
