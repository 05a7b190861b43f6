"""The folders that Asterisk and the daemon share, and who may do what in them."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.config import Config
from bridge.install import conf

DAEMON_USER: Final = "callbridge"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it should be. `shared`: Asterisk writes into it, the daemon reads and removes."""

    path: Path
    purpose: str
    mode: int
    shared: bool = False


def folders(config: Config) -> Iterator[Folder]:
    """Every folder the bridge needs."""
    # setgid: what Asterisk makes in it belongs to the common group, whatever Asterisk's own
    yield Folder(config.asterisk.spool, "the spool", 0o2770, shared=True)
    yield Folder(config.asterisk.spool / "rec", "raw recordings", 0o2770, shared=True)
    yield Folder(config.recordings.folder, "recordings", 0o750)
    if config.store.is_sqlite:
        yield Folder(Path(config.store.url).parent, "the store", 0o750)


def asterisk_group(etc: Path) -> str | None:
    """The group Asterisk runs in: as asterisk.conf says, else `asterisk` where there is one, else that of its configuration."""
    try:
        named = [x.value for x in conf.settings(etc / "asterisk.conf") if x.key == "rungroup"]
    except OSError:
        named = []
    for name in (*named, "asterisk"):
        if _gid(name) is not None:
            return name
    try:
        return grp.getgrgid(etc.stat().st_gid).gr_name
    except (OSError, KeyError):
        return None


def make(folder: Folder, group: str | None, user: str = DAEMON_USER) -> str | None:
    """Make `folder` as it should be, for the daemon's `user`, or give the command that does, where this user may not.

    A folder that is there stays as it is.
    """
    group = group if folder.shared and group else user
    command = f"install -d -o {user} -g {group} -m {folder.mode:o} {folder.path}"
    try:
        if folder.path.is_dir():
            return None
        uid, gid = _uid(user), _gid(group)
        if uid is None or gid is None:
            return command
        folder.path.mkdir(parents=True)
        os.chown(folder.path, uid, gid)
        folder.path.chmod(folder.mode)
    except OSError:
        return command
    return None


def missing_user(user: str, group: str | None) -> str | None:
    """The command that makes the daemon's user, if it is not there."""
    if _uid(user) is not None:
        return None
    groups = f" -G {group}" if group and group != "root" else ""
    return f"useradd --system --home-dir /var/lib/callbridge --shell /usr/sbin/nologin{groups} {user}"


def mode_text(path: Path) -> str:
    """``drwxrws--- callbridge:asterisk``"""
    about = path.stat()
    try:
        owner = pwd.getpwuid(about.st_uid).pw_name
    except KeyError:
        owner = str(about.st_uid)
    try:
        group = grp.getgrgid(about.st_gid).gr_name
    except KeyError:
        group = str(about.st_gid)
    return f"{stat.filemode(about.st_mode)} {owner}:{group}"


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _gid(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
