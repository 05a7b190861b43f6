"""bridge.yaml from disk to a checked configuration: read, merge, validate, cross-check, build. All or nothing, every error at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath

from pydantic import ValidationError

from bridge.config.build import build_directory
from bridge.config.desk import desk_problems, missing_extra
from bridge.config.files import Tree, read_tree
from bridge.config.messages import worded
from bridge.config.models import Config
from bridge.config.opening import read_holidays
from bridge.config.problems import ConfigError, Path, Problem
from bridge.config.references import check_circles, check_names, check_numbers
from bridge.config.screening import read_block_file, read_pattern
from bridge.config.sites import site_problems
from bridge.config.sounds import SoundError, read_sound, wanted_sounds
from bridge.config.warnings import warnings_of
from bridge.core.directory import Directory
from bridge.core.model import Measure, Screening, Verdict
from bridge.core.routing import decide, fallback_answer


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what routing needs of it.

    `sound_problems`: sound files missing or unfit. Calls go on without them (a missing notice means no recording), so they do not
    keep the daemon from starting; `callbridge check` counts them as errors.
    """

    config: Config
    directory: Directory
    warnings: tuple[Problem, ...]
    sound_problems: tuple[Problem, ...]
    files: tuple[FilePath, ...]
    places: Tree


def load(path: str | os.PathLike[str], env: Mapping[str, str] | None = None, *, check_files: bool = True) -> Loaded:
    """Reads and checks bridge.yaml at `path`; secrets named by `env:` come from `env` (the process's environment if None).

    `check_files` False leaves secrets unread and sounds and holiday files unchecked. Raises ConfigError with everything that is wrong.
    It reads files and takes about 0.2 ms per number, so a running daemon calls it in a thread.
    """
    main = FilePath(path)
    tree = read_tree(main)
    if tree.problems and not tree.data:
        raise ConfigError(tree.problems)
    if tree.whole:
        check_names(tree.data, tree.report)
    check_circles(tree.data, tree.report)
    check_numbers(tree.data, tree.place, tree.report, tree.warn)
    config = _validate(tree, main)
    if config is not None and check_files:
        _read_secrets(config, tree, os.environ if env is None else env)
        _read_holidays(config, tree)
        for where, message in missing_extra(config.desk) if config.desk else ():
            tree.report(where, message)
    if config is not None:
        _read_screening(config, tree, check_files)
        for where, message in site_problems(config.site, config.region, config.sources) if config.site else ():
            tree.report(where, message)
        for where, message in desk_problems(config.desk) if config.desk else ():
            tree.report(where, message)
    if config is None or tree.problems:
        raise ConfigError(_in_order(tree))
    directory = build_directory(config, read_files=check_files)
    _check_plans(directory, tree)
    if tree.problems:
        raise ConfigError(_in_order(tree))
    for where, message in warnings_of(config, directory):
        tree.warn(where, message)
    sounds = tuple(_sound_problems(config, tree)) if check_files else ()
    return Loaded(config, directory, tuple(tree.warnings), sounds, tuple(tree.files), tree)


def _validate(tree: Tree, main: FilePath) -> Config | None:
    try:
        return Config.model_validate(tree.data, context={"folder": FilePath(os.path.abspath(main.parent))})
    except ValidationError as error:
        for found in error.errors(include_url=False):
            if (
                found["type"] != "too_short" or not found["input"]
            ):  # too short only for what was wrong in it: said already
                _report(tree, found["loc"], found["type"], worded(found))
        return None


def _report(tree: Tree, loc: Path, kind: str, message: str) -> None:
    if loc and loc[-1] == "[key]":
        tree.report(loc[:-1], message, of_key=True)
    elif kind == "missing":
        place = tree.place(loc[:-1], of_key=True)
        tree.problems.append(Problem.at(place, loc, message))
    else:
        while loc and loc not in tree.values and loc not in tree.keys:
            loc = loc[:-1]  # what a validator made of one value, such as a list of a single text
        tree.report(loc, message, of_key=kind == "extra_forbidden")


def _read_secrets(config: Config, tree: Tree, env: Mapping[str, str]) -> None:
    for path, secret in config.secrets():
        try:
            secret.read(env)
        except ValueError as error:
            tree.report(path, str(error))


def _read_holidays(config: Config, tree: Tree) -> None:
    for name, line in config.lines.items():
        if line.hours is not None and line.hours.holidays_file is not None:
            try:
                read_holidays(line.hours.holidays_file)
            except ValueError as error:
                tree.report(("lines", name, "hours", "holidays_file"), str(error))


def _read_screening(config: Config, tree: Tree, check_files: bool) -> None:
    screening = config.screening
    if screening is None:
        return
    for key in ("allow", "block"):
        for index, entry in enumerate(getattr(screening, key)):
            try:
                read_pattern(entry.number, config.region)
            except ValueError as error:
                tree.report(("screening", key, index), str(error))
    if screening.block_file is not None and check_files:
        try:
            list(read_block_file(screening.block_file, config.region))
        except ValueError as error:
            tree.report(("screening", "block_file"), str(error))


def _check_plans(directory: Directory, tree: Tree) -> None:
    """Every answer the daemon may give must fit the wire: as if open, now, and after each line's next opening or closing.

    Numbers that are routed alike are tried once.
    """
    tried = {(n.binding.source, n.line, n.notice): n.binding.number for n in directory.numbers.values()}
    now = datetime.now(UTC)
    changes = {line.hours.next_change(now) for line in directory.lines.values() if line.hours is not None}
    moments = [now, *(change for change in changes if change is not None)]
    seen: set[str] = set()
    # a challenge goes before the plan
    longest = Screening(Verdict.SUSPECTED, "", Measure.CHALLENGE) if directory.screening else None
    for number in (None, *tried.values()):
        line = directory.line_of(directory.numbers[number] if number else None)
        try:
            if number is None:
                fallback_answer(directory).encode()
            else:
                decide(directory, number, now).cache.encode()
            for moment in moments if line.name not in seen else ():
                decide(directory, number or "", moment, "x" * 16, longest).answer.encode()
            seen.add(line.name)
        except ValueError as error:
            tree.report(("lines", line.name), str(error))


def _sound_problems(config: Config, tree: Tree) -> Iterator[Problem]:
    for wanted in wanted_sounds(config):
        try:
            read_sound(wanted.file)
        except SoundError as error:
            made = (
                "; `callbridge sounds make` makes it from its text" if wanted.made and not wanted.file.exists() else ""
            )
            yield Problem.at(tree.place(wanted.path), wanted.path, f"{error}{made}")


def _in_order(tree: Tree) -> list[Problem]:
    files = {str(file): n for n, file in enumerate(tree.files)}
    return sorted(dict.fromkeys(tree.problems), key=lambda p: (files.get(p.file, 0), p.line, p.column, p.path))
