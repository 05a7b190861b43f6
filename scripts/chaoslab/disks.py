"""Small disks of our own, which may be filled and made read-only: tmpfs in a mount namespace that ends with the process."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_TOLD = "CHAOSLAB_MOUNTS"  #: set in the second life: why there are no mounts, or empty
_MEGABYTE = 1 << 20


def enter_namespace(arguments: Sequence[str]) -> str:
    """Start this program again in a mount namespace of its own, where it may mount; returns there: why it may not, or "".

    Whatever is mounted there is seen by nobody else and is gone with the last process of it. A user who is not root gets one too
    where the kernel lets users have namespaces.
    """
    if _TOLD in os.environ:
        return os.environ[_TOLD]
    plain = ["unshare", "--mount"]
    reason = ""
    for unshare in ([plain] if os.geteuid() == 0 else []) + [[*plain, "--user", "--map-root-user"]]:
        reason = _why_not(unshare)
        if not reason:
            os.environ[_TOLD] = ""
            sys.stdout.flush()
            os.execvp(unshare[0], [*unshare, sys.executable, "-m", "chaoslab", *arguments])  # noqa: S606 - no shell is wanted
    os.environ[_TOLD] = reason
    return reason


def _why_not(unshare: Sequence[str]) -> str:
    """Why nothing can be mounted in such a namespace; "" if it can."""
    command = [*unshare, "mount", "-t", "tmpfs", "-o", "size=1m", "chaos", "/tmp"]  # noqa: S108 - in the namespace's own view
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"unshare: {error.strerror}"
    return "" if done.returncode == 0 else done.stderr.strip() or "unshare failed"


class Disk:
    """A folder on a tmpfs of `megabytes`; with `real` False the folder alone, which can neither be filled nor made read-only."""

    def __init__(self, folder: Path, megabytes: int, *, real: bool) -> None:
        self.folder = folder
        self.real = real
        folder.mkdir(parents=True, exist_ok=True)
        if real:
            _mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0750", "chaos", folder)

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.folder / ".ballast").open("ab", buffering=0) as file:
            for size in (_MEGABYTE, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        (self.folder / ".ballast").unlink(missing_ok=True)

    def read_only(self) -> None:
        """Only while no file on it is open for writing."""
        _mount("-o", "remount,ro", self.folder)

    def writable(self) -> None:
        _mount("-o", "remount,rw", self.folder)

    def leave(self, *, keep: bool) -> None:
        """Unmount; with `keep` what was on it lies in the plain folder then."""
        if not self.real:
            return
        self.real = False
        copy = self.folder.with_name(f"{self.folder.name}.kept")
        if keep:
            self.free()
            shutil.copytree(self.folder, copy, symlinks=True)
        subprocess.run(["umount", "-l", self.folder], capture_output=True, check=False)
        if keep:
            with suppress(OSError):
                self.folder.rmdir()
                copy.rename(self.folder)


def _mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip())
