"""The desk of the daemon, put together: its service over the store. Off without the section `desk`."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from bridge.core.desk.alerts import Alert
from bridge.core.desk.settings import DeskSettings
from bridge.core.directory import Directory
from bridge.flows.alerting import Alerting, Teller
from bridge.flows.desk_setup import NoSetUp, SetUp
from bridge.flows.live import Unwatched, Watch
from bridge.flows.pool_lab import PoolLab
from bridge.flows.ports import Clock
from bridge.flows.sums import Sums
from bridge.store.accounts import AccountStore
from bridge.store.alerts import AlertStore
from bridge.store.desk_call import DeskCallStore
from bridge.store.desk_calls import CallLists
from bridge.store.desk_missed import MissedStore
from bridge.store.desk_now import NowStore
from bridge.store.desk_pools import PoolAnswers
from bridge.store.desk_quality import QualityStore
from bridge.store.desk_saying import SayingStore
from bridge.store.desk_setup import LastCalls
from bridge.store.engine import Database
from bridge.store.rollup_keeper import RollupKeeper
from bridge.store.rollups import Rollups
from bridge.telemetry.metrics import Metrics
from bridge.telling.mail import MailTeller
from bridge.telling.webhook import WebhookTeller
from bridge.web.desk.call_ports import OneCall
from bridge.web.desk.calls_ports import Lists, Saying
from bridge.web.desk.context import Desk
from bridge.web.desk.missed import Missed
from bridge.web.desk.now import Today
from bridge.web.desk.peaks import Peaks
from bridge.web.desk.pools import Lab
from bridge.web.desk.pools import Past as PoolsPast
from bridge.web.desk.quality import Quality
from bridge.web.desk.service import DeskService
from bridge.web.desk.set_up import LastCalled
from bridge.web.desk.sound import Listenings
from bridge.web.desk.sound_files import SoundFolder

log = logging.getLogger(__name__)

_TRY_AGAIN: Final = 5.0
_COUNTED: Final = {
    "requests": "Pages and pieces of pages that people asked for.",
    "refused": "Requests that nobody signed in, or his role, or another site's page, may not make.",
    "limited": "Tries to sign in beyond the limits.",
    "failed": "Pages that could not be made, through a mistake of ours.",
}

_ALERTS: Final = {
    "delivered": "Missed calls that somebody was told of.",
    "failed": "Tries to tell of a missed call that failed.",
    "given_up": "Missed calls nobody could be told of, in all the tries.",
}


class DeskSide:
    """Everything may be called whether the section is there or not: `listen` None is off."""

    def __init__(
        self,
        listen: tuple[str, int] | None,
        settings: DeskSettings,
        directory: Directory,
        database: Database,
        clock: Clock,
        recordings: Path | None = None,
    ) -> None:
        self.problem = ""  #: why it does not answer; "" if it does, or is off
        self._listen = listen
        self.desk = Desk(settings, directory, AccountStore(database), clock)
        self.desk.stores[Today] = NowStore(database, lambda: self.desk.settings.spam)
        self.lab = PoolLab(PoolAnswers(database))
        self.desk.stores |= {PoolsPast: Rollups(database), Lab: self.lab}
        self.desk.stores[Watch] = Unwatched()
        self.desk.stores[SetUp] = NoSetUp()
        self.desk.stores[LastCalled] = LastCalls(database)
        self.desk.stores |= {Lists: CallLists(database), Saying: SayingStore(database)}
        self.desk.stores |= {OneCall: DeskCallStore(database), Listenings: Listenings(), Peaks: Peaks()}
        self.desk.stores[SoundFolder] = SoundFolder(recordings)
        self.desk.stores[Sums] = Rollups(database)
        self.alerting = Alerting(AlertStore(database), clock)
        self.sums = RollupKeeper(database, directory.zone, settings.targets, clock, spam=settings.spam)
        self.desk.stores[Missed] = MissedStore(database)
        self.desk.stores[Quality] = QualityStore(database)
        self.service = DeskService(self.desk)
        self._tell()

    def watch(self, now: Watch, set_up: SetUp) -> None:
        """Show this daemon on the pages Now and Set-up."""
        self.desk.stores |= {Watch: now, SetUp: set_up}

    @property
    def on(self) -> bool:
        return self._listen is not None

    async def serve(self) -> None:
        """Listen until cancelled; where the address cannot be had, try again."""
        if self._listen is None:
            await asyncio.Event().wait()
            return
        host, port = self._listen
        while True:
            try:
                await self.service.start(host, port)
                break
            except OSError as error:
                if not self.problem:
                    log.error("the desk is not served: %s:%d: %s", host, port, error.strerror)  # noqa: TRY400
                self.problem = f"{host}:{port}: {error.strerror}"
                await asyncio.sleep(_TRY_AGAIN)
        self.problem = ""
        log.info("the desk is served on %s:%d", host, port)
        try:
            await asyncio.Event().wait()
        finally:
            await self.lab.stop()
            await self.service.stop()

    def refuses(self, listen: tuple[str, int] | None) -> bool:
        """Whether a new configuration needs a restart: the desk comes, goes, or listens elsewhere."""
        return listen != self._listen

    def measure(self, metrics: Metrics) -> None:
        """Metrics, all zero while it is off."""
        metrics.group("desk", lambda: self.service.gate.counters, _COUNTED)
        metrics.group("alerts", lambda: self.alerting.counters, _ALERTS)

    def reload(self, settings: DeskSettings, directory: Directory) -> None:
        self.desk.settings, self.desk.directory = settings, directory
        self.sums.set_basis(directory.zone, settings.targets, settings.spam)
        self._tell()

    def _tell(self) -> None:
        """Whom missed calls are told to."""
        settings, directory = self.desk.settings, self.desk.directory
        tellers: dict[str, Teller] = {}
        if self.on and settings.mail is not None:
            language = directory.language.partition("_")[0]
            tellers["mail"] = MailTeller(
                settings.mail, language, directory.zone, settings.url, partial(_titles, directory)
            )
        if self.on and settings.webhook is not None:
            tellers["webhook"] = WebhookTeller(settings.webhook, settings.url)
        self.alerting.tellers = tellers
        self.alerting.after = timedelta(seconds=settings.missed_after)
        self.alerting.without = tuple(c.name for c in settings.classes.values() if c.counts == "spam")


def _titles(directory: Directory, alert: Alert) -> tuple[str, str]:
    """Of its source and its line."""
    source, line = directory.sources.get(alert.source or ""), directory.lines.get(alert.line or "")
    return source.title if source else alert.source or "", line.title if line else alert.line or ""
