"""The sidecar: ``<call id>.json`` beside a recording, with everything known of the call, readable without the bridge.

Written where a recording exists or should exist (kept, missing, broken). Calls that were not to be recorded have none: they are in
the books, and a folder full of JSON without sound helps nobody.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from bridge.core.model import Call, RecordingStatus
from bridge.recordings.files import place_of, replacing

SCHEMA = 1  #: raised when a field changes its meaning or goes; new fields do not raise it
_WRITTEN_FOR = (RecordingStatus.KEPT, RecordingStatus.MISSING, RecordingStatus.BROKEN)


def wants_sidecar(call: Call) -> bool:
    """Whether a call's recording exists or should exist."""
    return call.recording.status in _WRITTEN_FOR


def sidecar_text(call: Call) -> str:
    """The sidecar's content: the fields of core.model.Call by their names, times in ISO 8601 with offset, durations in seconds."""
    content = {
        "schema": SCHEMA,
        **asdict(call),
        "wait_seconds": call.wait_seconds,
        "talk_seconds": call.talk_seconds,
    }
    if call.recording.path is not None:
        content["recording"]["channels"] = {"left": "caller", "right": "company"}
    return json.dumps(content, ensure_ascii=False, indent=2, default=_plain) + "\n"


def write_sidecar(recordings: Path, call: Call) -> Path:
    """Write or replace the sidecar of `call`; gives its path. Raises RecordingRetry if the file system refuses."""
    path = place_of(recordings, call.id, "json")
    text = sidecar_text(call).encode("utf-8", "backslashreplace")  # a lone surrogate must not cost the sidecar
    with suppress(OSError):
        if path.read_bytes() == text:
            return path  # no need to wait for the disk
    with replacing(path, recordings) as fd, open(fd, "wb", closefd=False) as file:
        file.write(text)
    return path


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    raise TypeError(f"{type(value).__name__} has no form in JSON")
