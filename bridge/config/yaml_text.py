"""YAML text to plain values with the place of each, without YAML 1.1's surprises.

Only ``true``, ``false``, ``null`` and plain decimal integers (no leading zero, no plus) are anything but text; ``+74951110001``, ``12:30``,
``no`` and ``010`` stay what they look like. Keys are always text. Anchors and ``<<`` work; tags do not. Depth and size are bounded, so a
file of aliases of aliases is an error and not a full memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from bridge.config.problems import Path, Place, Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_VALUES = 300_000
MAX_DEPTH = 30

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")

#: What the parser says, and what it means to whoever wrote the file.
_WORDS = (
    ("found character '\\t'", "a tab character: indent with spaces"),
    ("found a tab character", "a tab character: indent with spaces"),
    ("mapping values are not allowed", "a `:` where none may be: put the text in quotes, or check the indentation"),
    ("expected a single document", "a second document begins (`---`): one file holds one document"),
    (
        "expected alphabetic or numeric character",
        "`*` and `&` at the beginning of a text are references: put it in quotes",
    ),
    (
        "found undefined alias",
        "a reference (`*name`) to something that is not there: put the text in quotes if none is meant",
    ),
    ("could not find expected ':'", "a key without its `:`, or wrong indentation"),
    ("expected <block end>", "wrong indentation, or a key or list item where none may be"),
    ("found unexpected end of stream", "the file ends inside a quoted text"),
    ("found unknown escape character", "an unknown `\\` escape in double quotes: use single quotes, or write `\\\\`"),
    ("found unhashable key", "a key that is not text"),
    ("special characters are not allowed", "a control character"),
)


class _TextLoader(yaml.SafeLoader):
    """Nothing is resolved by the parser: every plain scalar comes out as text, and is given its type below."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name and shape


@dataclass
class Document:
    """A parsed file: its values, the place of every value (and key) by path, and what was wrong."""

    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(raw: bytes, file: str) -> Document:
    """Reads one file's bytes. Never raises: what is wrong is in `problems`, and `data` is None if nothing could be made of it."""
    document = Document()
    try:
        node = _compose(_decode(raw))
    except _TextError as error:
        document.problems.append(Problem(file, error.line, error.column, "", error.message))
        return document
    if node is None:
        document.problems.append(Problem(file, 0, 0, "", "the file is empty"))
        return document
    _Walk(document, file).run(node)
    return document


class _TextError(Exception):
    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _TextError(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise _TextError("not UTF-8 text: save the file as UTF-8", before.count(b"\n") + 1, column) from None


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _TextLoader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        raise _TextError(_worded(said), mark.line + 1 if mark else 0, mark.column + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _TextError(_worded(str(error.reason)), line, column) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _TextError(f"not YAML: {error}".splitlines()[0]) from None
    except RecursionError:
        raise _TextError("nested too deep") from None


def _worded(said: str) -> str:
    return next((plain for words, plain in _WORDS if words in said), f"not YAML: {said}")


class _BoundError(Exception):
    pass


class _Walk:
    def __init__(self, document: Document, file: str) -> None:
        self.document = document
        self.file = file
        self.count = 0

    def run(self, node: yaml.Node) -> None:
        try:
            self.document.data = self.value(node, ())
        except _BoundError as error:
            self.problem(node, (), str(error))

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def problem(self, node: yaml.Node, path: Path, message: str) -> None:
        self.document.problems.append(Problem.at(self.place(node), path, message))

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise _BoundError("too many values: are there references to references?")
        if len(path) > MAX_DEPTH:
            raise _BoundError("nested too deep: does a reference contain itself?")
        self.document.values[path] = self.place(node)
        if node.tag not in _PLAIN_TAGS:
            self.problem(node, path, "tags (`!…`) are not used here")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - PyYAML knows three kinds
        return _scalar(node)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        own: dict[str, yaml.Node] = {}
        for key, child, merged in self.entries(node, path, 0):
            if not isinstance(key, yaml.ScalarNode):
                self.problem(key, path, "a key that is not text")
                continue
            name = str(key.value)
            here = (*path, name)
            if name in own:
                if not merged:
                    self.problem(key, here, f"given twice, first in {self.place(own[name])}")
                continue
            own[name] = key
            self.document.keys[here] = self.place(key)
            result[name] = self.value(child, here)
        return result

    def entries(self, node: yaml.MappingNode, path: Path, depth: int) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """The mapping's own entries, then those taken over with ``<<``, marked True."""
        if depth > MAX_DEPTH:
            raise _BoundError("nested too deep: does a reference contain itself?")
        taken: list[yaml.Node] = []
        for key, child in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style:
                taken += child.value if isinstance(child, yaml.SequenceNode) else [child]
            else:
                yield key, child, depth > 0
        for child in taken:
            self.count += 1
            if not isinstance(child, yaml.MappingNode):
                self.problem(child, path, "`<<` takes a reference to keys with values")
                continue
            yield from self.entries(child, path, depth + 1)


def _scalar(node: yaml.ScalarNode) -> str | int | bool | None:
    text = str(node.value)
    if node.style:  # quoted, or a block: text
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if _INTEGER.fullmatch(text) else text
