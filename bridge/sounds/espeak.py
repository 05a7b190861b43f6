"""Speech from text by espeak-ng."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import numpy as np

from bridge.core.riff import PCM, parse_wave
from bridge.sounds.shape import Samples

VARIABLE = "CALLBRIDGE_ESPEAK"  #: the command to use instead of the espeak-ng on PATH
_WORDS_PER_MINUTE = 145
_LIMIT = 60.0  #: seconds for one text
_MAX_LENGTH = 2000


class SpeechError(Exception):
    """A text could not be spoken; says what to do."""


def find_espeak() -> tuple[str, ...]:
    """The command that starts espeak-ng. Raises SpeechError if there is none."""
    if command := shlex.split(os.environ.get(VARIABLE, "")):
        return tuple(command)
    if path := shutil.which("espeak-ng"):
        return (path,)
    raise SpeechError(
        f"espeak-ng is not installed: install it (apt install espeak-ng) or name its command in {VARIABLE}"
    )


def voice_of(language: str) -> str:
    """espeak-ng's voice for a language as the configuration writes it: ``ru``, ``en``, ``en_GB``, ``pt-BR``."""
    tag = language.lower().replace("_", "-")
    if tag == "en":
        return "en-us"
    return tag if tag in ("en-gb", "en-us", "pt-br", "es-419") else tag.partition("-")[0]


def speak(text: str, language: str) -> tuple[int, Samples]:
    """`text` as speech: samples per second and samples. Raises SpeechError."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not clean:
        raise SpeechError("there is nothing to say: the text is empty")
    if len(clean) > _MAX_LENGTH:
        raise SpeechError(f"the text has {len(clean)} characters, {_MAX_LENGTH} are the most")
    command = [*find_espeak(), "-v", voice_of(language), "-s", str(_WORDS_PER_MINUTE), "-b", "1", "--stdin", "--stdout"]
    try:
        done = subprocess.run(command, input=clean.encode(), capture_output=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SpeechError(f"espeak-ng did not work: {error}") from error
    said = " ".join(done.stderr.decode(errors="replace").split())[:200]
    if done.returncode != 0:
        raise SpeechError(f"espeak-ng has failed (exit {done.returncode}): {said}")
    try:
        # Written to a pipe, the header does not know the length.
        header = parse_wave(done.stdout[:4096], len(done.stdout))
    except ValueError as error:
        raise SpeechError(f"espeak-ng made no sound for the language {language}: {said or error}") from error
    if (header.tag, header.channels, header.bits) != (PCM, 1, 16):
        raise SpeechError("espeak-ng made something other than 16-bit mono PCM")
    data = done.stdout[header.offset : header.offset + header.available // 2 * 2]
    return header.rate, np.frombuffer(data, dtype="<i2") / 32768.0
