"""The daemon under test: ``callbridge run`` as a process of its own, with a configuration of the lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.asterisk import CHECKOUT, Asterisk
from lab.ports import LOOPBACK, Ports

SOURCES = {
    "radio": "+74951110001",
    "billboard-m4": "+74951110002",
}  #: source -> its number, in the configuration of every lab
UNBOUND = "+74951119999"  #: a number nobody bound
STAGGER = 4  #: seconds after which the second phone of the line `sales` joins


class DaemonFailedError(RuntimeError):
    """The daemon did not become ready, or a command failed. The text ends with the tail of its log."""


def bridge_config(
    folder: Path, asterisk: Asterisk, notice: Path, secret: Path, store: str | None = None
) -> dict[str, Any]:
    """The configuration of a lab as it is written to bridge.yaml; change the dict for a test's own wishes.

    Two static sources; the line ``sales`` rings the first phone at once and the second after STAGGER seconds.
    """
    devices = [phone.device for phone in asterisk.phones]
    ring: list[dict[str, Any]] = [{"phone": devices[0]}]
    ring += [{"phone": device, "after": f"{STAGGER}s"} for device in devices[1:2]]
    return {
        "region": "RU",
        "timezone": "Europe/Moscow",
        "language": "en",
        "store": {"url": store or str(folder / "bridge.db")},
        "asterisk": {
            "ami": {
                "host": LOOPBACK,
                "port": asterisk.ports.ami,
                "user": "callbridge",
                "secret": {"file": str(secret)},
            },
            "agi": {"listen": f"{LOOPBACK}:{asterisk.ports.agi}"},
            "spool": str(asterisk.spool),
            "config": str(asterisk.layout.etc),
            "sounds": str(asterisk.sounds),
        },
        "recordings": {"folder": str(folder / "recordings"), "format": "wav"},
        "notices": {"standard": {"file": str(notice), "text": "This call is recorded.", "play": "answer"}},
        "lines": {"sales": {"title": "Sales", "ring": ring, "timeout": "30s"}},
        "sources": {
            "radio": {"title": "Radio", "prefix": "Radio: "},
            "billboard-m4": {"title": "Billboard M4", "prefix": "M4: "},
        },
        "numbers": {number: {"source": source} for source, number in SOURCES.items()},
        "defaults": {"line": "sales", "notice": "standard"},
        "fallback": {"line": "sales"},
        "desk": {"listen": f"{LOOPBACK}:{asterisk.ports.desk}"},
        "monitor": {"listen": f"{LOOPBACK}:{asterisk.ports.health}"},
        "log": {"format": "json", "level": "debug"},
    }


class Daemon:
    """``callbridge run`` on `config`, which is written to ``folder/bridge.yaml`` at each start()."""

    def __init__(
        self, folder: Path, ports: Ports, config: dict[str, Any], env: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.config = config
        self.config_file = folder / "bridge.yaml"
        self.log = folder / "daemon.log"
        self._health = f"http://{LOOPBACK}:{ports.health}/healthz"
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def write(self) -> None:
        """Write bridge.yaml; reload() takes a changed one."""
        text = yaml.safe_dump(self.config, allow_unicode=True, sort_keys=False)
        self.config_file.write_text(text, encoding="utf-8")

    def start(self, timeout: float = 30.0, *, wait: bool = True) -> None:
        """Start, and return when /healthz says that it is ready. Raises DaemonFailedError."""
        self.write()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bridge", "run", "-c", self.config_file],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=CHECKOUT,
                env=self._environment(),
                start_new_session=True,
            )
        if wait:
            try:
                self.wait_ready(timeout)
            except BaseException:
                self.kill9()
                raise

    def wait_ready(self, timeout: float = 30.0) -> None:
        deadline = time.monotonic() + timeout
        while not self.healthy():
            if self._process is None or self._process.poll() is not None:
                raise DaemonFailedError(f"callbridge run ended by itself\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise DaemonFailedError(f"callbridge run was not ready after {timeout:g} s\n{self.log_tail()}")
            time.sleep(0.1)

    def healthy(self) -> bool:
        """Whether /healthz answers 200 now."""
        try:
            with urllib.request.urlopen(self._health, timeout=2) as answer:  # noqa: S310 - a fixed address on loopback
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def stop(self, timeout: float = 20.0) -> int | None:
        """End it in order, by its pid if it does not; its exit code."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return process.returncode

    def kill9(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: it neither answers nor dies. thaw() lets it go on."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def reload(self) -> None:
        """Write bridge.yaml and send SIGHUP."""
        self.write()
        self.signal(signal.SIGHUP)

    def signal(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)

    def cli(self, *arguments: str, check: bool = True, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """A ``callbridge`` command on this daemon's bridge.yaml. Raises DaemonFailedError if it exits with anything but 0 (unless `check` is off)."""
        command = [sys.executable, "-m", "bridge", *arguments, "-c", str(self.config_file)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout, cwd=CHECKOUT, env=self._environment()
        )
        if check and done.returncode:
            raise DaemonFailedError(
                f"callbridge {' '.join(arguments)}: exit {done.returncode}\n{done.stderr or done.stdout}"
            )
        return done

    def calls(self, *filters: str) -> list[dict[str, Any]]:
        """The books: ``callbridge calls --json``, oldest first."""
        found = _json_documents(self.cli("calls", *filters, "--limit", "0", "--json").stdout)
        return sorted(found, key=lambda call: str(call["started_at"]))

    def call(self, call_id: str) -> dict[str, Any]:
        return _json_documents(self.cli("calls", "show", call_id, "--json").stdout)[0]

    def log_tail(self, lines: int = 30) -> str:
        if not self.log.exists():
            return ""
        return "\n".join([f"--- {self.log}", *self.log.read_text("utf-8", "replace").splitlines()[-lines:]])

    def _environment(self) -> dict[str, str]:
        path: Sequence[str] = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1", **self._env}


def _json_documents(text: str) -> list[dict[str, Any]]:
    """One JSON array, one object, or an object a line."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return found if isinstance(found, list) else [found]
