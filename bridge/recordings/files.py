"""Writing a file so that it is there whole or not at all, whatever dies meanwhile."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.core.call_id import folder_of
from bridge.recordings.errors import RecordingRetry

FOLDER_MODE = 0o750
FILE_MODE = 0o640


def place_of(recordings: Path, call_id: str, suffix: str) -> Path:
    """Where a call's file belongs: ``recordings/YYYY/MM/DD/<call id>.<suffix>``. Raises ValueError for no call id."""
    return recordings / folder_of(call_id) / f"{call_id}.{suffix}"


@contextmanager
def replacing(target: Path, root: Path) -> Iterator[int]:
    """A descriptor to write `target` through: on leaving, synced and renamed into place; on an error, nothing is left.

    `root` must exist; the folders below it are made. The temporary name is the same at every try, so a killed process
    leaves at most one such file and the next try takes it over. Raises RecordingRetry for every error of the file system.
    """
    try:
        _make_folders(target.parent, root)
        temp = target.parent / f".{target.stem}.part"
        fd = _open_alone(temp)
    except OSError as error:
        raise RecordingRetry(f"cannot write {target}: {error.strerror}") from error
    try:
        yield fd
        os.fchmod(fd, FILE_MODE)  # whatever the umask
        os.fsync(fd)
        os.replace(temp, target)
        sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):
            temp.unlink()
        if isinstance(error, OSError):
            raise RecordingRetry(f"cannot write {target}: {error.strerror}") from error
        raise
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _make_folders(folder: Path, root: Path) -> None:
    # The root is not made: an absent one is a disk that is not mounted, and the recordings would fill another.
    if folder == root:
        if not root.is_dir():
            raise RecordingRetry(f"the recordings folder {root} is not there")
        return
    _make_folders(folder.parent, root)
    try:
        os.mkdir(folder, FOLDER_MODE)
    except FileExistsError:
        return
    os.chmod(folder, FOLDER_MODE)
    sync_folder(folder.parent)


def _open_alone(temp: Path) -> int:
    """The temporary file, emptied and locked: an old daemon stopping and a new one starting must not mix their output."""
    fd = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.stat(temp, follow_symlinks=False), os.fstat(fd)):
            raise FileNotFoundError  # the other one finished it between our open and our lock
        os.ftruncate(fd, 0)
    except (BlockingIOError, FileNotFoundError) as error:
        os.close(fd)
        raise RecordingRetry(f"another process is writing {temp}") from error
    except BaseException:
        os.close(fd)
        raise
    return fd
