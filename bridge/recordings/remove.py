"""Deleting a recording that has been kept long enough."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bridge.core.model import Call
from bridge.recordings.errors import RecordingRetry
from bridge.recordings.files import place_of, sync_folder
from bridge.recordings.merge import FORMATS
from bridge.recordings.sidecar import write_sidecar


def remove(recordings: Path, call: Call, *, keep_sidecar: bool) -> None:
    """Delete the merged file of `call` and its sidecar, which `keep_sidecar` writes anew instead.

    Doing it again does no harm. Raises RecordingRetry if the file system refuses.
    """
    folder = place_of(recordings, call.id, "").parent
    if not folder.is_dir():
        return
    try:
        for suffix in (*FORMATS, *(() if keep_sidecar else ("json",))):
            place_of(recordings, call.id, suffix).unlink(missing_ok=True)
        sync_folder(folder)
        with suppress(OSError):  # the last of its day, its month, its year
            for empty in (folder, folder.parent, folder.parent.parent):
                empty.rmdir()
    except OSError as error:
        raise RecordingRetry(f"cannot delete the recording of {call.id}: {error.strerror}") from error
    if keep_sidecar:
        write_sidecar(recordings, call)
