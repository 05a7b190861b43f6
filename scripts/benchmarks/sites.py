"""Private PBXs for the call benches: one with a dialplan of plain Dial, and one per way the bridge can be set, each with its daemon."""

from __future__ import annotations

import shutil
import sqlite3
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import conf
from lab.asterisk import Asterisk
from lab.conf import Endpoint
from lab.daemon import Daemon, bridge_config
from lab.ports import LOOPBACK, Ports
from lab.tones import tone, write_wav
from lab.tools import Tools

from benchmarks.machine import cpu_seconds
from bridge.install.asterisk import manager_user

PHONES = 400  #: calls go to them in turn, so that nobody is called who talks still: a busy phone is another story
NOTICE_MS = 200
_RTP_PORTS = 4000
_PLAIN = """[from-trunk]
exten => _1XXX,1,Dial(PJSIP/p${EXTEN:1},30)
exten => _2XXX,1,MixMonitor(,br(${BRIDGE_SPOOL}/rec/${UNIQUEID}-caller.wav)t(${BRIDGE_SPOOL}/rec/${UNIQUEID}-company.wav))
 same => n,Dial(PJSIP/p${EXTEN:1},30)
exten => _3XXX,1,Progress()
 same => n,Playback(NOTICE,noanswer)
 same => n,MixMonitor(,br(${BRIDGE_SPOOL}/rec/${UNIQUEID}-caller.wav)t(${BRIDGE_SPOOL}/rec/${UNIQUEID}-company.wav))
 same => n,Dial(PJSIP/p${EXTEN:1},30)
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of carrying a call. `prefix` stands before a phone's three digits in the number dialled; `against` is its baseline's key."""

    key: str
    title: str
    prefix: str
    against: str
    bridge: bool = False
    record: bool = False
    notice: bool = False


VARIANTS = (
    Variant("dial", "plain Dial", "1", "dial"),
    Variant("record", "Dial + MixMonitor", "2", "dial", record=True),
    Variant("notice", "notice + MixMonitor + Dial", "3", "record", record=True, notice=True),
    Variant("bridge-off", "bridge, neither recording nor notice", "+74951000", "dial", bridge=True),
    Variant("bridge-record", "bridge, recording", "+74951000", "record", bridge=True, record=True),
    Variant("bridge-notice", "bridge, notice and recording", "+74951000", "notice", bridge=True, record=True, notice=True),
)  # fmt: skip


class BenchAsterisk(Asterisk):
    """As in service: it logs warnings and errors only. All phones are one SIPp's."""

    def write(self) -> None:
        super().write()
        quiet = {
            "logger.conf": f"[general]\n[logfiles]\n{self.layout.log}/full => warning,error\n",
            "asterisk.conf": conf.asterisk_conf(self.layout).replace("verbose = 3", "verbose = 0"),
            "pjsip.conf": self._pjsip(),
            "manager.conf": self._manager(),
        }
        for name, text in quiet.items():
            (self.layout.etc / name).write_text(text, encoding="utf-8")

    def _manager(self) -> str:
        """The bridge's user as `callbridge init` writes it: the lab's own hears more events than the daemon needs."""
        general, _, rest = conf.manager_conf(self.ports, self.secret).partition("[callbridge]\n")
        lab = rest.partition("[lab]\n")[2]
        return f"{general}{manager_user('callbridge', self.secret)}[lab]\n{lab}"

    def _pjsip(self) -> str:
        # the 180 is what is measured, also after early media
        text = conf.pjsip_conf(self.ports, (), self.codecs).replace(
            "type=global\n", "type=global\nallow_sending_180_after_183=yes\n", 1
        )
        for phone in self.phones:
            text += (
                f"[{phone.name}](any)\naors={phone.name}\ndevice_state_busy_at=1\n"
                f"[{phone.name}]\ntype=aor\ncontact=sip:{phone.name}@{phone.address}:{phone.port}\n"
            )
        return text


class Site:
    """One PBX. `variant` None: the plain dialplan, which carries all variants without the bridge."""

    def __init__(self, folder: Path, tools: Tools, address: str, port: int, variant: Variant | None) -> None:
        folder.mkdir(parents=True)
        ports = Ports.free(_RTP_PORTS)
        phones = [Endpoint(f"p{number:03}", address, port) for number in range(PHONES)]
        self.notice = folder / "notice.wav"
        write_wav(self.notice, tone(1400, NOTICE_MS / 1000))
        plan = _PLAIN.replace("NOTICE", str(self.notice.with_suffix("")))
        own = {} if variant else {"dialplan_file": None, "dialplan": plan}
        self.asterisk = BenchAsterisk(folder / "asterisk", ports, tools, phones, **own)
        self.daemon: Daemon | None = None
        self._store = folder / "bridge.db"
        self._health = f"http://{LOOPBACK}:{ports.health}"
        if variant:
            secret = folder / "ami.secret"
            secret.touch(0o600)
            secret.write_text(self.asterisk.secret)
            self.daemon = Daemon(folder, ports, self._config(folder, secret, variant))

    def start(self) -> None:
        self.asterisk.start()
        if self.daemon:
            self.daemon.start()

    def stop(self) -> None:
        if self.daemon:
            self.daemon.stop()
        self.asterisk.stop()

    def cpu(self) -> tuple[float, float]:
        """Processor seconds so far: of Asterisk, of the daemon."""
        return cpu_seconds(self.asterisk.pid), cpu_seconds(self.daemon.pid if self.daemon else None)

    def settle(self, timeout: float = 60.0) -> float:
        """Wait until no call is left and the books are closed; seconds it took. The next variant then has the machine for itself."""
        began = time.monotonic()
        while time.monotonic() - began < timeout:
            if self.asterisk.active_channels() == 0 and not self._behind():
                break
            time.sleep(0.1)
        if not self.daemon:
            shutil.rmtree(self.asterisk.spool / "rec", ignore_errors=True)
        return time.monotonic() - began

    def booked(self) -> int:
        """Calls in the books that have ended, since the start."""
        with closing(sqlite3.connect(self._store)) as books:
            return int(books.execute("SELECT count(*) FROM calls WHERE ended_at IS NOT NULL").fetchone()[0])

    def _behind(self) -> bool:
        if not self.daemon:
            return False
        figures = self._metrics()
        waiting = ("callbridge_books_open", "callbridge_books_waiting", "callbridge_recordings_waiting")
        return any(figures[name] for name in waiting)

    def _metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self._health}/metrics", timeout=10) as answer:  # noqa: S310 - a fixed address on loopback
            lines = answer.read().decode().splitlines()
        rows = (line.split() for line in lines if line.startswith("callbridge_"))
        return {row[0]: float(row[1]) for row in rows if len(row) == 2}

    def _config(self, folder: Path, secret: Path, variant: Variant) -> dict[str, Any]:
        config = bridge_config(folder, self.asterisk, self.notice, secret)
        names = [phone.name for phone in self.asterisk.phones]
        config["lines"] = {
            name: {"title": name, "ring": [{"phone": f"PJSIP/{name}"}], "timeout": "30s"} for name in names
        }
        config["sources"] = {"radio": {"title": "Radio", "prefix": "Radio: "}}
        config["numbers"] = {f"+74951000{name[1:]}": {"source": "radio", "line": name} for name in names}
        config["fallback"] = {"line": names[0]}
        config["defaults"] = {"line": names[0], "notice": "standard" if variant.notice else "none"}
        config["notices"]["standard"]["play"] = "early"
        config["recordings"] |= {"enabled": variant.record, "without_notice": "record"}
        config["log"] = {"format": "json", "level": "info"}
        return config
