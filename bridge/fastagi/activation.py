"""Sockets that systemd opened for us, so that the port is never free for a stranger to take while the daemon is down."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_FIRST_FD = 3


def inherited_sockets(environ: Mapping[str, str], pid: int | None = None) -> dict[str, socket.socket]:
    """Listening sockets passed by systemd's protocol (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), by their FileDescriptorName.

    Empty if none were passed, or if they were meant for another process. Raises ValueError for numbers that are none, OSError for a
    descriptor that is no socket. Call it once: the descriptors then belong to the sockets returned.
    """
    if environ.get("LISTEN_PID") != str(os.getpid() if pid is None else pid):
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    sockets = {}
    for index in range(int(environ.get("LISTEN_FDS", "0"))):
        name = names[index] if index < len(names) and names[index] else str(index)
        fd = _FIRST_FD + index
        os.set_inheritable(fd, False)
        sockets[name] = socket.socket(fileno=fd)
        sockets[name].setblocking(False)
    return sockets
