"""Telling systemd how the daemon is (sd_notify). Without systemd, nothing happens."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class Notifier:
    """Speaks to the socket that systemd names in NOTIFY_SOCKET. A message that cannot be sent is logged once, never raised."""

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._interval = _interval(environ, os.getpid() if pid is None else pid)
        self._said = False

    @property
    def watchdog_interval(self) -> float | None:
        """Seconds between two heartbeats: half of what systemd allows. None where it expects none."""
        return self._interval

    def ready(self, status: str = "") -> None:
        """Everything is up (again, after `reloading`)."""
        self._send("READY=1", status)

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", status)

    def status(self, text: str) -> None:
        """One line that ``systemctl status`` shows."""
        self._send("", text)

    def extend(self, seconds: float) -> None:
        """Ask for `seconds` more of start or stop time, from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    async def heartbeat(self, alive: Callable[[], bool] = lambda: True) -> None:
        """Keep systemd's watchdog quiet, from the event loop, while `alive()`. Returns at once where there is no watchdog."""
        if self._interval is None:
            return
        while True:
            if alive():
                self._send("WATCHDOG=1")
            await asyncio.sleep(self._interval)

    def _send(self, state: str, status: str = "") -> None:
        if self._address is None:
            return
        if status:
            state = f"{state}\nSTATUS={' '.join(status.split())}".lstrip("\n")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto(state.encode(), self._address)
        except OSError as error:
            if not self._said:
                self._said = True
                log.warning("cannot speak to systemd: %s", error.strerror)


def _address(text: str) -> bytes | None:
    if not text.startswith(("@", "/")):
        return None
    raw = os.fsencode(text)
    return b"\0" + raw[1:] if raw.startswith(b"@") else raw


def _interval(environ: Mapping[str, str], pid: int) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(microseconds) / 2_000_000
