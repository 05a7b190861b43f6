"""The running daemon's process id, in a file that the daemon keeps locked: a lock cannot be left behind by a process that died."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class AlreadyRunningError(RuntimeError):
    """Another daemon holds the file."""


class PidFile:
    """``acquire`` at the start, ``release`` at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Lock the file and write the pid into it. Raises AlreadyRunningError, or OSError if it cannot be written."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.write(fd, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            pid = os.read(fd, 20).decode("ascii", "replace").strip()
            os.close(fd)
            raise AlreadyRunningError(f"a callbridge with the same store is running already (process {pid})") from None
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Empty and unlock it. The file stays: removing it could remove the next daemon's."""
        if self._fd is None:
            return
        with suppress(OSError):
            os.ftruncate(self._fd, 0)
        os.close(self._fd)
        self._fd = None


def running_pid(path: Path) -> int | None:
    """The pid of the daemon that holds the file, or None if none runs. Raises OSError if the file is there and cannot be read.

    The file's owner and the process's owner must be the same user, so that nobody can point root's signal at another's process.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(fd, 20).decode("ascii", "replace").strip()
            owner = os.fstat(fd).st_uid
        else:
            return None
    finally:
        os.close(fd)
    if not text.isdecimal():
        return None
    try:
        return int(text) if os.stat(f"/proc/{text}").st_uid == owner else None
    except OSError:
        return None
