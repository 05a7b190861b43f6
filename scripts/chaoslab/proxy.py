"""A TCP proxy between the daemon and Asterisk's manager port, which can cut, refuse and freeze what runs through it."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

from lab.ports import LOOPBACK, free_tcp

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST


class Proxy:
    """Listens on `port` and hands on to `target` (ports on loopback). Every method may be called at any time, in any order."""

    def __init__(self, target: int) -> None:
        self.port = free_tcp()
        self.target = target
        self._listener: socket.socket | None = None
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flow = threading.Event()
        self._flow.set()

    def open(self) -> Proxy:
        """Take connections, after refuse() too."""
        if self._listener is None:
            listener = socket.create_server((LOOPBACK, self.port))
            self._listener = listener
            threading.Thread(target=self._accept, args=(listener,), name="proxy", daemon=True).start()
        return self

    def cut(self) -> int:
        """Reset every connection; how many there were. New ones are taken."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for end in sockets:
            _reset(end)
        return len(sockets) // 2

    def refuse(self) -> None:
        """Cut, and refuse new connections until open()."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            listener.close()
        self.cut()

    def freeze(self) -> None:
        """Hand nothing on, in old and new connections, which stay open: what a lost route looks like."""
        self._flow.clear()

    def thaw(self) -> None:
        self._flow.set()

    def close(self) -> None:
        self.thaw()
        self.refuse()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((LOOPBACK, self.target), timeout=5)
            except OSError:
                _reset(near)  # nobody there: to the daemon it is as if the port were closed
                continue
            far.settimeout(None)
            with self._lock:
                self._sockets |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), name="proxy", daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flow.wait()
                sink.sendall(data)
        self._flow.wait()  # the end of a frozen connection is not handed on either
        with self._lock:
            self._sockets -= {source, sink}
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RD)  # wakes recv() without saying goodbye
        end.close()
