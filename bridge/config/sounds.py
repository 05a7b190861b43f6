"""The sound files that the configuration needs, and what is in them."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

from bridge.config.common import Speech
from bridge.config.models import Config
from bridge.config.problems import Path

#: Folder below `asterisk.sounds` for sounds made from texts.
MADE = "callbridge"

#: What Asterisk takes a file for, by its extension.
_RATES = {".wav": 8000, ".wav16": 16000}
_MAX_BYTES = 64 * 1024 * 1024


class SoundError(ValueError):
    """A sound file that is missing or unfit for Asterisk; the text says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What is in a sound file."""

    milliseconds: int
    rate: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sound file that the configuration needs. `made`: it is not the owner's; it is to be made from `text`."""

    path: Path
    file: FilePath
    text: str | None
    language: str
    made: bool


def wanted_sounds(config: Config) -> Iterator[Wanted]:
    """Every sound file: notices, whispers, announcements, the challenge. Sounds that Asterisk brings itself are not among them."""
    for name, notice in config.notices.items():
        yield _wanted(config, ("notices", name), f"notice-{name}", notice.file, notice.text, notice.language)
    for name, source in config.sources.items():
        speech = whisper(config, name)
        if speech is not None and speech.sound is None:
            path: Path = ("sources", name) if source.whisper is None else ("sources", name, "whisper")
            yield _wanted(config, path, f"whisper-{name}", speech.file, speech.text, speech.language)
    for name, line in config.lines.items():
        for key, target in (
            ("closed", line.when_closed),
            ("busy", line.when_busy),
            ("unanswered", line.when_unanswered),
        ):
            speech = target.announcement if target else None
            if speech is not None and speech.sound is None:
                path = ("lines", name, f"when_{key}", "announcement")
                language = speech.language or line.language
                yield _wanted(config, path, f"line-{name}-{key}", speech.file, speech.text, language)
    challenge = config.screening.challenge if config.screening else None
    if challenge is not None and challenge.sound is None:
        path = ("screening", "challenge")
        yield _wanted(config, path, "challenge", challenge.file, challenge.text, challenge.language)


def whisper(config: Config, source: str) -> Speech | None:
    """What whoever answers a call of this source hears, or None."""
    found = config.sources[source]
    if found.whisper is not None or not config.defaults.whisper:
        return found.whisper
    return Speech(text=found.title or source)


def _wanted(
    config: Config, path: Path, stem: str, file: FilePath | None, text: str | None, language: str | None
) -> Wanted:
    made = config.asterisk.sounds / MADE / f"{stem}.wav"
    return Wanted(path, file or made, text, language or config.language, file is None)


def read_sound(file: FilePath) -> Sound:
    """Length, rate and hash of a telephone sound. Raises SoundError unless it is PCM, 16 bit, mono and of its extension's rate."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise SoundError(f"the sound file {file} is larger than {_MAX_BYTES // 1024 // 1024} MB")
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            with wave.open(stream) as sound:
                shape = (sound.getnchannels(), sound.getsampwidth() * 8, sound.getframerate())
                frames = sound.getnframes()
    except OSError as error:
        raise SoundError(f"the sound file {file} cannot be read: {(error.strerror or 'error').lower()}") from None
    except (wave.Error, EOFError):
        raise SoundError(f"{file} is not a WAV file of plain PCM") from None
    rate = _RATES.get(file.suffix, 8000)
    if shape != (1, 16, rate):
        channels, bits, found = shape
        raise SoundError(
            f"{file} has {channels} channel{'s' if channels > 1 else ''} of {bits} bit at {found} Hz;"
            f" Asterisk needs 1 of 16 bit at {rate} Hz"
        )
    if frames == 0:
        raise SoundError(f"{file} is silent: it has no samples")
    return Sound(frames * 1000 // rate, rate, sha256)
