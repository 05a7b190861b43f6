"""Debian packages without root: fetched by apt-get and unpacked by dpkg into a folder of the lab. Nothing of the system is touched."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from lab.apt_sources import NoArchiveError, Source, archive, read_sources
from lab.tools import ToolMissingError, Tools, find_tools, own_programs, with_asterisk_of

Say: TypeAlias = Callable[[str], None]
ASTERISK_SUITE = "forky"  #: of Debian: it has Asterisk 22; bookworm and trixie have none
OLD_SUITE = "bullseye"  #: the last release of Debian with an Asterisk of its own: 16.28
_SOUNDS = ("asterisk-core-sounds-en-wav", "asterisk-core-sounds-ru-wav")


class PackagesError(RuntimeError):
    """The packages could not be had. The text says what to do, naming the command to run where there is one."""


def lab_tools(lab: Path, say: Say = print) -> Tools:
    """Asterisk, SIPp and espeak-ng: the machine's own, or fetched into ``lab/root`` (once). Raises PackagesError."""
    own = own_programs()
    wanted = [] if "asterisk" in own else ["asterisk", *_SOUNDS]
    wanted += [] if "sipp" in own else ["sip-tester"]
    wanted += [] if "espeak-ng" in own else ["espeak-ng"]
    root = lab / "root"
    if wanted:
        suite = None if _os_release().get("ID") == "ubuntu" else ASTERISK_SUITE
        fetch(wanted, root, suite=suite, say=say)
    try:
        return find_tools(root)
    except ToolMissingError as error:
        raise PackagesError(str(error)) from error


def old_tools(lab: Path, tools: Tools, say: Say = print) -> Tools:
    """`tools` with Asterisk 16.28 from Debian's bullseye (fetched into ``lab/root16``, once). Raises PackagesError, on Ubuntu always."""
    if _os_release().get("ID") != "debian":
        raise PackagesError("Asterisk 16 comes from Debian's archive, which this machine does not know")
    root = lab / "root16"
    fetch(["asterisk", *_SOUNDS], root, suite=OLD_SUITE, say=say)
    return with_asterisk_of(tools, root)


def fetch(packages: Sequence[str], root: Path, *, suite: str | None, say: Say = print) -> None:
    """Unpack `packages` and all they depend on under `root`. `suite` None: the machine's own release.

    A stamp beside `root` tells what lies in it; a second run with the same packages returns at once. What was interrupted is begun again,
    with what was downloaded. Raises PackagesError.
    """
    source, release = _source()
    suite = suite or release
    stamp = root.parent / f"{root.name}.stamp"
    content = f"{suite} {' '.join(packages)}\n"
    if root.is_dir() and stamp.is_file() and stamp.read_text() == content:
        return
    stamp.unlink(missing_ok=True)
    work = root.parent / f"{root.name}.apt"
    options = _apt_folder(work, source, suite)
    say(f"reading the package lists of {suite}")
    _apt(options, ["update"], source.uri)
    count = _count(options, packages, source.uri)
    say(f"downloading {count}")
    archives = work / "cache" / "archives"
    _apt(options, ["-y", "--download-only", "install", *packages], source.uri)
    say("unpacking")
    fresh = root.parent / f"{root.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for package in sorted(archives.glob("*.deb")):
        done = subprocess.run(["dpkg", "-x", package, fresh], capture_output=True, text=True, check=False)
        if done.returncode:
            package.unlink()  # damaged: the next run gets it anew
            raise PackagesError(
                f"{package.name} cannot be unpacked ({_last(done.stderr)}): is the disk full? Run the same command again."
            )
    shutil.rmtree(root, ignore_errors=True)
    fresh.rename(root)
    stamp.write_text(content)
    shutil.rmtree(work, ignore_errors=True)


def _source() -> tuple[Source, str]:
    release = _os_release()
    family = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    distribution = next((x for x in family if x in ("debian", "ubuntu")), None)
    if distribution is None:
        raise PackagesError(
            f"this is {release.get('PRETTY_NAME', platform.system())}, not Debian or Ubuntu: "
            "put an Asterisk >= 18 (asterisk) and SIPp (sipp) on PATH, then run the same command again"
        )
    for program, package in (("apt-get", "apt"), ("dpkg", "dpkg")):
        if shutil.which(program) is None:
            raise PackagesError(
                f"{program} is missing: install the package {package}, or put asterisk (>= 18) and sipp on PATH"
            )
    codename = release.get("VERSION_CODENAME", "")
    try:
        return archive(read_sources(), distribution, codename), codename
    except NoArchiveError as error:
        raise PackagesError(str(error)) from error


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _apt_folder(work: Path, source: Source, suite: str) -> list[str]:
    """apt's own world in `work`: an empty status, so that every dependency is fetched, and one source."""
    for folder in ("lists/partial", "cache/archives/partial", "state"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    settings = [f"signed-by={source.keyring}"] if source.keyring else []
    settings += ["trusted=yes"] if source.trusted else []
    components = "main universe" if "ubuntu" in (source.keyring or source.uri) else "main"
    (work / "sources.list").write_text(
        f"deb [{' '.join(settings)}] {source.uri} {suite} {components}\n".replace("[] ", "")
    )
    values = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::Lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "false",
        "APT::Update::Error-Mode": "any",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
    }
    return [x for name, value in values.items() for x in ("-o", f"{name}={value}")]


def _apt(options: list[str], command: list[str], uri: str) -> str:
    done = subprocess.run(
        ["apt-get", *options, *command], capture_output=True, text=True, check=False, env=_plain_environment()
    )
    if done.returncode:
        raise PackagesError(
            f"apt-get {command[0]} from {uri} failed: {_last(done.stderr)}\nTry it alone with: apt-get update"
        )
    return done.stdout


def _count(options: list[str], packages: Sequence[str], uri: str) -> str:
    wanted = _apt(options, ["-y", "--print-uris", "install", *packages], uri)
    sizes = [int(x) for x in re.findall(r"^'[^']+' \S+ (\d+)", wanted, re.MULTILINE)]
    return f"{len(sizes)} packages, {sum(sizes) / 1e6:.0f} MB"


def _plain_environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _last(text: str) -> str:
    lines = [x for x in text.splitlines() if x.startswith(("E:", "W:", "dpkg"))] or text.splitlines() or ["no message"]
    return lines[0]
