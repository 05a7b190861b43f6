"""Asterisk as the daemon's manager user sees it: reachable, of a good version, its user neither too weak nor too strong."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from bridge.config import Config
from bridge.doctor.findings import Finding, error, note, ok, warning
from bridge.doctor.network import listeners
from bridge.doctor.probe import Probe
from bridge.install import conf
from bridge.install.asterisk import FILTERS

#: What the daemon asks, and the action each needs.
NEEDED: Final = ("Ping", "Status", "CoreStatus", "CoreSettings", "CoreShowChannels", "Getvar")
#: What a thief of the secret could do harm with, of all that a class may bring.
HARMFUL: Final = (
    "AGI", "Atxfer", "BlindTransfer", "Command", "ControlPlayback", "CreateConfig", "DBDel", "DBDelTree", "DBPut",
    "DialplanExtensionAdd", "DialplanExtensionRemove", "Filter", "GetConfig", "GetConfigJSON", "Hangup", "MixMonitor",
    "ModuleLoad", "Originate", "Redirect", "Reload", "Setvar", "StopMixMonitor", "UpdateConfig", "UserEvent",
)  # fmt: skip
#: Events that come through the filter.
EXPECTED: Final = ("fullybooted", "shutdown", "reload", "userevent")

#: A function of the dialplan that needs no channel, what it must say, and the module it is in.
FUNCTIONS: Final = (
    ("FILTER(0-9,a1b2)", "12", "func_strings"),
    ("CUT(EPOCH,x,1)", "", "func_cut"),
    ("IF($[1=1]?yes:no)", "yes", "func_logic"),
    ("DB_EXISTS(bridge/none)", "0", "func_db"),
    ("RAND(7,7)", "7", "func_rand"),
    ("GROUP_COUNT(none@bridge)", "0", "func_groupcount"),
    ("DEVICE_STATE(Local/none@none)", "", "func_devstate"),
    ("STRFTIME(0,UTC,%Y)", "1970", "func_strings"),
)
#: Modules that bridge.conf uses, for an Asterisk whose console we may ask.
MODULES: Final = (
    "app_controlplayback", "app_dial", "app_mixmonitor", "app_playback", "app_stack", "app_userevent", "format_wav", "func_callerid",
    "func_channel", "func_cut", "func_db", "func_devstate", "func_env", "func_global", "func_groupcount", "func_logic", "func_rand",
    "func_strings", "func_timeout", "pbx_config", "res_agi",
)  # fmt: skip
_FEW_SECONDS: Final = 5.0


def check_version(text: str) -> Finding:
    """By the numbers, with what is known of some of them."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        return note("asterisk", f"Asterisk calls its version {text!r}", "18 to 22 are known to work")
    major, minor, patch = (int(x or 0) for x in found.groups())
    about = f"Asterisk {major}.{minor}.{patch}"
    if major < 18:
        return warning(
            "asterisk",
            f"{about} is older than 18, with which the bridge is tested",
            "update Asterisk: 22 is the long-term version",
        )
    if (major, minor) == (22, 9):
        return error("asterisk", f"{about} can lock up when a call is hung up", "update to 22.10.1 or later")
    if (22, 0, 0) <= (major, minor, patch) < (22, 10, 1):
        return warning(
            "asterisk",
            f"{about} has known holes and recording troubles that 22.10.1 mends",
            "update to 22.10.1 or later",
        )
    if major > 22:
        return note("asterisk", f"{about} is newer than 22, with which the bridge is tested")
    return ok("asterisk", about)


async def check_rights(probe: Probe) -> list[Finding]:
    """As Asterisk itself lists them."""
    allowed = await probe.commands()
    missing = [name for name in NEEDED if name.lower() not in allowed]
    harmful = [name for name in HARMFUL if name.lower() in allowed]
    found = []
    if missing:
        found.append(
            error(
                "ami rights",
                f"the manager user may not {', '.join(missing)}",
                "write = reporting in its section of manager.conf, then asterisk -rx 'manager reload'",
            )
        )
    if harmful:
        found.append(
            warning(
                "ami rights",
                f"the manager user may do more than it needs: {', '.join(harmful)}",
                "write = reporting, and nothing else, in its section of manager.conf",
            )
        )
    return found or [ok("ami rights", "the manager user may look and no more")]


async def check_filter(config: Config, probe: Probe) -> list[Finding]:
    """What came in by itself so far, and what manager.conf says, where it may be read."""
    strange = sorted({event.name for event in probe.events if event.name.lower() not in EXPECTED})
    todo = "callbridge init --write puts the eventfilter lines in"
    if strange:
        return [
            warning("ami filter", f"events come through that the daemon does not need: {', '.join(strange[:5])}", todo)
        ]
    try:
        settings = conf.settings(config.asterisk.config / "manager.conf")
    except OSError:
        return [
            note(
                "ami filter",
                "manager.conf may not be read by this user: filter and read rights were not looked at",
                "sudo callbridge doctor",
            )
        ]
    mine = [x for x in settings if x.section == config.asterisk.ami.user and x.key]
    if not mine:
        return [note("ami filter", f"[{config.asterisk.ami.user}] was not found in manager.conf and what it includes")]
    filters = [x.value for x in mine if x.key.startswith("eventfilter")]
    reads = {part.strip() for x in mine if x.key == "read" for part in x.value.split(",")}
    found = []
    if not filters:
        found.append(
            warning(
                "ami filter",
                "the manager user has no event filter: whatever callers send reaches the daemon's AMI link",
                todo,
            )
        )
    elif not set(FILTERS) <= set(filters):
        found.append(note("ami filter", "the event filter is not the one that callbridge init writes"))
    if not reads & {"user", "all"}:
        found.append(
            warning(
                "ami filter",
                "the manager user does not read `user` events: the books learn of a call's end by looking into the journal only",
                "read = system,user",
            )
        )
    return found or [ok("ami filter", "only the bridge's own events come through")]


def check_ami_port(config: Config) -> Finding:
    """The manager interface is nobody else's business."""
    ami = config.asterisk.ami
    open_to = sorted({x.host for x in listeners(ami.port) if not x.is_loopback})
    if open_to:
        return warning(
            "ami",
            f"the manager interface listens on {', '.join(open_to)}: {ami.port}, not on loopback alone",
            "bindaddr = 127.0.0.1 in [general] of manager.conf, or a firewall",
        )
    return ok("ami", f"login as {ami.user} on {ami.host}:{ami.port}")


async def check_second_look(config: Config) -> Finding:
    """The same login by pyst2."""
    ami = config.asterisk.ami
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge.doctor.second_look", ami.host, str(ami.port), ami.user,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(10):
            out, _ = await process.communicate(f"{ami.secret.value}\n".encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return note("ami", "a second client (pyst2) got no answer in 10 s")
    text = out.decode("utf-8", "replace").strip()
    if process.returncode == 0:
        return ok("ami", f"a second client (pyst2) logs in as well: {text}")
    return warning(
        "ami",
        f"the daemon's client can log in, a second one (pyst2) cannot: {text}",
        "is there a limit on logins in manager.conf?",
    )


async def check_functions(probe: Probe) -> list[Finding]:
    """Dialplan functions that bridge.conf needs. One that is not loaded has an empty value."""
    missing = []
    for expression, expected, module in FUNCTIONS:
        value = await probe.get(expression)
        if not value or (expected and value != expected):
            missing.append(module)
    if missing:
        modules = ", ".join(sorted(set(missing)))
        return [error("modules", f"dialplan functions are missing: {modules}", f"load them in modules.conf: {modules}")]
    return [ok("modules", "the dialplan functions that can be asked for are there")]


async def check_modules(config: Config) -> Finding:
    """All modules, by Asterisk's console where this user may use it."""
    out = await console("module show", config)
    if out is None:
        return note(
            "modules",
            "Asterisk's console is not open to this user: applications were not looked at",
            "asterisk -rx 'core show application MixMonitor'",
        )
    loaded = {
        line.split()[0].removesuffix(".so") for line in out.split("\n") if ".so" in line and "Not Running" not in line
    }
    missing = [name for name in _wanted_modules(config) if name not in loaded]
    if missing:
        return error(
            "modules", f"not loaded: {', '.join(missing)}", f"load them in {config.asterisk.config / 'modules.conf'}"
        )
    return ok("modules", f"all {len(MODULES)} modules of the dialplan are loaded")


def _wanted_modules(config: Config) -> Iterator[str]:
    yield from MODULES
    lines = config.lines.values()
    if any(leg.device.startswith("PJSIP/") for line in lines for leg in line.legs()):
        yield "chan_pjsip"


async def console(command: str, config: Config) -> str | None:
    """What a console command prints; None where it cannot be asked. CALLBRIDGE_ASTERISK may name another program."""
    program = shlex.split(os.environ.get("CALLBRIDGE_ASTERISK", "")) or [
        path
        for path in [shutil.which("asterisk", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")]
        if path
    ]
    if not program:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            *program, "-C", str(config.asterisk.config / "asterisk.conf"), "-rx", command,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None
    try:
        async with asyncio.timeout(10):
            out, _ = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return None
    return out.decode("utf-8", "replace") if process.returncode == 0 else None


async def check_clock(probe: Probe) -> Finding:
    """Asterisk's clock, which the journal is written by, against ours."""
    value = await probe.get("STRFTIME(,,%s.%3q)")
    if not re.fullmatch(r"\d+\.\d+", value):
        return note("clock", f"Asterisk does not tell the time ({value!r})")
    off = abs(time.time() - float(value))
    if off > _FEW_SECONDS:
        return error(
            "clock",
            f"Asterisk's clock is {off:.0f} s off this machine's: calls would be booked at wrong times",
            "let both follow NTP (timedatectl set-ntp true)",
        )
    return ok("clock", "Asterisk and the daemon have the same time")
