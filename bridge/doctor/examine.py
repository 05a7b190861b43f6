"""The whole examination, part by part; one part that fails does not keep the others from being looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, Literal

from bridge.ami import AmiError
from bridge.config import Config, ConfigError, Loaded, load
from bridge.core.desk.situation import Alarm
from bridge.doctor import asterisk, books, daemon, dialplan, live, machine
from bridge.doctor.findings import Finding, Level, error, note, ok, warning
from bridge.doctor.probe import Probe, ProbeError, probing
from bridge.flows.books import MARK
from bridge.flows.ports import StoreDownError
from bridge.store.calls import CallStore
from bridge.store.engine import Database


async def examine(path: Path) -> list[Finding]:
    """Everything that can be found out about the installation that `path` (bridge.yaml) describes."""
    findings = [*_caught("programs", machine.check_programs), *_caught("user", machine.check_user)]
    loaded, problems = _load(path)
    findings += problems
    if loaded is None:
        return findings
    config = loaded.config
    findings += _caught("secrets", lambda: machine.check_secrets(config))
    findings += _caught("folders", lambda: machine.check_folders(config))
    findings += _caught("disk", lambda: machine.check_disk(config))
    findings += _caught("sounds", lambda: books.check_sounds(config, loaded.directory))
    if not any(finding.part == "config" and finding.level == "error" for finding in problems):
        findings += await _asterisk(config)
    findings += await _awaited("daemon", lambda: daemon.check_daemon(config))
    findings += await _awaited("store", lambda: books.check_store(config))
    findings += _caught("spool", lambda: books.check_spool(config))
    return findings


async def look_around(loaded: Loaded, database: Database) -> list[Alarm]:
    """What a running daemon can look at by itself now and then, at hardly any cost: files, folders, room, the last calls. Nothing of Asterisk's.

    Only what is wrong, for the desk.
    """
    config = loaded.config

    def files() -> list[Finding]:
        return [
            *_caught("secrets", lambda: machine.check_secrets(config)),
            *_caught("folders", lambda: machine.check_folders(config)),
            *_caught("disk", lambda: machine.check_disk(config)),
            *_caught("sounds", lambda: books.check_sounds(config, loaded.directory)),
            *_caught("spool", lambda: books.check_spool(config)),
        ]

    findings = await asyncio.to_thread(files)
    store = CallStore(database)
    try:
        calls = (await store.find(limit=books.LAST)).calls
        position = await store.get_mark(MARK)
    except StoreDownError:
        calls, position = (), None  # the store's own alarm says it
    else:
        findings += await asyncio.to_thread(_caught, "calls", lambda: books.check_calls(config, calls))
        findings += await asyncio.to_thread(_caught, "journal", lambda: books.check_journal(config, position))
    return [_alarm(finding) for finding in findings if finding.level in _ALARMS]


_ALARMS: Final[dict[Level, Literal["error", "warning"]]] = {Level.ERROR: "error", Level.WARNING: "warning"}


def _alarm(finding: Finding) -> Alarm:
    return Alarm(_ALARMS[finding.level], f"{finding.part}: {finding.text}", finding.todo, raw=True)


def _load(path: Path) -> tuple[Loaded | None, list[Finding]]:
    try:
        loaded = load(path)
    except ConfigError as problem:
        found = [error("config", str(x), "callbridge check") for x in problem.problems]
    else:
        return loaded, [ok("config", f"{path} can be used"), *(note("config", str(x)) for x in loaded.warnings)]
    try:
        return load(path, check_files=False), found
    except ConfigError:
        return None, found


async def _asterisk(config: Config) -> list[Finding]:
    ami = config.asterisk.ami
    try:
        async with probing(config) as probe:
            findings = [asterisk.check_ami_port(config)]
            for part, check in _CHECKS:
                findings += await _awaited(part, lambda check=check: check(config, probe))  # type: ignore[misc]
    except ProbeError as problem:
        todo = f"compare {ami.secret.file or ami.secret.env} with the secret of [{ami.user}] in manager.conf, then asterisk -rx 'manager reload'"
        return [
            error(
                "ami",
                str(problem),
                todo
                if problem.refused
                else "is Asterisk running, with enabled=yes in manager.conf? (callbridge init --write)",
            )
        ]
    return [
        *findings,
        await asterisk.check_second_look(config),
        *await _awaited("modules", lambda: _one(asterisk.check_modules(config))),
    ]


async def _version(config: Config, probe: Probe) -> Iterable[Finding]:
    return [asterisk.check_version((await probe.settings()).get("AsteriskVersion", ""))]


async def _rights(config: Config, probe: Probe) -> Iterable[Finding]:
    return await asterisk.check_rights(probe)


async def _functions(config: Config, probe: Probe) -> Iterable[Finding]:
    return await asterisk.check_functions(probe)


async def _clock(config: Config, probe: Probe) -> Iterable[Finding]:
    return [await asterisk.check_clock(probe)]


async def _one(check: Awaitable[Finding]) -> Iterable[Finding]:
    return [await check]


_CHECKS: tuple[tuple[str, Callable[[Config, Probe], Awaitable[Iterable[Finding]]]], ...] = (
    ("asterisk", _version),
    ("ami rights", _rights),
    ("clock", _clock),
    ("modules", _functions),
    ("globals", dialplan.check_globals),
    ("dialplan", dialplan.check_dialplan),
    ("phones", live.check_named),
    ("ami filter", asterisk.check_filter),
)


def _caught(part: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as problem:  # noqa: BLE001 - the other parts are still to be looked at
        return [_failed(part, problem)]


async def _awaited(part: str, check: Callable[[], Awaitable[Iterable[Finding]]]) -> list[Finding]:
    try:
        async with asyncio.timeout(60):
            return list(await check())
    except AmiError as problem:
        return [warning(part, f"Asterisk was asked and did not tell: {problem}")]
    except Exception as problem:  # noqa: BLE001 - as above
        return [_failed(part, problem)]


def _failed(part: str, problem: Exception) -> Finding:
    return error(part, f"this could not be looked at: {type(problem).__name__}: {problem}")
