"""Asterisk's configuration files: reading them with their includes, and small changes that can be made twice without harm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SECTION = re.compile(r"\s*\[([^\]]+)\]")
_INCLUDE = re.compile(r"""\s*#(?:try)?include\s+["<]?([^">]+?)[">]?\s*$""")
_SETTING = re.compile(r"\s*([^=\s][^=]*?)\s*=>?\s*(.*)")
_MOST_FILES = 500

BEGIN: Final = "; --- callbridge: begin (written by `callbridge init`) ---"
END: Final = "; --- callbridge: end ---"


@dataclass(frozen=True, slots=True)
class Setting:
    """One ``key = value`` of a section, with the file and line it stands in."""

    file: Path
    line: int
    section: str
    key: str
    value: str


def settings(path: Path, folder: Path | None = None) -> list[Setting]:
    """All settings of `path` and of what it includes, in Asterisk's order; an empty section counts by a setting without key.

    Raises OSError if `path` cannot be read; an included file that cannot be read is left out.
    """
    found: list[Setting] = []
    _read(path, folder or path.parent, "", found, set())
    return found


def _read(path: Path, folder: Path, section: str, found: list[Setting], seen: set[Path]) -> str:
    seen.add(path)
    for number, line in enumerate(plain_lines(path.read_text("utf-8", "replace")), 1):
        if include := _INCLUDE.match(line):
            for other in sorted(_included(folder, include[1])):
                if other not in seen and len(seen) < _MOST_FILES:
                    try:
                        section = _read(other, folder, section, found, seen)
                    except OSError:
                        continue
        elif header := _SECTION.match(line):
            section = header[1].strip()
            found.append(Setting(path, number, section, "", ""))
        elif pair := _SETTING.match(line):
            found.append(Setting(path, number, section, pair[1].strip(), pair[2].strip()))
    return section


def includes(path: Path) -> Iterator[str]:
    """What `path` itself includes, as written."""
    for line in plain_lines(path.read_text("utf-8", "replace")):
        if include := _INCLUDE.match(line):
            yield include[1]


def _included(folder: Path, pattern: str) -> Iterable[Path]:
    path = Path(pattern)
    if path.is_absolute():
        folder, pattern = Path(path.anchor), str(path.relative_to(path.anchor))
    try:
        return [x for x in folder.glob(pattern) if x.is_file()]
    except (ValueError, OSError):
        return []


def plain_lines(text: str) -> Iterator[str]:
    """Lines without comments; block comments (``;-- ... --;``) become empty lines."""
    inside = False
    for line in text.split("\n"):
        if inside or re.match(r"\s*;--(?!-)", line):
            inside = "--;" not in line
            yield ""
        else:
            yield re.split(r"(?<!\\);", line, maxsplit=1)[0].replace("\\;", ";").rstrip()


def without_block(text: str) -> str:
    """`text` without the blocks that `with_block` puts in."""
    return re.sub(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}\n", "", text, flags=re.DOTALL)


def with_block(text: str, lines: Iterable[str], *, below: str | None = None) -> str | None:
    """`text` with `lines` between markers: at the end, or right below the header of section `below` (None if there is none)."""
    block = "\n".join([BEGIN, *lines, END, ""])
    if below is None:
        return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{block}"
    at = 0
    for raw, line in zip(text.split("\n"), plain_lines(text), strict=True):
        at += len(raw) + 1
        header = _SECTION.match(line)
        if header and header[1].strip() == below and not line.rstrip().endswith("(!)"):
            head = text[:at] if text[:at].endswith("\n") else text[:at] + "\n"
            return head + block + text[at:]
    return None


def with_setting(text: str, section: str, key: str, value: str) -> str:
    """`text` with ``key = value`` in `section`: the line that sets it now is changed, or one is added below the header."""
    lines = text.split("\n")
    header = current = None
    for number, line in enumerate(plain_lines(text)):
        if found := _SECTION.match(line):
            current = found[1].strip()
            if current == section and header is None:
                header = number
        elif current == section and (pair := _SETTING.match(line)) and pair[1].strip().lower() == key:
            lines[number] = f"{key} = {value}"
            return "\n".join(lines)
    if header is None:
        return f"[{section}]\n{key} = {value}\n" + text
    lines.insert(header + 1, f"{key} = {value}")
    return "\n".join(lines)
