"""The machine, the files and the folders."""

from __future__ import annotations

import grp
import os
import platform
import pwd
import sqlite3
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bridge.config import Config
from bridge.doctor.findings import Finding, error, note, ok, warning
from bridge.install.folders import asterisk_group, folders, mode_text
from bridge.recordings.scan import disk_space

PYTHON: Final = (3, 11)
SQLITE: Final = (3, 35)
LITTLE_SPACE: Final = 1 << 30
NO_SPACE: Final = 100 << 20
HOUR_OF_CALLS: Final = 2 * 16000 * 3600  #: bytes of one hour of two-channel telephone sound


def check_programs() -> Iterator[Finding]:
    """The interpreter and SQLite."""
    text = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    if sys.version_info < PYTHON or sqlite3.sqlite_version_info < SQLITE:
        yield error("programs", f"{text}: Python 3.11 and SQLite 3.35 are the oldest that work", "install newer ones")
    else:
        yield ok("programs", text)


def check_user() -> Iterator[Finding]:
    """Who runs this: the findings hold for that user."""
    name = user_name(os.geteuid())
    if os.geteuid() == 0:
        yield note(
            "user",
            "run as root: what files allow was not tried as the daemon's user",
            "try: sudo -u callbridge callbridge doctor",
        )
    else:
        yield ok("user", f"run as {name}")


def check_secrets(config: Config) -> Iterator[Finding]:
    """Files with secrets are nobody else's business."""
    for key, secret in (("asterisk.ami.secret", config.asterisk.ami.secret), ("store.password", config.store.password)):
        if secret is None or secret.file is None:
            continue
        try:
            about = secret.file.stat()
        except OSError as problem:
            yield error(
                "secrets",
                f"{key}: {secret.file} cannot be read ({(problem.strerror or '').lower()})",
                "callbridge init makes it; the daemon's user must be able to read it",
            )
            continue
        if about.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
            yield error(
                "secrets",
                f"{secret.file} has mode {stat.S_IMODE(about.st_mode):o}: others may read or change it",
                f"chmod 640 {secret.file}",
            )
        else:
            yield ok("secrets", f"{secret.file} is closed to others")


def check_folders(config: Config) -> Iterator[Finding]:
    """Every folder is there, and both Asterisk and the daemon may do in it what they must."""
    group = asterisk_group(config.asterisk.config)
    for folder in folders(config):
        path = folder.path
        make = f"install -d -o callbridge -g {group if folder.shared else 'callbridge'} -m {folder.mode:o} {path}"
        if not path.is_dir():
            yield error("folders", f"{path} ({folder.purpose}) is not there", make)
            continue
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            yield error(
                "folders",
                f"{path} ({folder.purpose}) is not writable for {user_name(os.geteuid())}: {mode_text(path)}",
                make,
            )
            continue
        if folder.shared and (problem := _asterisk_may_write(path, config.asterisk.config, group)):
            yield problem
            continue
        yield ok("folders", f"{path} ({folder.purpose}): {mode_text(path)}")


def _asterisk_may_write(path: Path, etc: Path, group: str | None) -> Finding | None:
    """By the numbers, for the user Asterisk runs as, if that can be known."""
    user = asterisk_user(etc)
    about = path.stat()
    if user is None or user.pw_uid == 0:
        return None
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    if group is not None:
        groups.add(grp.getgrnam(group).gr_gid)
    if about.st_uid == user.pw_uid:
        mine = about.st_mode >> 6
    elif about.st_gid in groups:
        mine = about.st_mode >> 3
    else:
        mine = about.st_mode
    if mine & 0o3 == 0o3:
        return None
    return error(
        "folders",
        f"Asterisk ({user.pw_name}) may not write into {path}: {mode_text(path)}",
        f"chgrp {group} {path} && chmod 2770 {path}",
    )


def check_disk(config: Config) -> Iterator[Finding]:
    """Room for recordings and books."""
    seen = set()
    for folder in folders(config):
        if not folder.path.is_dir() or (device := folder.path.stat().st_dev) in seen:
            continue
        seen.add(device)
        space = disk_space(folder.path)
        text = f"{folder.path}: {space.free / 1e9:.1f} GB free, room for about {space.free // HOUR_OF_CALLS} hours of calls"
        if space.free < NO_SPACE:
            yield error("disk", text, "make room: calls go on, but nothing can be recorded or booked")
        elif space.free < LITTLE_SPACE or space.share < 0.05:
            yield warning("disk", text, "make room, or move the recordings to a larger disk")
        else:
            yield ok("disk", text)


def asterisk_user(etc: Path) -> pwd.struct_passwd | None:
    """The user Asterisk runs as: as asterisk.conf says, else the user `asterisk` if there is one."""
    from bridge.install import conf

    try:
        named = [x.value for x in conf.settings(etc / "asterisk.conf") if x.key == "runuser"]
    except OSError:
        named = []
    for name in (*named, "asterisk"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
