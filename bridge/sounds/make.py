"""Sound files from texts and from other sound files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from bridge.sounds.espeak import SpeechError, speak
from bridge.sounds.shape import telephone
from bridge.sounds.wav import RATES, WavInfo, inspect_wav, replace_file, write_wav

_MAX_SECONDS = 600

#: The notices that come with the project, by language and name.
DEFAULT_TEXTS: Final = {
    "ru": {
        "notice": "Здравствуйте! Разговор будет записан.",
        "closed": "Здравствуйте! Сейчас мы не работаем. Пожалуйста, позвоните в рабочее время.",
    },
    "en": {
        "notice": "Hello! This call will be recorded.",
        "closed": "Hello! We are closed now. Please call again during our opening hours.",
    },
}


class SoundError(Exception):
    """A sound file could not be made; says why."""


def make_sound(text: str, language: str, path: Path, *, force: bool = False) -> bool:
    """Make `path` (``.wav`` or ``.wav16``) say `text`; False if it does already. Beside it, ``<name>.txt`` holds the text.

    Folders are made. Raises SpeechError or SoundError.
    """
    note = path.with_suffix(".txt")
    said = f"{language}\n{text}\n"
    try:
        if not force and inspect_wav(path).ok and note.is_file() and note.read_text("utf-8", "replace") == said:
            return False
        target = _target_rate(path)
        rate, samples = speak(text, language)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o755)  # Asterisk is another user
        write_wav(path, target, telephone(samples, rate, target))
        replace_file(note, said.encode())
    except OSError as error:
        raise SoundError(f"{path} cannot be written: {error.strerror}") from error
    return True


def make_defaults(folder: Path) -> list[Path]:
    """Make DEFAULT_TEXTS anew as ``<folder>/<language>/<name>.wav``; gives the paths. Raises SpeechError or SoundError."""
    made = []
    for language, texts in DEFAULT_TEXTS.items():
        for name, text in texts.items():
            path = folder / language / f"{name}.wav"
            make_sound(text, language, path, force=True)
            made.append(path)
    return made


def convert(source: Path, path: Path) -> WavInfo:
    """Make a telephone sound of any file that libsndfile reads; channels are mixed. Raises SoundError."""
    target = _target_rate(path)
    try:
        with soundfile.SoundFile(source) as file:
            if file.frames > _MAX_SECONDS * file.samplerate:
                raise SoundError(f"{source} is longer than {_MAX_SECONDS // 60} minutes")
            samples = file.read(dtype="float64", always_2d=True).mean(axis=1)
            rate = file.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundError(f"{source} cannot be read as sound: {error}") from error
    if not np.any(samples):
        raise SoundError(f"{source} has nothing but silence")
    try:
        write_wav(path, target, telephone(samples, rate, target))
    except OSError as error:
        raise SoundError(f"{path} cannot be written: {error.strerror}") from error
    return inspect_wav(path)


def _target_rate(path: Path) -> int:
    try:
        return RATES[path.suffix]
    except KeyError:
        raise SoundError(f"{path} must be named .wav (8000 samples per second) or .wav16 (16000)") from None


__all__ = ["DEFAULT_TEXTS", "SoundError", "SpeechError", "convert", "make_defaults", "make_sound"]
