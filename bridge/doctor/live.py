"""`callbridge check --live`: is what bridge.yaml names there on the running Asterisk?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.ami import AmiError
from bridge.config import Config
from bridge.config.lines import Line, Next
from bridge.doctor.findings import Finding, error, note, ok, warning
from bridge.doctor.probe import Probe, ProbeError, probing

_NEXT = ("when_closed", "when_busy", "when_unanswered")
_EXTENSIONS = (".wav", ".wav16", ".gsm", ".ulaw", ".alaw", ".sln", ".sln16", ".g722", ".slin", ".g729")


async def check_live(config: Config) -> list[Finding]:
    """Phones, mailboxes, contexts and sounds that `config` names. Its AMI secret must have been read."""
    try:
        async with probing(config) as probe:
            return await check_named(config, probe)
    except (ProbeError, AmiError) as problem:
        return [error("ami", str(problem), "callbridge doctor")]


async def check_named(config: Config, probe: Probe) -> list[Finding]:
    """As `check_live`, over a session that is there. Raises AmiError."""
    found = [await _phone(device, f"lines.{', '.join(lines)}", probe) for device, lines in _phones(config).items()]
    for mailbox, where in _mailboxes(config).items():
        found.append(await _mailbox(mailbox, where, probe))
    for context, exten in (
        ("bridge-inbound", "s"),
        ("bridge-call", "s"),
        ("bridge-stage", "ring"),
        ("bridge-hangup", "s"),
    ):
        if await probe.get(f"DIALPLAN_EXISTS({context},{exten},1)") != "1":
            todo = "callbridge init --write, then asterisk -rx 'dialplan reload'"
            found.append(error("dialplan", f"Asterisk knows no context {context}", todo))
            break  # the others are in the same file
    found += await _own_sounds(config, probe)
    return found


async def _phone(device: str, where: str, probe: Probe) -> Finding:
    technology, _, rest = device.partition("/")
    if technology == "Local":
        exten, _, context = rest.partition("@")
        context = context.partition("/")[0]
        if await probe.get(f"DIALPLAN_EXISTS({context},{exten},1)") != "1":
            return error("phones", f"{device} ({where}): Asterisk has no extension {exten} in context {context}")
        return ok("phones", f"{device} is there")
    state = await probe.get(f"DEVICE_STATE({device})")
    match state:
        case "INVALID" if technology != "PJSIP" and "@" in rest:
            return note("phones", f"{device} ({where}): Asterisk cannot tell whether it is there")
        case "INVALID":
            return error(
                "phones",
                f"{device} ({where}): Asterisk has no such phone",
                "is it spelled as in pjsip.conf? asterisk -rx 'pjsip show endpoints'",
            )
        case "UNAVAILABLE":
            return note("phones", f"{device} ({where}) is not registered at the moment", "switch the phone on")
        case "":
            return note("phones", f"{device} ({where}): Asterisk does not say (func_devstate is not loaded)")
        case _:
            return ok("phones", f"{device} is there ({state.lower().replace('_', ' ')})")


async def _mailbox(mailbox: str, where: str, probe: Probe) -> Finding:
    box = mailbox if "@" in mailbox else f"{mailbox}@default"
    answer = await probe.get(f"VM_INFO({box},exists)")
    if answer == "1":
        return ok("voicemail", f"{box} is there")
    if answer == "0":
        return error(
            "voicemail",
            f"{box} ({where}): Asterisk has no such mailbox",
            "add it in voicemail.conf, then asterisk -rx 'voicemail reload'",
        )
    return error("voicemail", f"{box} ({where}): Asterisk has no voicemail", "load app_voicemail")


async def _own_sounds(config: Config, probe: Probe) -> list[Finding]:
    """Asterisk's own sounds that announcements name. AMI does not tell of files: they are looked for where Asterisk keeps them."""
    names = dict(_sound_names(config))
    if not names:
        return []
    folder = Path(await probe.get("ASTDATADIR") or config.asterisk.sounds.parent) / "sounds"
    if not folder.is_dir():
        return [note("sounds", f"{folder} is not to be seen from here: {', '.join(names)} were not looked for")]
    found = []
    for name, (where, language) in names.items():
        if any(
            (folder / part / f"{name}{ext}").is_file()
            for part in (language, language.partition("_")[0], "en", "")
            for ext in _EXTENSIONS
        ):
            found.append(ok("sounds", f"{name} is there"))
        else:
            found.append(
                warning(
                    "sounds",
                    f"{where}: Asterisk has no sound {name} in {folder}",
                    "the name is without language and extension, like vm-nobodyavail",
                )
            )
    return found


def _phones(config: Config) -> dict[str, list[str]]:
    """Device to the lines it rings on."""
    phones: dict[str, list[str]] = {}
    for name, line in config.lines.items():
        for leg in line.legs():
            phones.setdefault(leg.device, []).append(name)
    return phones


def _targets(config: Config) -> Iterator[tuple[str, Line, Next]]:
    for name, line in config.lines.items():
        for key in _NEXT:
            target: Next | None = getattr(line, key)
            if target is not None:
                yield f"lines.{name}.{key}", line, target


def _mailboxes(config: Config) -> dict[str, str]:
    return {target.voicemail: where for where, _, target in _targets(config) if target.voicemail is not None}


def _sound_names(config: Config) -> Iterator[tuple[str, tuple[str, str]]]:
    for where, line, target in _targets(config):
        if target.announcement is not None and target.announcement.sound is not None:
            yield target.announcement.sound, (where, line.language or config.language)
    for name, source in config.sources.items():
        if source.whisper is not None and source.whisper.sound is not None:
            yield source.whisper.sound, (f"sources.{name}.whisper", config.language)


__all__ = ["check_live", "check_named"]
