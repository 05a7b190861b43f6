"""Where Asterisk, SIPp and espeak-ng are, and how each is started: the machine's own, or unpacked Debian packages under a root."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

OLDEST_ASTERISK = 18  #: of the machine's own; the unpacked one may be older on purpose


class ToolMissingError(RuntimeError):
    """A program is neither on the machine nor under the root. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program and how to start it: `argv` may begin with a private loader; `env` is added to the environment."""

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str | bytes | Path) -> list[bytes]:
        """The whole argument list. Bytes may be anything but NUL."""
        return [os.fsencode(x) for x in (*self.argv, *arguments)]

    def shell(self) -> str:
        """The command for a shell or for a setting that holds one."""
        return shlex.join([*(("env", *(f"{k}={v}" for k, v in self.env.items())) if self.env else ()), *self.argv])

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}


@dataclass(frozen=True, slots=True)
class Tools:
    """All the lab needs to start calls."""

    asterisk: Program
    modules: Path  #: Asterisk's modules
    data: Path  #: the folder with `documentation/`, without which chan_pjsip does not load
    sounds: Path  #: the folder with one folder per language and voice
    sipp: Program
    espeak: Program | None

    def asterisk_version(self) -> str:
        """As `asterisk -V` says it, e.g. ``22.10.1``. Empty if it says nothing of the kind."""
        return _version(self.asterisk)


def own_programs() -> dict[str, Program]:
    """What the machine has of its own, by name: ``asterisk`` (if not too old), ``sipp``, ``espeak-ng``."""
    found = {"asterisk": _own_asterisk(), "sipp": _on_path("sipp"), "espeak-ng": _on_path("espeak-ng")}
    return {name: program for name, program in found.items() if program}


def find_tools(root: Path | None) -> Tools:
    """The machine's own programs first, then those unpacked under `root`. Raises ToolMissingError."""
    asterisk = _own_asterisk() or (_under(root, "usr/sbin/asterisk") if root else None)
    sipp = _on_path("sipp") or (_under(root, "usr/bin/sipp") if root else None)
    if asterisk is None or sipp is None:
        missing = " and ".join(name for name, found in (("asterisk", asterisk), ("sipp", sipp)) if found is None)
        raise ToolMissingError(
            f"{missing} not found: run scripts/demo once, or put an Asterisk >= 18 and a sipp on PATH"
        )
    base = Path("/") if len(asterisk.argv) == 1 else root or Path("/")
    espeak = _on_path("espeak-ng") or (_under(root, "usr/bin/espeak-ng", *_espeak_env(root)) if root else None)
    return Tools(asterisk, *_asterisk_folders(base), sipp, espeak)


def with_asterisk_of(tools: Tools, root: Path) -> Tools:
    """`tools` with the Asterisk unpacked under another `root`. Raises ToolMissingError."""
    asterisk = _under(root, "usr/sbin/asterisk")
    if asterisk is None:
        raise ToolMissingError(f"no asterisk under {root}")
    modules, data, sounds = _asterisk_folders(root)
    return replace(tools, asterisk=asterisk, modules=modules, data=data, sounds=sounds)


def _asterisk_folders(base: Path) -> tuple[Path, Path, Path]:
    """Modules, data and sounds of the Asterisk whose root is `base`."""
    folders = (
        "usr/lib/*/asterisk/modules",
        "usr/lib/asterisk/modules",
        "usr/lib64/asterisk/modules",
        "usr/local/lib/asterisk/modules",
    )
    data = _first(base, "usr/share/asterisk/documentation", "var/lib/asterisk/documentation").parent
    return _first(base, *folders), data, _first(base, "usr/share/asterisk/sounds", "var/lib/asterisk/sounds")


def _own_asterisk() -> Program | None:
    for folder in (None, "/usr/sbin:/usr/local/sbin"):  # a user's PATH has no sbin on Debian
        path = shutil.which("asterisk", path=folder)
        if path:
            program = Program((path,))
            major = _version(program).partition(".")[0]
            if major.isdigit() and int(major) >= OLDEST_ASTERISK:
                return program
    return None


def _on_path(name: str) -> Program | None:
    path = shutil.which(name)
    return Program((path,)) if path else None


def _under(root: Path, path: str, *extra: tuple[Path, dict[str, str]]) -> Program | None:
    """A program of the unpacked packages, run by their own loader with their own libraries."""
    program = root / path
    loaders = [
        *root.glob("usr/lib64/ld-linux-*.so.*"),
        *root.glob("usr/lib/ld-linux-*.so.*"),
        *root.glob("lib/*/ld-[0-9]*.so"),
    ]
    if not program.exists() or not loaders:
        return None
    libraries = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"), root / "usr/lib"]
    env: dict[str, str] = {}
    for folder, more in extra:
        libraries.append(folder)
        env |= more
    search = ":".join(str(x) for x in libraries if x.is_dir())
    return Program((str(loaders[0]), "--library-path", search, str(program)), env)


def _espeak_env(root: Path) -> list[tuple[Path, dict[str, str]]]:
    found = [*root.glob("usr/lib/*/espeak-ng-data"), *root.glob("usr/share/espeak-ng-data")]
    env = {"ESPEAK_DATA_PATH": str(found[0].parent)} if found else {}
    return [(x, env) for x in root.glob("usr/lib/*/pulseaudio")] or ([(root / "usr/lib", env)] if env else [])


def _first(base: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for found in sorted(base.glob(pattern)):
            return found
    raise ToolMissingError(f"Asterisk is there, but none of {', '.join(patterns)} under {base}")


def _version(program: Program) -> str:
    try:
        done = subprocess.run(
            program.command("-V"), capture_output=True, text=True, timeout=20, check=False, env=program.environment()
        )
    except OSError:
        return ""
    found = re.search(r"Asterisk (\d+[\w.]*)", done.stdout)
    return found[1] if found else ""
