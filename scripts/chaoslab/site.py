"""What is broken: the lab with a proxy and small disks in it, and the record of what was down when."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.daemon import DaemonFailedError
from lab.tones import tone, write_wav
from lab.tools import Tools
from lab.world import Lab

from chaoslab import plan
from chaoslab.disks import Disk
from chaoslab.proxy import Proxy

LOOKED = (
    10.0  #: seconds until the daemon has seen, at the latest, that a disk has room again and lets calls be recorded
)


@dataclass
class Down:
    """Something was down or stood still `from_at` - `until`, epoch seconds. `orderly`: Asterisk was told to, and had time for a goodbye."""

    from_at: float
    until: float = float("inf")
    orderly: bool = False

    def overlaps(self, first: float, last: float) -> bool:
        return first <= self.until and last >= self.from_at


@dataclass
class Record:
    """What was down when. `deaths` of Asterisk end when it is fully booted again; `unlinked` is the daemon without its manager link."""

    deaths: list[Down] = field(default_factory=list)
    frozen: list[Down] = field(default_factory=list)
    unlinked: list[Down] = field(default_factory=list)
    full: list[Down] = field(default_factory=list)  #: Asterisk's spool or the recordings' disk
    unwritable: list[Down] = field(default_factory=list)  #: the journal's disk is full
    unasked: list[str] = field(default_factory=list)  #: what went down without being told to


class Site:
    """``with Site(...) as site:`` has Asterisk and the daemon running, each killable, and ends everything."""

    def __init__(self, folder: Path, tools: Tools, say: Callable[[str], None], *, mounts: bool) -> None:
        self.record = Record()
        self.mounts = mounts
        self.say = say
        notice = folder / "notice.wav"
        self.store_file = folder / "store" / "bridge.db"
        self.lab = Lab(
            folder,
            tools,
            phones=plan.PHONES,
            notice=notice,
            store=str(self.store_file),
            change=lambda config, _: plan.furnish(config, str(notice)),
        )
        write_wav(notice, tone(1400, plan.NOTICE_SECONDS))
        self.proxy = Proxy(self.lab.ports.ami)
        self.lab.daemon.config["asterisk"]["ami"]["port"] = self.proxy.port
        self.disks: dict[str, Disk] = {}

    def __enter__(self) -> Site:
        try:
            for name, path, megabytes in (
                ("store", self.store_file.parent, 24),
                ("spool", self.lab.asterisk.spool, 64),
                ("recordings", self.lab.recordings, 128),
            ):
                self.disks[name] = Disk(path, megabytes, real=self.mounts)
            self.proxy.open()
            self.lab.start()
        except BaseException:
            self.end(keep=False)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end(keep=True)

    def end(self, *, keep: bool) -> None:
        """End all processes, and the disks; with `keep` what is on them lies in the folder."""
        with suppress(OSError):
            for disk in self.disks.values():
                if disk.real:
                    disk.free()
        try:
            self.lab.stop()
        finally:
            self.proxy.close()
            for disk in self.disks.values():
                disk.leave(keep=keep)
            self.disks = {}

    # --- the daemon -------------------------------------------------------------------------------------------------------

    def watch_daemon(self) -> None:
        """As systemd would: a daemon that ended by itself is started again. That it ended is kept."""
        pid = self.lab.daemon.pid
        if pid is None or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
            return
        tail = self.lab.daemon.log_tail(12)
        self.record.unasked.append(f"the daemon ended by itself\n{tail}")
        self.say("the daemon ended by itself: started again")
        self.lab.daemon.kill9()
        self.start_daemon()

    def stop_daemon(self, *, kill: bool) -> None:
        self.record.unlinked.append(Down(time.time()))
        if kill:
            self.lab.daemon.kill9()
        else:
            self.lab.daemon.stop()

    def start_daemon(self) -> None:
        """wait_ready() sees how it goes."""
        self.lab.daemon.start(wait=False)

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Until /healthz says that all parts work. What did not come back is kept as a fault of the daemon's."""
        try:
            self.lab.daemon.wait_ready(timeout)
        except DaemonFailedError as error:
            self.record.unasked.append(str(error))
            self.say("the daemon does not come back: killed and started again")
            self.lab.daemon.kill9()
            self.start_daemon()
        self._end_all(self.record.unlinked)

    # --- Asterisk ---------------------------------------------------------------------------------------------------------

    def kill_asterisk(self) -> None:
        self.record.deaths.append(Down(time.time()))
        self.lab.asterisk.kill9()

    def start_asterisk(self) -> None:
        self.lab.asterisk.start()
        self._end_all(self.record.deaths)

    def restart_asterisk(self) -> None:
        """``core restart now``. Where the program cannot start itself anew (a private loader runs it), this side does."""
        pid = self.lab.asterisk.pid
        self.record.deaths.append(Down(time.time(), orderly=True))
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            self.lab.asterisk.rx("core restart now")
        deadline = time.monotonic() + 20
        while pid and _alive(pid) and time.monotonic() < deadline:
            if self._restarted_at() > self.record.deaths[-1].from_at - 1:
                self._end_all(self.record.deaths)
                return
            time.sleep(0.1)
        self.lab.asterisk.kill9()
        self.start_asterisk()

    def freeze_asterisk(self) -> None:
        self.record.frozen.append(Down(time.time()))
        os.kill(self.lab.asterisk.pid or 0, signal.SIGSTOP)

    def thaw_asterisk(self) -> None:
        os.kill(self.lab.asterisk.pid or 0, signal.SIGCONT)
        self._end_all(self.record.frozen, after=1.0)  # what waited is worked off

    def _restarted_at(self) -> float:
        try:
            text = self.lab.asterisk.rx("core show uptime seconds")
            seconds = next(int(x.rpartition(" ")[2]) for x in text.splitlines() if x.startswith("System uptime"))
        except (subprocess.SubprocessError, StopIteration, ValueError):
            return 0.0
        return time.time() - seconds

    # --- links and disks ----------------------------------------------------------------------------------------------------

    def unlink(self, how: Callable[[], Any]) -> None:
        """Hurt the manager link; wait_ready() ends it."""
        self.record.unlinked.append(Down(time.time()))
        how()

    def lock_store(self) -> sqlite3.Connection:
        """Take the store's write lock, as another program would; to be closed."""
        connection = sqlite3.connect(self.store_file, timeout=10, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        return connection

    def fill(self, name: str) -> None:
        if name != "store":
            self.record.full.append(Down(time.time()))
        if name == "spool":
            self.record.unwritable.append(Down(time.time()))
        self.disks[name].fill()

    def free(self, name: str) -> None:
        self.disks[name].free()
        self._end_all(self.record.full, after=LOOKED)
        self._end_all(self.record.unwritable)

    @staticmethod
    def _end_all(downs: list[Down], after: float = 0.0) -> None:
        for down in downs:
            down.until = min(down.until, time.time() + after)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
