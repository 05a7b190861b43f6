"""Checks over the whole configuration that need no model: names that must exist, numbers that may stand only once, circles of lines.

They work on the values as they were read, so that they are reported together with what the models find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bridge.config.problems import Path, Place, did_you_mean, shown
from bridge.core.directory import NO_NOTICE
from bridge.core.phone import is_region, is_valid, normalise

#: Where names of a section are used: section, path of the use with "*" for any name.
_USES = (
    ("lines", ("defaults", "line")),
    ("lines", ("fallback", "line")),
    ("lines", ("lines", "*", "when_closed", "line")),
    ("lines", ("lines", "*", "when_busy", "line")),
    ("lines", ("lines", "*", "when_unanswered", "line")),
    ("lines", ("sources", "*", "line")),
    ("lines", ("numbers", "*", "line")),
    ("notices", ("defaults", "notice")),
    ("notices", ("lines", "*", "notice")),
    ("notices", ("sources", "*", "notice")),
    ("notices", ("numbers", "*", "notice")),
    ("sources", ("numbers", "*", "source")),
    ("sources", ("numbers", "*", "default_of")),
    ("sources", ("numbers", "*", "retiring")),
    ("sources", ("pools", "*", "source")),
    ("sources", ("site", "sites", "*", "otherwise")),
    ("pools", ("numbers", "*", "pool")),
)

#: Says that something is wrong at a path.
Report = Callable[[Path, str], None]


def check_names(data: dict[str, Any], report: Report) -> None:
    """Every name that is used must exist."""
    for section, pattern in _USES:
        known = _section(data, section)
        for path, value in _matches(data, pattern, ()):
            if not isinstance(value, str | int) or isinstance(value, bool):
                continue  # the models say so
            name = str(value)
            if name not in known and not (section == "notices" and name == NO_NOTICE):
                near = did_you_mean(name, known)
                report(path, f"there is no {section[:-1]} {shown(name)}{near}")
    retention = _section(data, "retention")
    for name in map(str, _section(retention, "sources")):
        known = _section(data, "sources")
        if name not in known:
            report(("retention", "sources", name), f"there is no source {shown(name)}{did_you_mean(name, known)}")
    if NO_NOTICE in _section(data, "notices"):
        report(("notices", NO_NOTICE), "`none` means that there is no notice: give this one another name")


def check_numbers(data: dict[str, Any], place: Callable[[Path], Place], report: Report, warn: Report) -> None:
    """Every number must be one, and may stand only once, in whatever writing."""
    region = data.get("region", "RU")
    if not isinstance(region, str) or not is_region(region):
        return  # the models say so
    seen: dict[str, Path] = {}
    for path, written in _written_numbers(data):
        e164 = normalise(written, region)
        if e164 is None:
            report(path, f"{shown(written)} is not a telephone number of {region}, nor an international one")
        elif e164 in seen:
            again = "" if written == e164 else f" is {e164}, which"
            report(path, f"{shown(written)}{again} stands already in {place(seen[e164])}: one number has one place")
        else:
            seen[e164] = path
            if not is_valid(e164):
                warn(path, f"{shown(written)} lies in no range known to be given out; is it right?")


def check_circles(data: dict[str, Any], report: Report) -> None:
    """Lines that send calls on to each other must come to an end."""
    edges = {
        name: [(key, str(target["line"])) for key, target in _edges(line) if isinstance(target.get("line"), str | int)]
        for name, line in _section(data, "lines").items()
    }
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        for key, target in edges.get(name, []):
            if target in trail:
                circle = [*trail[trail.index(target) :], target]
                report(("lines", name, key, "line"), f"calls go round in a circle: {' -> '.join(circle)}")
            elif target not in done:
                visit(target, [*trail, target])
        done.add(name)

    for name in edges:
        if name not in done:
            visit(name, [name])


def _edges(line: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in ("when_closed", "when_busy", "when_unanswered"):
        target = line.get(key) if isinstance(line, dict) else None
        if isinstance(target, dict):
            yield key, target


def _written_numbers(data: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for written in _section(data, "numbers"):
        yield ("numbers", written), written
    for path, numbers in _matches(data, ("pools", "*", "numbers"), ()):
        for index, written in enumerate(numbers if isinstance(numbers, list) else ()):
            if isinstance(written, str | int) and not isinstance(written, bool):
                yield (*path, index), str(written)


def _section(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _matches(value: Any, pattern: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield path, value
    elif isinstance(value, dict):
        for key in value if pattern[0] == "*" else (pattern[0],):
            if key in value:
                yield from _matches(value[key], pattern[1:], (*path, key))
