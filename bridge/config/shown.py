"""A loaded configuration as the desk shows it: every value with its file and line, and no secret."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any

from bridge.config.files import Tree
from bridge.config.loader import Loaded, load
from bridge.config.problems import ConfigError, Path, path_text
from bridge.core.desk.setup import Checked, ConfigView, Entry, FileText, Section, shown_line, shown_value


def view_of(loaded: Loaded, at: datetime) -> ConfigView:
    """The configuration, read at that time."""
    tree = loaded.places
    sections = tuple(_section(tree, name) for name in tree.data)
    files = tuple(
        FileText(number, str(file), _lines(tree.texts[str(file)])) for number, file in enumerate(tree.files, start=1)
    )
    return ConfigView(sections, files, tuple(map(str, (*loaded.sound_problems, *loaded.warnings))), at)


def check_again(path: FilePath, loaded: Loaded) -> Checked:
    """Compares what is in force with what lies on disk. Reads files: call it in a thread."""
    differing = tuple(name for name, text in loaded.places.texts.items() if _read(name) != text)
    try:
        found = load(path)
    except ConfigError as error:
        return Checked(True, tuple(map(str, error.problems)), files=differing)
    new = tuple(name for name in found.places.texts if name not in loaded.places.texts)
    gone = tuple(name for name in loaded.places.texts if name not in found.places.texts)
    files = tuple(dict.fromkeys((*differing, *new, *gone)))
    return Checked(bool(files), tuple(map(str, found.sound_problems)), tuple(map(str, found.warnings)), files)


def _read(name: str) -> bytes | None:
    try:
        return FilePath(name).read_bytes()
    except OSError:
        return None


def _lines(raw: bytes) -> tuple[str, ...]:
    text = raw.decode("utf-8-sig", errors="replace")
    return tuple(shown_line(line) for line in text.splitlines())


def _section(tree: Tree, name: str) -> Section:
    place = tree.place((name,), of_key=True)
    value = tree.data[name]
    plain = not isinstance(value, dict | list)
    entries = (
        (Entry("", shown_value(name, value), place.file, place.line),)
        if plain
        else tuple(_entries(tree, (name,), value))
    )
    return Section(name, place.file, place.line, entries)


def _entries(tree: Tree, path: Path, value: Any) -> Iterator[Entry]:
    """One for every value that is no list or mapping; lists of plain values stay on one row, beside their first."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _entries(tree, (*path, key), child)
        return
    if isinstance(value, list) and any(isinstance(child, dict | list) for child in value):
        for number, child in enumerate(value):
            yield from _entries(tree, (*path, number), child)
        return
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    place = tree.place(path, of_key=True)
    many = value if isinstance(value, list) else [] if isinstance(value, dict) else [value]
    text = ", ".join(shown_value(key, one) for one in many)
    yield Entry(path_text(path[1:]), text, place.file, place.line)
