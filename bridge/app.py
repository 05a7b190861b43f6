"""The composition root: builds every part of the daemon, starts them, and stops them in reverse. Read this file first."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bridge import __version__
from bridge.ami import AmiClient, AmiConfig, AmiError, AmiEvent, AmiState, Connection
from bridge.config.desk_build import build_desk, desk_address
from bridge.config.loader import Loaded, load
from bridge.config.models import Config
from bridge.config.problems import ConfigError
from bridge.core.model import Call
from bridge.core.retention import DiskState
from bridge.deskside import DeskSide
from bridge.fastagi import AgiServer, inherited_sockets
from bridge.flows.books import MARK, Books
from bridge.flows.inbound import Inbound
from bridge.flows.keeping import Keeper
from bridge.flows.live import Live
from bridge.flows.ports import RecordingLaterError, StoreDownError
from bridge.journal import JournalReader
from bridge.measures import GAUGES, HELP
from bridge.recordings.worker import RecordingWorker
from bridge.siteside import SiteSide
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.keeping import KeepingStore
from bridge.store.migrate import migrate, require_current
from bridge.supervise import Parts
from bridge.telemetry.health import DEGRADED, OFF, OK, STARTING, Health
from bridge.telemetry.metrics import Metrics
from bridge.telemetry.monitor import Monitor
from bridge.telemetry.notify import Notifier
from bridge.telemetry.pidfile import PidFile
from bridge.watch import DaemonWatch, Examine

log = logging.getLogger(__name__)

PARTS: Final = ("config", "agi", "ami", "store", "journal", "recordings", "site", "desk", "parts")
WATCH_SECONDS: Final = 0.5
RECONCILE_SECONDS: Final = 60.0
STORE_RETRY_SECONDS: Final = 5.0
DISK_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 3600.0
PRUNE_SECONDS: Final = 86400.0
JOURNAL_BYTES: Final = 16_000_000  #: at this length it is turned over
#: What cannot be changed while calls go on.
_FIXED: Final = ("store", "asterisk", "recordings", "monitor", "log")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Daemon:
    """`callbridge run`. The path of a call needs `inbound` and `agi` alone; everything else may fail and come back meanwhile."""

    def __init__(self, path: Path, loaded: Loaded, examine: Examine | None = None) -> None:
        config = loaded.config
        self.path = path
        self.config = config
        self.database = Database(config.store.dsn())
        self.store = CallStore(self.database)
        self.journal = JournalReader(
            journal_path(config), turn_at=JOURNAL_BYTES, keep_days=config.retention.journal.days
        )
        self.recordings = RecordingWorker(spool_path(config), config.recordings.folder, config.recordings.format)
        self.books = Books(self.store, self.journal, self.recordings, loaded.directory, utc_now)
        self.site = SiteSide(config, loaded.directory, self.database, utc_now, self.books.revised)
        self.books.attributed = self.site.attributed
        self.desk = DeskSide(
            desk_address(config), build_desk(config), loaded.directory, self.database, utc_now, config.recordings.folder
        )
        self.inbound = Inbound(loaded.directory, utc_now, self._on_call)
        self.live = Live(
            lambda: self.books.open_calls,
            lambda: self.books.running and not self.books.store_problem,
            lambda: self.inbound.directory,
            utc_now,
        )
        self.keeper = Keeper(KeepingStore(self.database), self.store, self.recordings, self.books, utc_now)
        self.agi = AgiServer(
            {"inbound": self.inbound}, peers=("127.0.0.0/8", "::1/128", *map(str, config.asterisk.agi.allow))
        )
        self.ami = self._new_ami()
        self.notifier = Notifier()
        self.health = Health(PARTS, changed=self._health_changed)
        self.parts = Parts(lambda problem: self._state("parts", problem))
        self.metrics = Metrics(__version__)
        self.monitor = Monitor(self.health, self.metrics.text, __version__)
        self._stop = asyncio.Event()
        self._last_alive = utc_now()
        self._unseen: datetime | None = None  #: since when calls may have ended unseen; None: that is put right
        self._reconciling = asyncio.Lock()
        self._measure()
        self.watch = DaemonWatch(
            path,
            loaded,
            self.live,
            self.health,
            self.metrics,
            self.database,
            self.site.occupancy,
            self._journal_behind,
            utc_now,
            examine,
        )
        self.desk.watch(self.watch, self.watch)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. A second signal ends the process at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self.reload()))
        agi, monitor = self.config.asterisk.agi.listen, self.config.monitor.listen
        async with AsyncExitStack() as stack:
            prepare_folders(self.config)
            pid_file = PidFile(pid_path(self.config))
            try:
                pid_file.acquire()
            except OSError as error:  # a disk that is full or read-only keeps no call from its way
                log.error(  # noqa: TRY400 - the text says it all
                    "no process id in %s: %s; `callbridge reload` does not find this daemon", pid_file.path, error
                )
            stack.callback(pid_file.release)
            self._config_is(OK, [])
            # first of all, calls are answered
            await self.agi.start(agi.host, agi.port, inherited_sockets(os.environ).get("agi"))
            stack.push_async_callback(self.agi.stop)
            self.health.set("agi", OK)
            await self.monitor.start(monitor.host, monitor.port)
            stack.push_async_callback(self.monitor.stop)
            stack.push_async_callback(self.database.close)
            stack.push_async_callback(self.site.stop)
            stack.push_async_callback(self.recordings.stop)
            stack.push_async_callback(self._end)
            self._state("parts", "")
            for name, work in (
                ("books", self._keep_books),
                ("ami", self._keep_ami),
                ("watch", self._watch),
                ("watchdog", self._beat),
                ("reconcile", self._reconcile_now_and_then),
                ("disk", self._look_at_disk),
                ("recordings", self._keep_recordings),
                ("site", self.site.serve),
                ("visits", self.site.keep),
                ("desk", self.desk.serve),
                ("sums", self.desk.sums.run),
                ("alerts", self.desk.alerting.run),
                ("situation", self.watch.keep),
            ):
                self.parts.start(name, work)
            log.info("calls are answered on %s", agi)
            await self._stop.wait()
            self.notifier.stopping()

    async def reload(self) -> None:
        """Take a new configuration, all or nothing. Calls under way are not touched."""
        self.notifier.reloading()
        try:
            loaded = await asyncio.to_thread(load, self.path)
            fixed = [
                *fixed_changes(self.config, loaded.config),
                *(["site"] if self.site.refuses(loaded.config) else []),
                *(["desk.listen"] if self.desk.refuses(desk_address(loaded.config)) else []),
            ]
            problems = [f"{self.path}: {name}: changed: restart the daemon to apply it" for name in fixed]
        except ConfigError as error:
            problems = [str(problem) for problem in error.problems]
        if problems:
            for problem in problems:
                log.error("not reloaded, the old configuration stays: %s", problem)
            self._config_is("refused", problems)
        else:
            for warning in (*loaded.sound_problems, *loaded.warnings):
                log.warning("%s", warning)
            self.config = loaded.config
            self.inbound.directory = self.books.directory = loaded.directory
            self.site.reload(loaded.config, loaded.directory)
            self.desk.reload(build_desk(loaded.config), loaded.directory)
            self.watch.took(loaded)
            with suppress(StoreDownError):
                await self._note_bindings()
            self._config_is(OK, [])
            log.info("reloaded: %d numbers, %d sources", len(loaded.directory.numbers), len(loaded.directory.sources))
        self.notifier.ready()

    # --- parts that keep running ------------------------------------------------------------------------------------------

    async def _keep_books(self) -> None:
        while not await self._open_store():  # noqa: ASYNC110 - nothing tells when a store is usable again
            await asyncio.sleep(STORE_RETRY_SECONDS)
        await self.books.run()

    def _new_ami(self) -> AmiClient:
        return AmiClient(ami_config(self.config), self._on_event, self._on_connect)

    async def _keep_ami(self) -> None:
        try:
            await self.ami.run()
        finally:
            if not self._stop.is_set():
                self.ami = self._new_ami()  # one runs only once

    async def _look_at_disk(self) -> None:
        """Alarm while there is little room, and no recording while there is next to none."""
        while True:
            limits = self.config.recordings
            try:
                problem = await self.keeper.look_at_disk(limits.stop_below, limits.alarm_below)
            except OSError as error:
                problem = f"the disk of the recordings cannot be looked at: {error}"
            self.inbound.not_recorded = problem if self.keeper.disk is DiskState.STOP else ""
            self._state("recordings", problem)
            await asyncio.sleep(DISK_SECONDS)

    async def _keep_recordings(self) -> None:
        """Once an hour what lies in the spool finds its call; once a day what is too old goes."""
        loop = asyncio.get_running_loop()
        pruned: float | None = None
        while True:
            while not self.books.running:  # noqa: ASYNC110 - nothing tells when the store is usable
                await asyncio.sleep(WATCH_SECONDS)
            try:
                await self.keeper.sweep()
                if pruned is None or loop.time() - pruned > PRUNE_SECONDS:
                    await self._prune()
                    pruned = loop.time()
            except (StoreDownError, RecordingLaterError, OSError) as error:
                log.warning("the recordings cannot be looked through now: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _prune(self) -> None:
        retention = self.config.retention
        rules = retention.rules(await self.recordings.disk_bytes())
        if count := await self.keeper.prune(rules, keep_sidecars=retention.sidecars == "keep"):
            log.info("%d recordings were deleted by their age or the disk budget", count)

    async def _open_store(self) -> bool:
        try:
            if self.config.store.is_sqlite:
                await migrate(self.database)
                await self.database.check_integrity()
            else:
                await require_current(self.database)
            await self._note_bindings()
            await self.site.load()
            await self.books.start()
        except StoreDownError as error:
            if self.health.parts["store"].detail != str(error):
                log.error(  # noqa: TRY400 - the text says it all
                    "the store cannot be used: %s. Calls go on; they are booked from the journal when it can", error
                )
            self.health.set("store", DEGRADED, str(error))
            await self.database.close()  # the next try opens what lies there then
            return False
        return True

    async def _note_bindings(self) -> None:
        await self.store.record_bindings(
            utc_now(), [number.binding for number in self.inbound.directory.numbers.values()]
        )

    async def _watch(self) -> None:
        """The state of the parts, once a second, for people and for systemd."""
        told_ready = False
        while True:
            if self.ami.connected:
                self._last_alive = utc_now()
                self.health.set("ami", OK)
            elif self.ami.state is not AmiState.CONNECTING:
                self.health.set("ami", DEGRADED, self.ami.state)
            if self.books.running:
                self._state("store", self.books.store_problem)
                self._state("journal", self.books.journal_problem or self.journal.problem())
            self.health.set("site", (DEGRADED if self.site.state() else OK) if self.site.on else OFF, self.site.state())
            self.health.set("desk", (DEGRADED if self.desk.problem else OK) if self.desk.on else OFF, self.desk.problem)
            if not told_ready and self._is_ready():
                told_ready = True
                self.notifier.ready()
                log.info("ready")
            await asyncio.sleep(WATCH_SECONDS)

    def _is_ready(self) -> bool:
        """Whether calls are answered and booked. What else is to be seen to (a disk filling up) does not hold up systemd."""
        books = self.books
        return self.ami.connected and books.running and not (books.store_problem or books.journal_problem)

    async def _beat(self) -> None:
        await self.notifier.heartbeat()
        await self._stop.wait()

    def _state(self, part: str, problem: str | None) -> None:
        self.health.set(part, DEGRADED if problem else OK, problem or "")

    def _config_is(self, state: str, problems: list[str]) -> None:
        self.health.set(
            "config",
            state,
            "; ".join(problems[:3]),
            loaded_at=utc_now().isoformat(timespec="milliseconds"),
            problems=problems,
        )

    def _health_changed(self, health: Health) -> None:
        if health.state != STARTING:
            self.notifier.status(health.troubles() or f"answers calls to {len(self.inbound.directory.numbers)} numbers")

    def _on_call(self, call: Call, token: str) -> None:
        call = self.site.attributed(call)
        self.books.opened(call, token)
        self.live.began(call)

    async def _on_event(self, event: AmiEvent) -> None:
        headers = event.headers
        if event.name == "UserEvent" and headers.get("UserEvent") == "BridgeEnd":
            self.books.heard(headers.get("Id", ""), headers.get("Token", ""), headers.get("Journal", ""))
            self.live.heard(headers.get("Id", ""))

    async def _on_connect(self, connection: Connection) -> None:
        last_alive, self._last_alive = self._last_alive, utc_now()
        self._unseen = min(last_alive, self._unseen or last_alive)
        self.inbound.forget_cache()  # it may be another Asterisk, or another AstDB
        await self._reconcile()

    async def _reconcile_now_and_then(self) -> None:
        """Once a minute; at once where it could not be done when it was first due, or where an event told what the journal does not."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            at_once = self._unseen is not None or self.books.rumoured
            due = at_once or (self.books.open_calls and loop.time() - last > RECONCILE_SECONDS)
            if due and self.ami.connected and self.books.running:
                last = loop.time()
                with suppress(AmiError):
                    await self._reconcile()

    async def _reconcile(self) -> None:
        async with self._reconciling:
            if not self.books.running:
                return  # books.start() loads what was left open, then it is done
            unseen = self._unseen
            channels = await self.ami.list_action("Status")
            closed = await self.books.reconcile(
                (event.headers.get("Uniqueid", "") for event in channels),
                self.ami.asterisk_started_at,
                unseen or utc_now(),
            )
            if self._unseen is unseen:
                self._unseen = None
        if closed:
            log.warning("%d calls ended while Asterisk or the link to it was down", closed)

    async def _end(self) -> None:
        await self.ami.aclose()
        await self.parts.stop()
        await self.books.stop()

    def _signalled(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        log.info("stopping")
        self._stop.set()

    async def _journal_behind(self) -> int:
        return await asyncio.to_thread(self.journal.behind, await self.store.get_mark(MARK))

    def _measure(self) -> None:
        counters: dict[str, Callable[[], Any]] = {
            "agi": lambda: self.agi.counters,
            "ami": lambda: self.ami.counters,
            "books": lambda: self.books.counters,
            "journal": lambda: self.journal.counters,
            "recordings": lambda: self.recordings.counters,
            "keeping": lambda: self.keeper.counters,
        }
        for prefix, read in counters.items():
            self.metrics.group(prefix, read, HELP[prefix], GAUGES.get(prefix, ()))
        self.site.measure(self.metrics)
        self.desk.measure(self.metrics)
        gauge = self.metrics.gauge
        gauge("agi_open_sessions", "Calls waiting for their answer now.", lambda: self.agi.open_sessions)
        gauge("ami_connected", "Whether the manager link is up.", lambda: float(self.ami.connected))
        gauge("ami_waiting_events", "Manager events not taken in yet.", lambda: self.ami.waiting_events)
        gauge("disk_free", "Free share of the recordings' disk.", lambda: self.keeper.free)
        gauge("numbers", "Tracked numbers in force.", lambda: len(self.inbound.directory.numbers))
        gauge("journal_bytes", "Size of Asterisk's journal.", self.journal.size)
        self.metrics.counter(
            "part_failures", "Parts of the daemon that failed and were started again.", lambda: self.parts.failures
        )


def fixed_changes(old: Config, new: Config) -> Iterator[str]:
    """The parts of the configuration that differ and cannot be changed while the daemon runs."""
    return (name for name in _FIXED if getattr(old, name) != getattr(new, name))


def journal_path(config: Config) -> Path:
    """The journal Asterisk writes; bridge.conf has the same default."""
    return config.asterisk.spool / "journal.psv"


def spool_path(config: Config) -> Path:
    """The folder Asterisk records into."""
    return config.asterisk.spool / "rec"


def prepare_folders(config: Config) -> None:
    """Make the folders of a first start. One that was there before and is gone (a disk not mounted) is missed by its parent too."""
    folders = [config.recordings.folder, spool_path(config)]
    if config.store.is_sqlite:
        folders.append(Path(config.store.url).parent)
    for folder in folders:
        if folder.is_dir():
            continue
        try:
            folder.mkdir(mode=0o750, parents=True)
            log.warning("made the folder %s", folder)
        except OSError as error:
            log.error("the folder %s cannot be made: %s; `callbridge doctor` says what to do", folder, error.strerror)  # noqa: TRY400


def secrets_of(config: Config) -> list[str]:
    """What must never stand in a log."""
    return [secret.value for _, secret in config.secrets()]


def ami_config(config: Config) -> AmiConfig:
    ami = config.asterisk.ami
    return AmiConfig(username=ami.user, secret=ami.secret.value, host=ami.host, port=ami.port)


def pid_path(config: Config) -> Path:
    """Where the running daemon says its process id, for `callbridge reload`."""
    folder = Path(config.store.url).parent if config.store.is_sqlite else config.recordings.folder
    return folder / "callbridge.pid"
