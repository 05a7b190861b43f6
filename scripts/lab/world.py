"""A whole lab: Asterisk, the daemon, phones and callers in one folder, ended together."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.asterisk import BRIDGE_CONF, Asterisk
from lab.conf import Endpoint
from lab.daemon import Daemon, bridge_config
from lab.ports import Ports, free_udp
from lab.sipp import CallerCall, Phone
from lab.tones import tone, write_wav
from lab.tools import Tools

PHONES = ("sales-1", "sales-2", "support-1")
NOTICE_HZ, NOTICE_SECONDS = 1400, 1.5
CALLER_HZ, AGENT_HZ = 440.0, 1000.0


class LabError(RuntimeError):
    """The lab cannot be as it was asked for."""


class Lab:
    """``with Lab(folder, tools) as lab:`` starts Asterisk and the daemon and ends everything with the block.

    `phones` are endpoint names, each with an address of its own; none is there until phone() starts it. `change` may alter the
    configuration (a dict as bridge.yaml holds it) before the daemon starts. `daemon` False: Asterisk alone.
    """

    def __init__(
        self,
        folder: Path,
        tools: Tools,
        *,
        phones: Iterable[str] = PHONES,
        change: Callable[[dict[str, Any], Lab], None] | None = None,
        daemon: bool = True,
        store: str | None = None,
        notice: Path | None = None,
        qualify: int = 0,
        dialplan_file: Path | None = BRIDGE_CONF,
        dialplan: str = "",
        extra_globals: Mapping[str, str] | None = None,
        codecs: str = "alaw,ulaw",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        if not re.fullmatch(r"[A-Za-z0-9_./-]+", str(self.folder)):
            raise LabError(
                f"the lab's path may hold only latin letters, digits and _ . / -, because Asterisk reads it: {self.folder}"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tools = tools
        self.ports = Ports.free()
        endpoints = []
        for number, name in enumerate(phones, 11):
            address = f"127.0.0.{number}"
            endpoints.append(Endpoint(name, address, free_udp(address), qualify))
        self.endpoints = {x.name: x for x in endpoints}
        self.asterisk = Asterisk(
            self.folder / "asterisk",
            self.ports,
            tools,
            endpoints,
            dialplan_file=dialplan_file,
            dialplan=dialplan,
            extra_globals=extra_globals,
            codecs=codecs,
        )
        self.notice = notice or self.folder / "notice.wav"
        self.recordings = self.folder / "recordings"
        secret = self.folder / "ami.secret"
        secret.touch(0o600)
        secret.write_text(self.asterisk.secret)
        if notice is None:
            write_wav(self.notice, tone(NOTICE_HZ, NOTICE_SECONDS))
        self.config = bridge_config(self.folder, self.asterisk, self.notice, secret, store)
        if change:
            change(self.config, self)
        speech = {"CALLBRIDGE_ESPEAK": tools.espeak.shell()} if tools.espeak else {}
        self.daemon = Daemon(self.folder, self.ports, self.config, {**speech, **(env or {})})
        self._with_daemon = daemon
        self._phones: dict[str, Phone] = {}
        self._callers: list[CallerCall] = []

    def start(self) -> Lab:
        self.asterisk.start()
        if self._with_daemon:
            self.daemon.start()
        return self

    def stop(self) -> None:
        """End all processes of the lab. The folder stays."""
        try:
            self.stop_calls()
        finally:
            try:
                self.daemon.stop()
            finally:
                self.asterisk.stop()

    def stop_calls(self) -> None:
        """End all callers and phones: each test begins without them."""
        for caller in self._callers:
            caller.stop()
        for phone in self._phones.values():
            phone.stop()
        self._callers, self._phones = [], {}

    def __enter__(self) -> Lab:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def phone(self, name: str, **how: Any) -> Phone:
        """Start the phone `name`, in place of one that runs. For `how` see lab.sipp.Phone."""
        if name in self._phones:
            self._phones.pop(name).stop()
        phone = Phone(self.tools, self.folder / "sip", self.endpoints[name], **how)
        self._phones[name] = phone
        return phone.start()

    def call(self, number: str, **how: Any) -> CallerCall:
        """Place a call from the trunk to `number`. For `how` see lab.sipp.CallerCall."""
        caller = CallerCall(self.tools, self.folder / "sip", self.ports.sip, number, **how)
        self._callers.append(caller)
        return caller.start()

    def wait_booked(self, seen: int = 0, count: int = 1, timeout: float = 20.0) -> list[dict[str, Any]]:
        """The calls booked as ended beyond the first `seen`, as soon as there are `count`; recordings that are due included."""
        deadline = time.monotonic() + timeout
        while True:
            calls = self.daemon.calls()[seen:]
            done = [x for x in calls if x.get("ended_at") and (x.get("recording") or {}).get("status") != "pending"]
            if len(done) >= count:
                return done
            if time.monotonic() > deadline:
                raise LabError(
                    f"{len(done)} of {count} calls were booked in {timeout:g} s: {calls}\n{self.daemon.log_tail()}"
                )
            time.sleep(0.2)

    def wait_idle(self, timeout: float = 20.0) -> None:
        """Until Asterisk has no channel left."""
        deadline = time.monotonic() + timeout
        while (count := self.asterisk.active_channels()) > 0:
            if time.monotonic() > deadline:
                raise LabError(
                    f"{count} channels are left after {timeout:g} s\n{self.asterisk.rx('core show channels')}"
                )
            time.sleep(0.2)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
