"""bridge.yaml and the files it includes, merged into one tree that remembers where everything stands."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from bridge.config.models import INCLUDABLE
from bridge.config.problems import Path, Place, Problem, did_you_mean, listed, shown
from bridge.config.yaml_text import Document, parse

_WILDCARDS = frozenset("*?[")


@dataclass
class Tree:
    """The merged values, the place of every value and key, and what was wrong so far."""

    main: str
    data: dict[str, Any] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    files: list[FilePath] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)  #: what stood in each of `files`
    whole: bool = True  #: False: a file could not be read, so names of it are not known

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where `path` stands, or the nearest thing above it that stands somewhere.

        `of_key`: its key, rather than its value; of something that has keys itself it is the key in any case.
        """
        of_key = of_key or isinstance(self.value(path), dict)
        while path:
            first, second = (self.keys, self.values) if of_key else (self.values, self.keys)
            found = first.get(path) or second.get(path)
            if found is not None:
                return found
            path, of_key = path[:-1], True
        return Place(self.main)

    def value(self, path: Path) -> object:
        """The value at `path` as it was read; None if there is none."""
        value: Any = self.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(str(part))
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def report(self, path: Path, message: str, *, of_key: bool = False) -> None:
        self.problems.append(Problem.at(self.place(path, of_key=of_key), path, message))

    def warn(self, path: Path, message: str) -> None:
        self.warnings.append(Problem.at(self.place(path), path, message))


def read_tree(main: FilePath) -> Tree:
    """Reads `main` and what it includes. Never raises for what is in the files: see `problems`."""
    tree = Tree(str(main))
    document = _read(tree, main)
    tree.problems += document.problems
    if not isinstance(document.data, dict):
        if not document.problems:
            tree.problems.append(
                Problem(str(main), 1, 1, "", f"expected keys with values, found {shown(document.data)}")
            )
        return tree
    tree.data, tree.values, tree.keys = document.data, document.values, document.keys
    include = tree.data.get("include")
    for index, pattern in enumerate(include if isinstance(include, list) else ()):
        if isinstance(pattern, str) and pattern and "\0" not in pattern:
            _include(tree, main, index, pattern)
    return tree


def _read(tree: Tree, path: FilePath) -> Document:
    try:
        raw = path.read_bytes()
    except OSError as error:
        why = (error.strerror or "error").lower()
        return Document(problems=[Problem(str(path), 0, 0, "", f"cannot be read: {why}")])
    tree.files.append(path)
    tree.texts[str(path)] = raw
    return parse(raw, str(path))


def _include(tree: Tree, main: FilePath, index: int, pattern: str) -> None:
    path = ("include", index)
    names = sorted(glob.glob(os.path.join(glob.escape(str(main.parent)), pattern), recursive=True))
    found = [FilePath(name) for name in names if not os.path.isdir(name)]
    if not found:
        if _WILDCARDS & set(pattern):
            tree.warn(path, f"no file fits {shown(pattern)}")
        else:
            tree.whole = False
            tree.report(path, f"there is no file {shown(pattern)}")
    for file in found:
        if any(os.path.samefile(file, known) for known in tree.files):
            tree.report(path, f"{file} is read already")
        else:
            _merge(tree, file, _read(tree, file))


def _merge(tree: Tree, file: FilePath, document: Document) -> None:
    tree.problems += document.problems
    if not isinstance(document.data, dict):
        tree.whole = False
        if not document.problems:
            message = f"expected keys with values, found {shown(document.data)}"
            tree.problems.append(Problem(str(file), 1, 1, "", message))
        return
    refused: set[Path] = set()
    for section, entries in document.data.items():
        place = document.keys[section,]
        if section not in INCLUDABLE:
            near = did_you_mean(section, INCLUDABLE) or f": an included file holds {listed(INCLUDABLE)}"
            tree.problems.append(Problem.at(place, (section,), f"this key has no place here{near}"))
            refused.add((section,))
            continue
        known = tree.data.setdefault(section, {})
        if not isinstance(entries, dict) or not isinstance(known, dict):
            if entries is not None:
                message = f"expected keys with values, found {shown(entries)}"
                tree.problems.append(Problem.at(place, (section,), message))
            refused.add((section,))
            continue
        for name, entry in entries.items():
            if name in known:
                first = tree.place((section, name), of_key=True)
                message = f"given twice, first in {first}"
                tree.problems.append(Problem.at(document.keys[section, name], (section, name), message))
                refused.add((section, name))
            else:
                known[name] = entry
    for paths, merged in ((document.values, tree.values), (document.keys, tree.keys)):
        for path, place in paths.items():
            if path and path[:1] not in refused and path[:2] not in refused:
                merged.setdefault(path, place)
