"""Which of the machine's apt sources is its distribution's own archive. Machines have others beside it: vendors', security, cdrom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_KEYRINGS = {
    "debian": ("/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": ("/usr/share/keyrings/ubuntu-archive-keyring.gpg",),
}
_SCHEMES = ("http:", "https:", "file:", "copy:", "mirror", "tor+", "ftp:")


@dataclass(frozen=True, slots=True)
class Source:
    """One binary source: its address, its suites, and the keyring file it names, if it names one."""

    uri: str
    suites: tuple[str, ...]
    keyring: str | None = None
    trusted: bool = False


class NoArchiveError(LookupError):
    """No source of the machine is its distribution's archive."""


def read_sources(apt: Path = Path("/etc/apt")) -> list[Source]:
    """All binary sources of `apt`, one-line and deb822, in apt's order. Files that cannot be read are left out."""
    found: list[Source] = []
    folder = apt / "sources.list.d"
    files = [apt / "sources.list", *(sorted(folder.iterdir()) if folder.is_dir() else [])]
    for path in files:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            continue
        if path.suffix == ".sources":
            found += _deb822(text)
        elif path.suffix == ".list":
            found += _one_line(text)
    return found


def archive(sources: list[Source], distribution: str, codename: str) -> Source:
    """The archive of `distribution` (``debian`` or ``ubuntu``), whose release on this machine is `codename`. Raises NoArchiveError."""

    def rank(source: Source) -> int:
        if not source.uri.startswith(_SCHEMES) or all(
            re.search(r"-security|/updates|-backports", x) for x in source.suites
        ):
            return 0
        named = f"{distribution}-archive" in (source.keyring or "")
        return 2 * (codename in source.suites) + named

    best = max(sources, key=rank, default=None)
    if best is None or rank(best) == 0:
        raise NoArchiveError(
            f"none of the apt sources of this machine is the archive of {distribution} {codename}: add it to /etc/apt/sources.list"
        )
    keyring = best.keyring if best.keyring and Path(best.keyring).is_file() else None
    return Source(best.uri, best.suites, keyring or _keyring(distribution), best.trusted)


def _keyring(distribution: str) -> str | None:
    return next((x for x in _KEYRINGS[distribution] if Path(x).is_file()), None)


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        found = re.match(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)", line.partition("#")[0].strip())
        if found:
            options = dict(re.findall(r"([\w-]+)\+?=(\S+)", found[1] or ""))
            yield Source(found[2], (found[3],), options.get("signed-by"), options.get("trusted") == "yes")


def _deb822(text: str) -> Iterator[Source]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n[ \t]*\n", lines):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1] in " \t" and key:
                fields[key] += " " + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in (
            "no",
            "false",
            "0",
        ):
            for uri in fields.get("uris", "").split():
                keyring = fields.get("signed-by", "")
                yield Source(uri, tuple(fields.get("suites", "").split()), keyring if keyring.startswith("/") else None)
