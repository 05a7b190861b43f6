"""``callbridge run`` as a process: its secrets stay its own, and its port may be held by systemd."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bridge
from bridge.testing import FakeAmi, agi_call, eventually

ROOT = Path(bridge.__file__).parents[1]
SECRET, STORE_SECRET = "hush-Xq7#known'secret", "quiet-9Zk@known/secret"
CALL_ID = "20261122-142701-76210-452748"

#: What systemd does: the listening socket as descriptor 3, named, meant for the process that begins here.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="agi")
os.execv(sys.executable, [sys.executable, "-m", "bridge", "run", "-c", sys.argv[2]])
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def configure(folder: Path, ami_port: int, store: str = "") -> Path:
    for name, secret in (("ami.secret", SECRET), ("store.secret", STORE_SECRET)):
        (folder / name).touch(0o600)
        (folder / name).write_text(f"{secret}\n")
    (folder / "spool").mkdir()
    config = folder / "bridge.yaml"
    config.write_text(
        f"""
asterisk:
  ami: {{port: {ami_port}, user: callbridge, secret: {{file: ami.secret}}}}
  agi: {{listen: "127.0.0.1:{_free_port()}"}}
  spool: spool
recordings: {{folder: recordings}}
store: {store or "{url: bridge.db}"}
lines: {{sales: {{ring: [{{phone: PJSIP/101}}]}}}}
fallback: {{line: sales}}
monitor: {{listen: "127.0.0.1:{_free_port()}"}}
log: {{format: json, level: debug}}
"""
    )
    return config


@contextmanager
def running(command: list[str], log: Path, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True, **how)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _run(config: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", *arguments, "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout + done.stderr


def _of_process(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


def _hidden(text: str) -> None:
    for secret in (SECRET, STORE_SECRET):
        assert secret not in text
        assert re.sub(r"[^A-Za-z0-9]", "", secret) not in re.sub(r"[^A-Za-z0-9]", "", text)  # quoted in whatever way


async def test_secrets_are_in_no_log_command_line_or_error(tmp_path: Path):
    store = f"{{url: 'postgresql+asyncpg://callbridge@127.0.0.1:{_free_port()}/x', password: {{file: store.secret}}}}"
    async with FakeAmi(username="callbridge", secret="another one") as ami:
        config = configure(tmp_path, ami.port, store)
        log = tmp_path / "log"
        with running([sys.executable, "-m", "bridge", "run", "-c", str(config)], log) as daemon:
            await eventually(lambda: ami.failed_logins > 0, 20)
            await eventually(lambda: "refused" in log.read_text().lower(), 20)
            assert SECRET not in str(ami.actions)
            for what in ("cmdline", "environ"):
                _hidden(_of_process(daemon.pid, what))
        _hidden(log.read_text())
    for command in (["check"], ["calls"], ["migrate"], ["doctor"]):
        _hidden(_run(config, *command))


def test_a_secret_that_everybody_may_read_is_refused_and_not_shown(tmp_path: Path):
    config = configure(tmp_path, 5038)
    (tmp_path / "ami.secret").chmod(0o644)
    said = _run(config, "check")
    assert "everybody on this machine may read" in said
    _hidden(said)


def test_a_secret_in_bridge_yaml_is_refused_and_not_shown(tmp_path: Path):
    config = configure(tmp_path, 5038)
    config.write_text(config.read_text().replace("{file: ami.secret}", f'"{SECRET}"'))
    said = _run(config, "check")
    assert "a secret does not stand in this file" in said
    _hidden(said)


async def test_the_port_is_systemds_before_and_after_the_daemon(tmp_path: Path):
    config = configure(tmp_path, 1)
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = held.getsockname()
        early = socket.create_connection(address)  # while the daemon is down: the call waits, nobody else can answer it
        early.close()
        with running(
            [sys.executable, "-c", ACTIVATE, str(held.fileno()), str(config)],
            tmp_path / "log",
            pass_fds=[held.fileno()],
        ):
            outcome = await agi_call(address, "inbound", CALL_ID, "74950000000")
            assert outcome.variables["BRIDGE_ANSWER"].startswith("1,,sales,")
            with pytest.raises(OSError, match="in use"), socket.create_server(address, reuse_port=False):
                pass
        with socket.create_connection(address), pytest.raises(OSError, match="in use"), socket.create_server(address):
            pass
