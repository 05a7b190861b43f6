"""Who listens where on this machine, as the kernel tells it."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket: its address, its owner, and its process where we may know it."""

    host: str
    port: int
    uid: int
    pid: int | None

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


def listeners(port: int) -> list[Listener]:
    """Everybody who listens on TCP `port`."""
    found = [
        x for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)) for x in _table(name, family, port)
    ]
    owners = _owners({inode for _, _, inode in found}) if found else {}
    return [Listener(host, port, uid, owners.get(inode)) for host, uid, inode in found]


def command_of(pid: int) -> str:
    """What a process is, for a person; empty if it is gone."""
    with suppress(OSError):
        return " ".join(Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0"))[:120].strip()
    return ""


def _table(name: str, family: socket.AddressFamily, port: int) -> Iterator[tuple[str, int, str]]:
    try:
        lines = Path(f"/proc/net/{name}").read_text().split("\n")[1:]
    except OSError:
        return
    for fields in map(str.split, lines):
        if len(fields) < 10 or fields[3] != _LISTEN:
            continue
        address, _, number = fields[1].partition(":")
        if int(number, 16) == port:
            words = [struct.pack("=I", int(address[i : i + 8], 16)) for i in range(0, len(address), 8)]
            yield socket.inet_ntop(family, b"".join(words)), int(fields[7]), fields[9]


def _owners(inodes: set[str]) -> dict[str, int]:
    """Inode to pid, for the processes we may look into."""
    owners = {}
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            for entry in os.scandir(folder):
                with suppress(OSError):
                    if inode := wanted.get(os.readlink(entry.path)):
                        owners[inode] = int(folder.parent.name)
    return owners
