"""A small right configuration that tests spoil in one place at a time, and real sound files."""

from __future__ import annotations

import struct
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import ConfigError, Loaded, load

#: Line numbers in expected messages count on this text: what a test adds begins at line 6.
MINIMAL = """\
asterisk:
  ami: {user: callbridge, secret: {env: SECRET}}
fallback: {line: sales}
lines:
  sales: {ring: [{phone: PJSIP/101}]}
"""

ENV = {"SECRET": "s3cret"}


def write_wav(path: Path, rate: int = 8000, frames: int = 8000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sample = struct.pack("<h", 1000)[:width]
        sound.writeframes(sample * channels * frames)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def loads(folder: Path) -> Callable[..., Loaded]:
    """Loads a text as bridge.yaml; further files by keyword-like mapping."""

    def run(text: str | bytes, files: dict[str, str] | None = None, env: dict[str, str] = ENV) -> Loaded:
        main = folder / "bridge.yaml"
        main.write_bytes(text.encode() if isinstance(text, str) else text)
        for name, content in (files or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return load(main, env)

    return run


@pytest.fixture
def complains(folder: Path, loads: Callable[..., Loaded]) -> Callable[..., list[str]]:
    """The messages about a text, without the folder's name; an empty list if it is right."""

    def run(text: str | bytes, files: dict[str, str] | None = None, env: dict[str, str] = ENV) -> list[str]:
        try:
            loads(text, files, env)
        except ConfigError as error:
            return [str(p).replace(f"{folder}/", "") for p in error.problems]
        return []

    return run
