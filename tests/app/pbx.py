"""The daemon as a process of its own, beside an Asterisk made of its wires: AGI questions, an AMI server, a journal on disk."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.daemon import Daemon
from lab.ports import Ports

from bridge.testing import AgiOutcome, FakeAmi, agi_call, ami_list

NUMBER = "74951110001"
_sequence = itertools.count(1)


class Pbx:
    """``async with Pbx(folder) as pbx:`` has no daemon yet: `start` it."""

    def __init__(self, folder: Path, store: Path | None = None, **config: Any) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.journal = self.spool / "journal.psv"
        self.store = store or folder / "books" / "bridge.db"
        self.ami = FakeAmi("callbridge", "s3cret")
        self.ami.replies["status"] = lambda _: ami_list("Status", [], "StatusComplete")
        self.ports = Ports.free()
        self.made: list[str] = []  #: ids of all calls
        secret = folder / "ami.secret"
        secret.touch(0o600)
        secret.write_text("s3cret")
        self._config = {
            "store": {"url": str(self.store)},
            "asterisk": {
                "ami": {"port": 0, "user": "callbridge", "secret": {"file": str(secret)}},
                "agi": {"listen": f"127.0.0.1:{self.ports.agi}"},
                "spool": str(self.spool),
                "sounds": str(folder / "sounds"),
            },
            "lines": {"sales": {"ring": [{"phone": "PJSIP/101"}]}},
            "sources": {"radio": {}},
            "numbers": {f"+{NUMBER}": {"source": "radio"}},
            "fallback": {"line": "sales"},
            "monitor": {"listen": f"127.0.0.1:{self.ports.health}"},
            "log": {"format": "json", "level": "debug"},
            **config,
        }
        self._config.setdefault("recordings", {})
        self._config["recordings"] |= {"folder": str(folder / "recordings")}
        self.daemon = Daemon(folder, self.ports, self._config)

    async def __aenter__(self) -> Pbx:
        await self.ami.start()
        self._config["asterisk"]["ami"]["port"] = self.ami.port
        self.spool.mkdir(exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.daemon.stop)
        await self.ami.stop()

    async def start(self, *, well: bool = True) -> None:
        """Start the daemon; `well` False: calls are answered, but not all is well."""
        await asyncio.to_thread(self.daemon.start, 30.0, wait=well)
        if not well:
            await self.until(lambda: self.health().get("agi", {}).get("state") == "ok")

    async def call(self, *, ends: bool = True) -> AgiOutcome:
        """One call, 60 s long by its stamps; what the daemon answered. Asterisk writes it down whoever answers."""
        began, seq = time.time() - 70, next(_sequence)
        call_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(began))}-{seq}-{100000 + seq}"
        self.made.append(call_id)
        try:
            outcome = await agi_call(("127.0.0.1", self.ports.agi), "inbound", call_id, NUMBER)
        except OSError:
            outcome = AgiOutcome()
        by = "daemon" if "BRIDGE_ANSWER" in outcome.variables else "cache"
        head = f"{began:.0f}.{seq}|PJSIP/trunk-{seq:08x}|{NUMBER}|+7916{seq:07}|allowed|Анна"
        picked, phone = f"{began + 5:.3f}", "PJSIP/101"
        self.write(f"1|begin|{call_id}|{began:.3f}|{head}|.", f"1|answer|{call_id}|{picked}|{phone}|{picked}|.")
        if ends:
            trail = f"1=ring={began + 1:.3f}={phone}~0=ANSWER;"
            self.write(
                f"1|end|{call_id}|{began + 65:.3f}|{head}|{began:.3f}|{by}|radio|sales|en|||||off||{picked}|{phone}|"
                f"{trail}|ANSWER|16|caller|||."
            )
        return outcome

    def write(self, *lines: str) -> None:
        with self.journal.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def booked(self) -> list[str]:
        """The ids of the calls in the books that have ended with 60 s of talk, as often as they are there."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as books:
            found = books.execute("SELECT id FROM calls WHERE ended_at IS NOT NULL AND talk_ms = 60000 ORDER BY id")
            return [row[0] for row in found]

    async def until_all_is_booked(self) -> None:
        """Until every call made is in the books, and once."""

        def so() -> bool:
            try:
                return self.booked() == sorted(self.made)
            except sqlite3.Error:
                return False

        await self.until(so)

    def health(self) -> dict[str, Any]:
        """What /healthz says; {} while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.health}/healthz", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except OSError:
            return {}

    async def until(self, so: Any, seconds: float = 60.0) -> None:
        """Wait until `so()` holds, which may block."""
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(so):  # noqa: ASYNC110 - anything may be waited for
                await asyncio.sleep(0.05)
