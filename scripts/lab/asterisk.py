"""One private Asterisk: its folder, its ports, its start and its end. Nothing outside the folder is touched."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import conf
from lab.conf import Dialplan, Endpoint, Layout
from lab.ports import LOOPBACK, Ports
from lab.tools import Tools

CHECKOUT = Path(__file__).resolve().parents[2]
BRIDGE_CONF = CHECKOUT / "dialplan" / "bridge.conf"
_LONGEST_RUN = 80  #: bytes of a run folder's path; a unix socket's path has 108 in all


class AsteriskFailedError(RuntimeError):
    """Asterisk did not start. The text ends with the tail of its log."""


class Asterisk:
    """A private Asterisk with one trunk (whoever calls from 127.0.0.1) and static phones.

    With the product's dialplan (the default) calls from the trunk run into ``bridge-inbound``; with `dialplan` text of your own (and
    `dialplan_file=None`) they run into your own ``[from-trunk]``. `extra_globals` overrides or adds to the globals.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        tools: Tools,
        phones: Iterable[Endpoint],
        *,
        dialplan_file: Path | None = BRIDGE_CONF,
        dialplan: str = "",
        extra_globals: Mapping[str, str] | None = None,
        codecs: str = "alaw,ulaw",
    ) -> None:
        self.folder = folder.resolve()
        self.ports = ports
        self.tools = tools
        self.phones = list(phones)
        self.secret = secrets.token_urlsafe(24)  #: of the AMI users `callbridge` and `lab`
        self.codecs = codecs
        self._dialplan_file = dialplan_file
        self._dialplan_text = dialplan
        self._extra_globals = dict(extra_globals or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary_run: Path | None = None
        run = self.folder / "run"
        if len(os.fsencode(run)) > _LONGEST_RUN:
            run = self._temporary_run = Path(tempfile.mkdtemp(prefix="lab-"))
        self.layout = Layout(
            etc=self.folder / "etc",
            var=self.folder / "var",
            run=run,
            log=self.folder / "log",
            spool=self.folder / "spool",
            data=self.folder / "data",
            modules=tools.modules,
        )

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def spool(self) -> Path:
        """Where the dialplan lets Asterisk write recordings and the journal (BRIDGE_SPOOL)."""
        return self.layout.spool / "bridge"

    @property
    def journal(self) -> Path:
        return self.spool / "journal.psv"

    @property
    def sounds(self) -> Path:
        """Sounds of one's own may be put into ``sounds/custom``; named ``custom/...`` in a dialplan."""
        return self.layout.data / "sounds"

    @property
    def log(self) -> Path:
        return self.layout.log / "full"

    def globals(self) -> dict[str, str]:
        values = {
            "BRIDGE_AGI": f"agi://{LOOPBACK}:{self.ports.agi}/inbound",
            "BRIDGE_SPOOL": str(self.spool),
        }
        if self.phones:
            values["BRIDGE_FALLBACK"] = self.phones[0].device
        return values | self._extra_globals

    def write(self) -> None:
        """Write folders and configuration files. start() does it; call it again (and ``rx("core reload")``) after a change."""
        for folder in (
            self.layout.etc,
            self.layout.var,
            self.layout.run,
            self.layout.log,
            self.spool,
            self.sounds / "custom",
        ):
            folder.mkdir(parents=True, exist_ok=True)
        for target in (self.tools.data / "documentation",):
            _link(self.layout.data / target.name, target)
        for voice in sorted(self.tools.sounds.iterdir()):
            language = voice.name.partition("_")[0]
            if voice.is_dir() and len(language) == 2:
                _link(self.sounds / language, voice)
        plan = Dialplan(self._dialplan_file, self.globals(), self._dialplan_text)
        files = conf.small_files(self.layout, self.ports) | {
            "asterisk.conf": conf.asterisk_conf(self.layout),
            "modules.conf": conf.modules_conf(x.stem for x in self.tools.modules.glob("*.so")),
            "pjsip.conf": conf.pjsip_conf(self.ports, self.phones, self.codecs),
            "manager.conf": conf.manager_conf(self.ports, self.secret),
            "extensions.conf": conf.extensions_conf(plan),
        }
        for name, text in files.items():
            (self.layout.etc / name).write_text(text, encoding="utf-8")

    def start(self, timeout: float = 40.0) -> None:
        """Start, and return when Asterisk says over AMI that it is fully booted. Raises AsteriskFailedError."""
        self.write()
        command = self.tools.asterisk.command("-C", self.layout.etc / "asterisk.conf", "-f")
        with (self.layout.log / "console").open("ab") as console:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=self.tools.asterisk.environment(),
                cwd=self.folder,
                start_new_session=True,  # ctrl-C is for the lab, which stops Asterisk in order
            )
        try:
            self._wait_until_booted(time.monotonic() + timeout)
        except BaseException:
            self.kill9()
            raise

    def stop(self, timeout: float = 10.0) -> None:
        """End it: gracefully if it listens, by its pid if it does not. Calls under way are cut."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()  # Asterisk takes SIGTERM as "core stop now"
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill9()
        self._process = None
        if self._temporary_run:
            shutil.rmtree(self._temporary_run, ignore_errors=True)

    def kill9(self) -> None:
        """As a power cut would end it."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Start again after kill9(), or stop and start."""
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None
        self.start()

    def rx(self, command: str) -> str:
        """What a console command prints. Raises CalledProcessError if Asterisk cannot be reached."""
        argv = self.tools.asterisk.command("-C", self.layout.etc / "asterisk.conf", "-rx", command)
        done = subprocess.run(argv, capture_output=True, check=True, timeout=20, env=self.tools.asterisk.environment())
        return done.stdout.decode("utf-8", "replace")

    def active_channels(self) -> int:
        """Channels that exist now."""
        for line in self.rx("core show channels count").splitlines():
            count, _, rest = line.partition(" ")
            if rest.startswith("active channel"):
                return int(count)
        return 0

    def log_tail(self, lines: int = 25) -> str:
        text = ""
        for path in (self.layout.log / "console", self.log):
            if path.exists():
                text += "\n".join([f"--- {path.name}", *path.read_text("utf-8", "replace").splitlines()[-lines:], ""])
        return text

    def __enter__(self) -> Asterisk:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_booted(self, deadline: float) -> None:
        reason = "it did not answer on AMI in time"
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                reason = f"it ended by itself (code {self._process.returncode if self._process else '?'})"
                break
            try:
                if self._ami_booted(deadline):
                    return
            except OSError:
                time.sleep(0.1)
        raise AsteriskFailedError(f"Asterisk did not start: {reason}\n{self.log_tail()}")

    def _ami_booted(self, deadline: float) -> bool:
        with socket.create_connection((LOOPBACK, self.ports.ami), timeout=2) as ami:
            ami.sendall(f"Action: Login\r\nUsername: lab\r\nSecret: {self.secret}\r\nEvents: system\r\n\r\n".encode())
            seen = b""
            while b"Event: FullyBooted" not in seen:
                ami.settimeout(max(0.1, deadline - time.monotonic()))
                piece = ami.recv(65536)
                if not piece:
                    return False
                seen = (seen + piece)[-4096:]
            return True


def _link(link: Path, target: Path) -> None:
    if link.is_symlink():
        link.unlink()
    if target.exists() and not link.exists():
        link.symlink_to(target)
