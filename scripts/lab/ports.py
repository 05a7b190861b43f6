"""Free ports on loopback, so that several labs run at once."""

from __future__ import annotations

import os
import random
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"


def free_udp(address: str = LOOPBACK) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def free_tcp(address: str = LOOPBACK) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def holds_udp_port(pid: int, address: str, port: int) -> bool:
    """Whether the process listens there (by /proc, so that nothing is sent or bound to find out)."""
    wanted = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted}
    try:
        return any(os.readlink(fd) in inodes for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False  # it ended, or closed one meanwhile


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one lab. The RTP range may overlap another lab's: Asterisk steps over ports in use."""

    sip: int
    ami: int
    agi: int
    health: int
    desk: int
    rtp_first: int
    rtp_last: int

    @classmethod
    def free(cls, rtp_count: int = 400) -> Ports:
        first = 12000 + 2 * random.SystemRandom().randrange(
            (32000 - rtp_count - 12000) // 2
        )  # below the ephemeral ports
        return cls(free_udp(), free_tcp(), free_tcp(), free_tcp(), free_tcp(), first, first + rtp_count - 1)
