"""Loading texts as bridge.yaml in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from config_texts import ENV

from bridge.config import ConfigError, Loaded, load


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
