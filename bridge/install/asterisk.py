"""What Asterisk itself must be told: a manager user with the least it needs, the globals, the dialplan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bridge.config import Config
from bridge.install import DIALPLAN, conf, shipped_dialplan
from bridge.install.changes import Change, change

MANAGER_FILE: Final = "manager_callbridge.conf"
#: What bridge.conf takes where a global is not set; the globals that say the same need not be written.
AGI_DEFAULT: Final = "agi://127.0.0.1:4573/inbound"
SPOOL_DEFAULT: Final = "/var/spool/callbridge"

_ALL: Final = ("0.0.0.0", "::")  # noqa: S104 - to be recognised
READ: Final = ("system", "user")
WRITE: Final = ("reporting",)
#: Regular expressions over a whole event: this form is understood by every Asterisk from 16 on. Nothing else reaches the daemon, so
#: that a caller's name in an event of a channel cannot.
FILTERS: Final = (
    "^Event: (FullyBooted|Shutdown|Reload)[[:cntrl:]]",
    "^Event: UserEvent[[:cntrl:]]+Privilege: [a-z,]+[[:cntrl:]]+(SystemName: [^[:cntrl:]]*[[:cntrl:]]+)?"
    "(Timestamp: [0-9.]+[[:cntrl:]]+)?UserEvent: Bridge",
)
TRUNK_LINE: Final = "exten => _[+0-9]!,1,Goto(bridge-inbound,${FILTER(+0-9,${EXTEN})},1)"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to Asterisk's files; `remarks` are for the person. `lines` are (file, where, line) to paste by hand."""

    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()
    lines: tuple[tuple[str, str, str], ...] = field(default=())


def manager_user(user: str, secret: str, host: str = "127.0.0.1") -> str:
    """The user's section of manager.conf. `host` is where the daemon connects to: from elsewhere nobody may log in."""
    permit = "::1/128" if ":" in host else "127.0.0.1/255.255.255.255"
    filters = "".join(f"eventfilter = {text}\n" for text in FILTERS)
    return f"""; The manager user of callbridge: it may look and be told that a call has ended, and nothing else.
[{user}]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
deny = ::/0
permit = {permit}
writetimeout = 5000
read = {",".join(READ)}
write = {",".join(WRITE)}
{filters}"""


def wanted_globals(config: Config) -> dict[str, str]:
    """The dialplan's globals as bridge.yaml has them; those with their default are left out, BRIDGE_FALLBACK never is."""
    agi = config.asterisk.agi.listen
    # listening on all addresses includes loopback
    address = f"agi://{agi if agi.host not in _ALL else f'127.0.0.1:{agi.port}'}/inbound"
    values = {"BRIDGE_FALLBACK": "&".join(fallback_phones(config))}
    if address != AGI_DEFAULT:
        values["BRIDGE_AGI"] = address
    if str(config.asterisk.spool) != SPOOL_DEFAULT:
        values["BRIDGE_SPOOL"] = str(config.asterisk.spool)
    return values


def fallback_phones(config: Config) -> list[str]:
    """The phones of the fallback line that ring at once: they ring when neither daemon nor AstDB knows better."""
    return [leg.device for leg in config.lines[config.fallback.line].legs() if leg.after == 0]


def plan(config: Config, secret: str, *, place: Path | None = None, trunks: tuple[str, ...] = ()) -> Plan:
    """What must change so that this Asterisk works with `config`.

    `place` None: files of ours go into Asterisk's folder and its own files are changed; else ours go into `place`, Asterisk's stay as they
    are and `lines` say what to paste. `trunks` are the contexts in which calls from outside arrive. Raises OSError.
    """
    etc = config.asterisk.config
    user, host = config.asterisk.ami.user, config.asterisk.ami.host
    manager, extensions = etc / "manager.conf", etc / "extensions.conf"
    ours = place or etc
    found = _existing_user(manager, user, ours)
    remarks = list(_remarks(manager))
    changes = [change(ours / DIALPLAN, shipped_dialplan(), mode=0o644, like=extensions)]
    lines: list[tuple[str, str, str]] = []
    if found is not None:
        remarks.append(f"the manager user [{user}] is in {found.file}:{found.line} already and stays as it is")
    else:
        file, included = _manager_file(manager, ours)
        changes.append(change(file, manager_user(user, secret, host), mode=0o640, like=manager))
        if not included:
            lines.append(("manager.conf", "at its end", f'#include "{_name(file, etc)}"'))
    lines += [("extensions.conf", "below [globals]", f"{k}={v}") for k, v in wanted_globals(config).items()]
    lines.append(("extensions.conf", "at its end", f'#include "{_name(ours / DIALPLAN, etc)}"'))
    lines += [("extensions.conf", f"below [{trunk}]", TRUNK_LINE) for trunk in trunks or ("the trunk's context",)]
    if place is None:
        changes += _own_files(manager, extensions, lines, trunks, remarks)
    return Plan(tuple(x for x in changes if x.needed), tuple(remarks), tuple(lines))


def _own_files(
    manager: Path, extensions: Path, lines: list[tuple[str, str, str]], trunks: tuple[str, ...], remarks: list[str]
) -> Iterator[Change]:
    """The changes of manager.conf and extensions.conf. `lines` that cannot be put in stay in it and are remarked."""
    before = _text(manager)
    text = conf.without_block(before)
    general = {x.key.lower(): x.value for x in conf.settings(manager) if x.section == "general"} if before else {}
    if general.get("enabled", "no").lower() not in ("yes", "true", "on", "1", "y", "t"):
        # nobody has used it so far, so nobody minds that it listens on loopback alone
        text = conf.with_setting(text, "general", "bindaddr", "127.0.0.1")
        text = conf.with_setting(text, "general", "enabled", "yes")
    for line in [x for x in lines if x[0] == "manager.conf"]:
        text = conf.with_block(text, [line[2]]) or text
    yield change(manager, text, mode=0o640)

    text = conf.without_block(_text(extensions))
    values = [line for _, where, line in lines if where == "below [globals]"]
    text = conf.with_block(text, values, below="globals") or conf.with_block(text, ["[globals]", *values]) or text
    for trunk in trunks:
        changed = conf.with_block(text, [TRUNK_LINE], below=trunk)
        if changed is None:
            remarks.append(f"{extensions} has no [{trunk}]: put `{TRUNK_LINE}` into it where it is")
        text = changed or text
    text = (
        conf.with_block(
            text, [line for file, where, line in lines if (file, where) == ("extensions.conf", "at its end")]
        )
        or text
    )
    if not trunks:
        remarks.append(
            f"put `{TRUNK_LINE}` into the context in which calls from outside arrive (or name it with --trunk-context)"
        )
    yield change(extensions, text)


def _existing_user(manager: Path, user: str, ours: Path) -> conf.Setting | None:
    """Where the user stands, if not in a file of ours."""
    mine = {ours / MANAGER_FILE, manager.parent / "manager.d" / "callbridge.conf"}
    try:
        found = conf.settings(manager)
    except OSError:
        return None
    return next((x for x in found if x.section == user and not x.key and x.file not in mine), None)


def _manager_file(manager: Path, ours: Path) -> tuple[Path, bool]:
    """The file for the user, and whether manager.conf includes it already (Debian's includes a folder)."""
    has_folder = ours == manager.parent and (ours / "manager.d").is_dir() and manager.exists()
    if has_folder and any(x.startswith("manager.d/*") for x in conf.includes(manager)):
        return ours / "manager.d" / "callbridge.conf", True
    return ours / MANAGER_FILE, False


def _remarks(manager: Path) -> Iterator[str]:
    try:
        general = {x.key.lower(): x.value for x in conf.settings(manager) if x.section == "general"}
    except OSError:
        return
    enabled = general.get("enabled", "no").lower() in ("yes", "true", "on", "1", "y", "t")
    if enabled and general.get("bindaddr", "") in (*_ALL, ""):
        yield f"the manager interface listens on every address: unless something else needs it, say `bindaddr = 127.0.0.1` in {manager}"


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _name(path: Path, etc: Path) -> str:
    return path.name if path.parent == etc else str(path)
