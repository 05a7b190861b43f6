"""Is the dialplan that Asterisk runs the one that belongs to this version?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from bridge.ami import AmiActionError, AmiEvent
from bridge.config import Config
from bridge.doctor.findings import Finding, error, note, ok, warning
from bridge.doctor.probe import Probe
from bridge.install import DIALPLAN, conf, shipped_dialplan
from bridge.install.asterisk import AGI_DEFAULT, SPOOL_DEFAULT, TRUNK_LINE, fallback_phones, wanted_globals

#: (context, extension, priority) -> application and its data
Steps: TypeAlias = dict[tuple[str, str, int], tuple[str, str]]

#: Contexts of ours that have no extension `s`.
_WITHOUT_S: Final = ("bridge-stage", "bridge-leg", "bridge-outbound")
_EXTEN = re.compile(r"exten\s*=>?\s*([^,]+),(\d+)(?:\([^)]*\))?,(.*)")
_SAME = re.compile(r"same\s*=>?\s*n(?:\([^)]*\))?,(.*)")
_APP = re.compile(r"([A-Za-z_]\w*)(?:\((.*)\))?", re.DOTALL)


async def check_dialplan(config: Config, probe: Probe) -> list[Finding]:
    """The file and what Asterisk has loaded of it, and that calls get there. Raises AmiError."""
    shipped = read_steps(shipped_dialplan())
    contexts = sorted({context for context, _, _ in shipped})
    loaded: Steps = {}
    for (
        context
    ) in contexts:  # one by one: Asterisk's count of a list of them all is wrong where contexts include others
        if await probe.get(f"DIALPLAN_EXISTS({context},s,1)") == "1" or context in _WITHOUT_S:
            with suppress(AmiActionError):  # no such context
                loaded |= _steps_of(await probe.list("ShowDialPlan", Context=context))
    return [*_compare(config, shipped, loaded), *_ways_in(config, set(contexts))]


def _compare(config: Config, shipped: Steps, loaded: Steps) -> Iterator[Finding]:
    contexts = {context for context, _, _ in shipped}
    ours = {key: step for key, step in loaded.items() if key[0] in contexts}
    missing = sorted(contexts - {context for context, _, _ in ours})
    file = _installed(config)
    if "bridge-inbound" in missing:
        yield error(
            "dialplan",
            "Asterisk knows no context bridge-inbound: calls cannot reach the bridge",
            "callbridge init --write, then asterisk -rx 'dialplan reload'",
        )
        return
    wrong = sorted(key for key in shipped.keys() | ours.keys() if shipped.get(key) != ours.get(key))
    if not wrong:
        yield ok("dialplan", f"Asterisk runs this version's bridge.conf ({len(ours)} steps)")
        return
    context, exten, priority = wrong[0]
    where = f"{len(wrong)} steps differ, the first at {context},{exten},{priority}"
    if file is not None and file.read_text("utf-8", "replace") == shipped_dialplan():
        yield warning(
            "dialplan",
            f"{file} is this version's, but Asterisk runs another: {where}",
            "asterisk -rx 'dialplan reload'",
        )
    else:
        yield warning(
            "dialplan",
            f"Asterisk runs another bridge.conf than this version's: {where}",
            "callbridge init --write, then asterisk -rx 'dialplan reload'",
        )


def _ways_in(config: Config, ours: set[str]) -> Iterator[Finding]:
    """Who sends calls to the bridge, by the files, as far as they may be read."""
    try:
        settings = conf.settings(config.asterisk.config / "extensions.conf")
    except OSError:
        yield note(
            "dialplan", "extensions.conf may not be read by this user: whether calls reach the bridge was not looked at"
        )
        return
    ways = sorted({x.section for x in settings if x.section not in ours and "(bridge-inbound," in x.value})
    if ways:
        yield ok("dialplan", f"calls reach the bridge from {', '.join(ways[:5])}")
    else:
        yield warning(
            "dialplan",
            "no context sends calls to bridge-inbound",
            f"put this line into the context in which calls from outside arrive: {TRUNK_LINE}",
        )


def _installed(config: Config) -> Path | None:
    """The bridge.conf that extensions.conf includes, if we may read it."""
    etc = config.asterisk.config
    try:
        included = [Path(x) for x in conf.includes(etc / "extensions.conf")]
    except OSError:
        return None
    for path in (*(etc / x for x in included if x.name == DIALPLAN), etc / DIALPLAN):
        if path.is_file():
            return path
    return None


async def check_globals(config: Config, probe: Probe) -> list[Finding]:
    """BRIDGE_AGI, BRIDGE_SPOOL, BRIDGE_JOURNAL and BRIDGE_FALLBACK say what bridge.yaml says."""
    wanted = wanted_globals(config)
    spool = str(config.asterisk.spool)
    right = {
        "BRIDGE_AGI": (wanted.get("BRIDGE_AGI", AGI_DEFAULT), AGI_DEFAULT),
        "BRIDGE_SPOOL": (spool, SPOOL_DEFAULT),
        "BRIDGE_JOURNAL": (f"{spool}/journal.psv", f"{spool}/journal.psv"),
    }
    todo = f"set it in [globals] of {config.asterisk.config / 'extensions.conf'}, then asterisk -rx 'dialplan reload'"
    found = []
    for name, (value, default) in right.items():
        now = await probe.get(name) or default
        if now.rstrip("/") != value.rstrip("/"):
            found.append(error("globals", f"{name} is {now} in Asterisk; bridge.yaml means {value}", todo))
        else:
            found.append(ok("globals", f"{name} = {now}"))
    fallback = await probe.get("BRIDGE_FALLBACK")
    phones = "&".join(fallback_phones(config))
    if not fallback:
        found.append(
            error(
                "globals",
                "BRIDGE_FALLBACK is not set: with the daemon down and AstDB empty no phone would ring",
                f"BRIDGE_FALLBACK={phones}: {todo}",
            )
        )
    elif fallback != phones:
        found.append(
            note("globals", f"BRIDGE_FALLBACK is {fallback}; the fallback line of bridge.yaml rings {phones}", todo)
        )
    else:
        found.append(ok("globals", f"BRIDGE_FALLBACK = {fallback}"))
    return found


def _steps_of(items: Iterable[AmiEvent]) -> Steps:
    steps: Steps = {}
    for item in items:
        headers = item.headers
        exten, priority = headers.get("Extension", ""), headers.get("Priority", "")
        if exten and priority.isdecimal():
            steps[headers.get("Context", ""), exten, int(priority)] = (
                headers.get("Application", ""),
                headers.get("AppData", ""),
            )
    return steps


def read_steps(text: str) -> Steps:
    """The steps of a dialplan file, as far as the shipped one uses the language."""
    steps: Steps = {}
    context, exten, priority = "", "", 0
    for line in conf.plain_lines(text):
        line = line.strip()
        if header := re.fullmatch(r"\[([^\]]+)\]", line):
            context = header[1]
        elif found := _EXTEN.fullmatch(line):
            exten, priority = found[1].strip(), int(found[2])
            steps[context, exten, priority] = _step(found[3])
        elif found := _SAME.fullmatch(line):
            priority += 1
            steps[context, exten, priority] = _step(found[1])
    return steps


def _step(text: str) -> tuple[str, str]:
    found = _APP.fullmatch(text.strip())
    return (found[1], found[2] or "") if found else (text, "")
