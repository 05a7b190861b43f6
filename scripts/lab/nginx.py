"""nginx for the tests of the documented configuration: the machine's own, or Debian's unpacked without root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.packages import PackagesError, Say, fetch
from lab.tools import Program


class NginxMissingError(RuntimeError):
    """There is no nginx. The text says what to do."""


def find_nginx(lab: Path) -> Program:
    """The machine's own, else the one under ``lab/nginx``. Raises NginxMissingError."""
    own = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if own:
        return Program((own,))
    root = lab / "nginx"
    program = root / "usr/sbin/nginx"
    if not program.exists():
        raise NginxMissingError("no nginx: scripts/test fetches one on Debian; else apt-get install nginx-light")
    libraries = [str(x) for x in (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")) if x.is_dir()]
    return Program((str(program),), {"LD_LIBRARY_PATH": ":".join(libraries)})


def prepare(lab: Path, say: Say = print) -> None:
    """Fetch it once where it is missing; where it cannot be had, that is said, and its tests are skipped."""
    try:
        find_nginx(lab)
    except NginxMissingError:
        try:
            fetch(("nginx",), lab / "nginx", suite=None, say=say)
        except PackagesError as error:
            say(f"no nginx, its tests are skipped: {error}")
