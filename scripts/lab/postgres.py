"""A private PostgreSQL for the tests that are marked `postgres`: the machine's own binaries or fetched ones, in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.packages import PackagesError, Say, fetch
from lab.ports import LOOPBACK, free_tcp

_LIBC = re.compile(
    r"(ld-linux|libc[.-]|libm[.-]|libmvec|libpthread|libdl[.-]|librt[.-]|libresolv|libnss_|libutil|libanl|libthread_db)"
)
_NOBODY = 65534


class PostgresError(RuntimeError):
    """There is no PostgreSQL to be had here. The text says why."""


def find_postgres(lab: Path, say: Say) -> tuple[Path, dict[str, str]]:
    """The folder with initdb and postgres, and what to add to their environment. Raises PostgresError."""
    found = _newest(Path("/"))
    if found:
        return found, {}
    root = lab / "postgres"
    try:
        fetch(["postgresql"], root, suite=None, say=say)
    except PackagesError as error:
        raise PostgresError(str(error)) from error
    found = _newest(root)
    if found is None:
        raise PostgresError(f"the package postgresql has no server in {root}")
    libraries = [x for x in root.glob("usr/lib/*-linux-gnu*") if x.is_dir()]
    for folder in libraries:  # of the same release as the machine, whose own C library goes with its loader
        for file in folder.iterdir():
            if _LIBC.match(file.name):
                file.unlink()
    return found, {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}


@contextlib.contextmanager
def private_postgres(binaries: Path, more: dict[str, str]) -> Iterator[str]:
    """A server on loopback; gives its URL. As root it runs as nobody, because postgres refuses root. Raises PostgresError."""
    folder = Path(tempfile.mkdtemp(prefix="lab-pg-"))
    as_nobody = _as_nobody(folder)
    env = {**os.environ, **more, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    data, port = folder / "data", free_tcp()
    try:
        command = [
            *as_nobody,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        made = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=folder)
        if made.returncode:
            raise PostgresError(f"initdb failed: {(made.stderr or made.stdout).strip()[-500:]}")
        settings = {
            "listen_addresses": LOOPBACK,
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        command = [
            *as_nobody,
            binaries / "postgres",
            "-D",
            data,
            *(x for k, v in settings.items() for x in ("-c", f"{k}={v}")),
        ]
        log = folder / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=folder, start_new_session=True)
        try:
            _wait_ready(server, log)
            yield f"postgresql://postgres@{LOOPBACK}:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": ends the sessions first
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _newest(root: Path) -> Path | None:
    found = [x.parent for x in root.glob("usr/lib/postgresql/*/bin/postgres") if (x.parent / "initdb").exists()]
    return max(found, key=lambda x: int(x.parent.name) if x.parent.name.isdigit() else 0, default=None)


def _as_nobody(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresError(
            "postgres does not run as root, and there is no setpriv (package util-linux) to run it as another user"
        )
    os.chown(folder, _NOBODY, _NOBODY)
    return [setpriv, f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]


def _wait_ready(server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while b"database system is ready to accept connections" not in log.read_bytes():
        if server.poll() is not None or time.monotonic() > deadline:
            raise PostgresError(f"postgres did not start: {log.read_text(errors='replace')[-500:]}")
        time.sleep(0.05)
