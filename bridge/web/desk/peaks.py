"""``GET /calls/{id}/peaks``: the shape of a recording for the player, made here so that no browser needs the whole file for it."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections import OrderedDict
from typing import Final

import numpy as np
import soundfile
from starlette.responses import Response

from bridge.core.desk.access import Right
from bridge.core.desk.waveform import FULL, POINTS_PER_SECOND, Waveform, waveform
from bridge.web.desk.call_ports import the_call
from bridge.web.desk.context import Asked
from bridge.web.desk.routing import Problem, Route
from bridge.web.desk.sound import open_sound
from bridge.web.desk.sound_files import SoundFolder

_KEPT: Final = 64  #: waveforms, of 50 kB at most
_POINTS_AT_ONCE: Final = 256
_RATES: Final = range(4000, 192_001)
_MOST_SECONDS: Final = 24 * 3600
_MOST_CHANNELS: Final = 2


class UnreadableError(Exception):
    """The file is there and is no recording."""


class Peaks:
    """Waveforms as JSON, the latest ones kept. Asked for twice at once it is made once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def of(self, folder: SoundFolder, path: str, version: str) -> bytes:
        """Of the recording at `path`. Raises UnreadableError, OSError."""
        key = f"{path} {version}"
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(folder, path))
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)  # who goes away takes nothing from the others

    @staticmethod
    async def _make(folder: SoundFolder, path: str) -> bytes:
        file = await folder.open(path)

        def work() -> bytes:
            try:
                return as_json(read_waveform(file.fd))
            finally:
                file.close()

        return await folder.make(work)

    def _done(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self._making[key]
        if not task.cancelled() and task.exception() is None:
            self._kept[key] = task.result()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def read_waveform(fd: int) -> Waveform:
    """Of the sound file that `fd` reads, some seconds of it at a time. Raises UnreadableError."""
    try:
        with soundfile.SoundFile(fd, closefd=False) as sound:
            rate = sound.samplerate
            if rate not in _RATES or sound.channels > _MOST_CHANNELS:
                raise UnreadableError(f"{sound.channels} channels at {rate} Hz")
            step, frames = rate // POINTS_PER_SECOND, 0
            points = [array("H") for _ in range(sound.channels)]
            for block in sound.blocks(step * _POINTS_AT_ONCE, dtype="float32", always_2d=True):
                frames += len(block)
                loud = np.abs(np.nan_to_num(block))
                if rest := -len(loud) % step:
                    loud = np.pad(loud, ((0, rest), (0, 0)))
                found = loud.reshape(-1, step, sound.channels).max(axis=1).clip(0, 1) * FULL
                for channel, kept in enumerate(points):
                    kept.extend(found[:, channel].astype(np.uint16).tolist())
                if frames > _MOST_SECONDS * rate:
                    raise UnreadableError("longer than a day")
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UnreadableError(str(error)) from error
    return waveform(points, round(frames / rate, 3))


def as_json(found: Waveform) -> bytes:
    """``{"duration", "rate", "full", "channels": [[...], [...]], "silences": [[from, to], ...]}``"""
    shape = {
        "duration": found.duration,
        "rate": found.rate,
        "full": FULL,
        "channels": found.channels,
        "silences": found.silences,
    }
    return json.dumps(shape, separators=(",", ":")).encode()


async def peaks(asked: Asked) -> Response:
    call = await the_call(asked)
    file = await open_sound(asked, call)
    version = file.version
    file.close()
    try:
        made = await asked.store(Peaks).of(asked.store(SoundFolder), call.recording.path or "", version)
    except (UnreadableError, OSError):
        raise Problem(409, "The recording's file is damaged: its waveform cannot be drawn.") from None
    return Response(made, media_type="application/json")


ROUTES = [Route("GET", "/calls/{id}/peaks", Right.LISTEN, peaks)]
