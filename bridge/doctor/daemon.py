"""The daemon: does it run, does it say it is well, and is it the one who answers the dialplan?"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
from typing import Any

from bridge.app import pid_path
from bridge.config import Config
from bridge.doctor.findings import Finding, error, note, ok, warning
from bridge.doctor.machine import user_name
from bridge.doctor.network import Listener, command_of, listeners
from bridge.telemetry.pidfile import running_pid

START = "systemctl start callbridge (or: callbridge run)"
_MOST = 1 << 20


def daemon_pid(config: Config) -> int | None:
    """The running daemon's pid by its pid file. Raises OSError if that cannot be read."""
    return running_pid(pid_path(config))


async def check_daemon(config: Config) -> list[Finding]:
    """The process, its port and its own word."""
    try:
        pid = daemon_pid(config)
    except OSError as problem:
        return [
            error(
                "daemon",
                f"{pid_path(config)} cannot be read ({(problem.strerror or '').lower()})",
                "sudo callbridge doctor",
            )
        ]
    found = [check_agi_port(config, pid)]
    if pid is None:
        found.append(
            error("daemon", "the daemon does not run: calls go to the fallback, unannounced and unrecorded", START)
        )
        return found
    found.append(ok("daemon", f"it runs (process {pid})"))
    health = await asyncio.to_thread(read_health, config)
    if isinstance(health, str):
        found.append(
            error(
                "daemon",
                f"/healthz on {config.monitor.listen}: {health}",
                "look into its log: journalctl -u callbridge",
            )
        )
    elif health.get("pid") != pid:
        found.append(
            warning(
                "daemon",
                f"another daemon (process {health.get('pid')}) answers on {config.monitor.listen}",
                "give each a monitor.listen of its own",
            )
        )
    else:
        found += _parts(health)
    return found


def _parts(health: dict[str, Any]) -> list[Finding]:
    found = []
    for name, part in health.items():
        if not isinstance(part, dict) or part.get("state") in ("ok", "off"):
            continue
        detail = f" ({part['detail']})" if part.get("detail") else ""
        found.append(
            error(
                "daemon",
                f"{name} is {part.get('state')} since {part.get('since')}{detail}",
                "callbridge check"
                if name == "config"
                else "see the other findings, and its log: journalctl -u callbridge",
            )
        )
    return found or [ok("daemon", f"it says that all is well, since {health.get('started_at')}")]


def check_agi_port(config: Config, pid: int | None) -> Finding:
    """A stranger on the port while the daemon is down could send every call where he likes."""
    listen = config.asterisk.agi.listen
    there = listeners(listen.port)
    if not there:
        if pid is None:
            return note(
                "agi port",
                f"nobody listens on {listen}: any program of this machine could take the port",
                "callbridge-agi.socket lets systemd hold it",
            )
        return error("agi port", f"the daemon runs, but nobody listens on {listen}", "journalctl -u callbridge")
    strangers = [x for x in there if not _is_ours(x, pid)]
    if strangers:
        who = strangers[0]
        name = f"process {who.pid}: {command_of(who.pid)}" if who.pid else f"a process of {user_name(who.uid)}"
        return error(
            "agi port",
            f"A STRANGER ANSWERS THE DIALPLAN: {name} listens on {who.host}:{who.port}; he can send calls where he likes",
            f"find out what it is (ss -ltnp 'sport = :{listen.port}'), end it, then {START}",
        )
    outside = [x.host for x in there if not x.is_loopback]
    if outside and listen.is_loopback:
        return warning(
            "agi port",
            f"it can be reached from outside on {outside[0]}",
            f"asterisk.agi.listen: 127.0.0.1:{listen.port}",
        )
    return ok(
        "agi port", f"{listen} is held by " + ("the daemon" if any(x.pid == pid and pid for x in there) else "systemd")
    )


def _is_ours(listener: Listener, pid: int | None) -> bool:
    """The daemon's own socket, or one that systemd holds for it."""
    if listener.pid is not None:
        return listener.pid in (pid, 1)
    if pid is None:
        return listener.uid == 0  # systemd, as far as can be seen from here
    try:
        return listener.uid in (0, os.stat(f"/proc/{pid}").st_uid)
    except OSError:
        return False


def read_health(config: Config) -> dict[str, Any] | str:
    """What /healthz says, or in words why it says nothing."""
    listen = config.monitor.listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - to replace it
    connection = http.client.HTTPConnection(host, listen.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read(_MOST))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return f"no answer ({problem})" if str(problem) else "no answer"
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else "not the daemon's answer"


__all__ = ["check_agi_port", "check_daemon", "daemon_pid", "read_health"]
