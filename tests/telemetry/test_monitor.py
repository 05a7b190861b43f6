"""/healthz and /metrics over a real socket."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bridge.telemetry.health import Health
from bridge.telemetry.metrics import Metrics
from bridge.telemetry.monitor import Monitor


async def get(address: tuple[str, int], path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    status, *headers = head.decode().split("\r\n")
    return int(status.split()[1]), dict(h.lower().split(": ", 1) for h in headers), body


@pytest.fixture
def health() -> Health:
    return Health(["ami", "store"])


@pytest.fixture
async def monitor(health: Health) -> AsyncIterator[Monitor]:
    monitor = Monitor(health, Metrics("1.0").text, "1.0")
    await monitor.start("127.0.0.1", 0)
    yield monitor
    await monitor.stop()


async def test_health_over_http(monitor: Monitor, health: Health) -> None:
    status, headers, body = await get(monitor.address, "/healthz")
    assert (status, json.loads(body)["state"], headers["cache-control"]) == (503, "starting", "no-store")
    health.set("ami", "ok")
    health.set("store", "ok")
    status, _, body = await get(monitor.address, "/healthz")
    seen = json.loads(body)
    assert (status, seen["state"], seen["version"], seen["ami"]["state"]) == (200, "ok", "1.0", "ok")
    assert datetime.fromisoformat(seen["ami"]["since"]).tzinfo is not None
    health.set("config", "refused", problems=["bridge.yaml:1:1: x"], loaded_at="2026-11-22T10:00:00+03:00")
    status, _, body = await get(monitor.address, "/healthz")
    assert (status, json.loads(body)["state"]) == (503, "degraded")
    assert json.loads(body)["config"]["problems"] == ["bridge.yaml:1:1: x"]


async def test_metrics_and_nothing_else(monitor: Monitor) -> None:
    status, headers, body = await get(monitor.address, "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=")
    assert b"callbridge_build_info" in body
    assert (await get(monitor.address, "/"))[0] == 404
    assert (await get(monitor.address, "/healthz", "POST"))[0] == 405


async def test_a_taken_port_is_an_os_error_and_not_the_end_of_the_process(monitor: Monitor, health: Health) -> None:
    other = Monitor(health, bytes)
    with pytest.raises(OSError, match="in use"):
        await other.start(*monitor.address)
    await other.stop()


async def test_signals_stay_the_daemon_s(monitor: Monitor) -> None:
    await get(monitor.address, "/healthz")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_stop_and_start_again_and_stop_twice(health: Health) -> None:
    monitor = Monitor(health, bytes)
    await monitor.start("127.0.0.1", 0)
    address = monitor.address
    await monitor.stop()
    await monitor.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    await monitor.start(*address)
    assert (await get(monitor.address, "/healthz"))[0] == 503
    await monitor.stop()


def test_since_stays_while_the_state_stays_and_changes_are_told() -> None:
    now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    told: list[str] = []
    health = Health(["ami", "store"], clock=lambda: now, changed=lambda h: told.append(h.state))
    health.set("ami", "degraded", "no answer")
    first = now
    now += timedelta(seconds=5)
    health.set("ami", "degraded", "still no answer")
    assert (health.parts["ami"].since, health.parts["ami"].detail) == (first, "still no answer")
    assert health.troubles() == "ami: degraded (still no answer); store: starting"
    health.set("store", "off")
    assert health.state == "degraded"
    health.set("ami", "ok")
    assert (health.state, health.troubles(), health.parts["ami"].since) == ("ok", "", now)
    assert told == ["starting", "degraded", "ok"]
