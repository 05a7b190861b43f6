"""Recordings as files: found below their folder and nowhere else, and read without holding up the event loop, which answers Asterisk too."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

CHUNK: Final = 64 * 1024
_READERS: Final = 4
T = TypeVar("T")


class SoundFile:
    """An open recording. `version` is another for another content. Close it."""

    def __init__(self, fd: int, pool: ThreadPoolExecutor) -> None:
        about = os.fstat(fd)
        self.fd = fd
        self.size = about.st_size
        self.modified = about.st_mtime
        self.version = f"{about.st_mtime_ns:x}-{about.st_size:x}"
        self._pool = pool
        self._reading: Future[bytes] | None = None

    async def read(self, first: int, count: int) -> AsyncIterator[bytes]:
        """`count` bytes from `first` on, in chunks. Raises EOFError where the file has become shorter, OSError."""
        while count > 0:
            self._reading = self._pool.submit(os.pread, self.fd, min(CHUNK, count), first)
            data = await asyncio.wrap_future(self._reading)
            if not data:
                raise EOFError("the recording has become shorter while it was read")
            yield data
            first, count = first + len(data), count - len(data)

    def close(self) -> None:
        """At once, or when the read that goes on is done: its descriptor must not become another file's meanwhile."""
        if self._reading is None:
            os.close(self.fd)
        else:
            self._reading.add_done_callback(lambda _: os.close(self.fd))


class SoundFolder:
    """The folder of the recordings; None: there is none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(_READERS, "desk-sound")
        self._makers = ThreadPoolExecutor(1, "desk-peaks", initializer=_be_humble)

    async def open(self, path: str) -> SoundFile:
        """The recording at `path`, relative to the folder. Raises OSError, also for a path that leads out of it, and for links."""
        if self._folder is None:
            raise FileNotFoundError(path)
        fd = await asyncio.wrap_future(self._pool.submit(open_below, self._folder, path))
        return SoundFile(fd, self._pool)

    async def make(self, work: Callable[[], T]) -> T:
        """Long work, one after the other, in a thread that steps back for calls."""
        return await asyncio.wrap_future(self._makers.submit(work))


def open_below(folder: Path, path: str) -> int:
    """A descriptor to read the plain file at `path` below `folder`, through no link. Raises OSError."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise FileNotFoundError(path)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        fd = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(path)
    return fd


def _be_humble() -> None:
    with suppress(OSError):  # on Linux a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
