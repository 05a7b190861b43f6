"""systemd is told through a real datagram socket, with a path and abstract."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.telemetry.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = f"@callbridge-test-{secrets.token_hex(8)}" if request.param == "abstract" else str(tmp_path / "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1))
        sock.settimeout(5)
        yield name, sock


def test_what_is_said(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("3 lines,\n12 numbers")
    assert sock.recv(4096) == b"READY=1\nSTATUS=3 lines, 12 numbers"
    notifier.reloading()
    first, second = sock.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()
    notifier.status("ami: degraded")
    assert sock.recv(4096) == b"STATUS=ami: degraded"
    notifier.extend(1.5)
    assert sock.recv(4096) == b"EXTEND_TIMEOUT_USEC=1500000"
    notifier.stopping()
    assert sock.recv(4096) == b"STOPPING=1"


async def test_heartbeat_only_while_alive(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    sock.setblocking(False)
    alive = True
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())})
    assert notifier.watchdog_interval == 0.01
    beat = asyncio.create_task(notifier.heartbeat(lambda: alive))
    loop = asyncio.get_running_loop()
    for _ in range(3):
        assert await asyncio.wait_for(loop.sock_recv(sock, 100), 5) == b"WATCHDOG=1"
    alive = False
    await asyncio.sleep(0)
    while True:
        try:
            sock.recv(100)
        except BlockingIOError:
            break
    await asyncio.sleep(0.05)
    with pytest.raises(BlockingIOError):
        sock.recv(100)
    beat.cancel()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_no_watchdog_no_heartbeat(environ: dict[str, str]) -> None:
    notifier = Notifier(environ, pid=4711)
    assert notifier.watchdog_interval is None
    await notifier.heartbeat()


def test_without_systemd_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": "relative"}).ready()
    assert not caplog.records


def test_a_dead_socket_is_said_once_and_never_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.stopping()
    assert [r.getMessage() for r in caplog.records] == ["cannot speak to systemd: No such file or directory"]
