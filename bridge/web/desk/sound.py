"""A call's recording over HTTP: to listen to, in parts as players ask for them, and to keep. Both leave a trace."""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bridge.core.desk.access import Right
from bridge.core.model import Call, RecordingStatus
from bridge.web.desk.call_ports import the_call
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.sound_files import SoundFile, SoundFolder

KINDS: Final = {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg"}
ONE_LISTENING: Final = timedelta(minutes=10)
_MOST_LISTENINGS: Final = 10_000
_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


#: Why there is nothing to listen to.
NO_SOUND: Final = {
    RecordingStatus.NONE: _("Nothing was recorded: nobody talked, or recording is off."),
    RecordingStatus.PENDING: _("The recording is being made. Look again in a moment."),
    RecordingStatus.UNNOTICED: _("Not recorded: the caller did not hear the whole notice."),
    RecordingStatus.DECLINED: _("Not recorded: the caller declined by a key."),
    RecordingStatus.MISSING: _("The recording is missing."),
    RecordingStatus.BROKEN: _("The recording is damaged and cannot be played."),
    RecordingStatus.OFF_DISK: _("Not recorded: the disk of the recordings was nearly full."),
    RecordingStatus.DELETED: _("The recording was deleted."),
}
GONE: Final = _("The books say that this recording is kept, but its file is not there. Tell your administrator.")


class Listenings:
    """Who listened to which call of late: a player asks for a recording in many parts, which are one listening."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    async def note(self, asked: Asked, call: Call) -> None:
        """Into the audit log, if it is a new listening. Raises StoreDownError: without a trace nobody listens."""
        key, now = (asked.person.name, asked.address, call.id), asked.desk.clock()
        before = self._known.get(key)
        if before is not None and timedelta(0) <= now - before < ONE_LISTENING:
            return
        self._known[key] = now
        self._known.move_to_end(key)
        if len(self._known) > _MOST_LISTENINGS:
            self._known.popitem(last=False)
        try:
            await asked.note("listen", call_id=call.id)
        except BaseException:
            self._known.pop(key, None)
            raise


class SoundResponse(StreamingResponse):
    """A part of a recording, which it closes whatever happens."""

    def __init__(self, file: SoundFile, first: int, count: int, status: int, headers: dict[str, str]) -> None:
        super().__init__(file.read(first, count), status, headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


async def listen(asked: Asked) -> Response:
    """``GET /calls/{id}/sound``: the whole, or the range asked for."""
    call = await the_call(asked)
    file = await open_sound(asked, call)
    try:
        if asked.request.method == "GET":
            await asked.store(Listenings).note(asked, call)
        return _answer(asked, file, {"Content-Disposition": "inline"}, call)
    except BaseException:
        file.close()
        raise


async def download(asked: Asked) -> Response:
    """``GET /calls/{id}/sound/download``: the file, under the call's id, which holds nothing of the caller."""
    call = await the_call(asked)
    file = await open_sound(asked, call)
    try:
        if asked.request.method == "GET":
            await asked.note("download", f"{file.size} bytes", call.id)
        name = f"{call.id}.{call.recording.format}"
        return _answer(asked, file, {"Content-Disposition": f'attachment; filename="{name}"'}, call)
    except BaseException:
        file.close()
        raise


async def open_sound(asked: Asked, call: Call) -> SoundFile:
    """The call's recording. Raises Problem, in words, where there is none."""
    recording = call.recording
    if recording.status is not RecordingStatus.KEPT:
        raise Problem(404, NO_SOUND[recording.status])
    folder: SoundFolder = asked.store(SoundFolder)
    try:
        if recording.path is None or recording.format not in KINDS:
            raise FileNotFoundError(recording.path)
        return await folder.open(recording.path)
    except OSError:
        raise Problem(404, GONE) from None


def _answer(asked: Asked, file: SoundFile, headers: dict[str, str], call: Call) -> Response:
    etag = f'"{file.version}"'
    headers |= {
        "Content-Type": KINDS[call.recording.format or ""],
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Last-Modified": formatdate(file.modified, usegmt=True),
    }
    request = asked.request
    wanted = request.headers.get("range") if request.method == "GET" else None
    part = None
    if wanted is not None and _still(request.headers.get("if-range"), etag, file.modified):
        part = read_range(wanted, file.size)
    if part is None:
        headers["Content-Length"] = str(file.size)
        if request.method == "HEAD":
            file.close()
            return Response(None, 200, headers)
        return SoundResponse(file, 0, file.size, 200, headers)
    first, last = part
    if first > last:
        file.close()
        return Response(None, 416, {"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes"})
    headers |= {"Content-Length": str(last - first + 1), "Content-Range": f"bytes {first}-{last}/{file.size}"}
    return SoundResponse(file, first, last - first + 1, 206, headers)


def read_range(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header; first > last where none of it is in the file; None: the whole is to be sent.

    Several ranges at once, other units and nonsense are answered with the whole, as RFC 9110 allows.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]) or max(len(found[1]), len(found[2])) > 18:
        return None
    if not found[1]:
        count = int(found[2])
        return (max(size - count, 0), size - 1) if count else (1, 0)
    first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        return None
    return (first, min(last, size - 1)) if first < size else (1, 0)


def _still(condition: str | None, etag: str, modified: float) -> bool:
    """Whether If-Range allows a part: the file is the one the part before was of."""
    if condition is None or condition == etag:
        return True
    if condition.startswith(('"', "W/")):
        return False
    try:
        return parsedate_to_datetime(condition).timestamp() == int(modified)
    except ValueError:
        return False


ROUTES = [
    Route("GET", "/calls/{id}/sound", Right.LISTEN, listen),
    Route("GET", "/calls/{id}/sound/download", Right.DOWNLOAD, download),
]
