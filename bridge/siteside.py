"""The site's side of the daemon, put together: visits, their service, and how calls find their visit. Off without the section `site`."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Mapping
from typing import Final

from bridge.config.models import Config
from bridge.config.site_build import build_sites
from bridge.core.directory import Directory
from bridge.core.model import Call
from bridge.flows.attributing import AttributingCounters, Revised
from bridge.flows.ports import Clock
from bridge.flows.visit_words import VisitCounters
from bridge.flows.visits import Visits
from bridge.flows.writing import WritingCounters
from bridge.store.engine import Database
from bridge.store.visits import VisitStore
from bridge.telemetry.metrics import Metrics
from bridge.web.site.service import SiteCounters, SiteService

log = logging.getLogger(__name__)

_TRY_AGAIN: Final = 5.0
_LOOK: Final = 0.5

_SITE = {
    "visits": "Pages that asked for their number.",
    "beats": "Signs of life of pages.",
    "events": "Taps, copies, pages opened and closed.",
    "scripts": "Requests for the snippet.",
    "robots": "Pages opened by programs, which get no number.",
    "malformed": "Requests that no page of ours sends.",
    "foreign": "Requests from pages of no site of ours.",
    "limited": "Requests beyond the limits.",
    "failed": "Requests that could not be answered.",
}
_VISITS = {
    "begun": "Visits begun.",
    "covered": "Visits that were shown a number of their own.",
    "default": "Visits that were shown their source's default number.",
    "printed": "Visits whose source has no number: they see the printed one.",
    "not_durable": "Numbers not shown at once because the store was too slow.",
    "beats": "Signs of life of known visits.",
    "swapped_back": "Pages told to show another number than before.",
    "taps": "Phone links tapped and numbers copied.",
    "unknown": "Signs of life of visits nobody remembers.",
    "forgotten": "Visits deleted from the books when their time was over.",
    "open": "Visits kept in memory.",
}
_WRITING = {
    "batches": "Transactions with visits and leases.",
    "leases": "Leases written.",
    "failures": "Failed tries to write visits.",
    "refused": "Leases or visits the store would not take.",
    "dropped": "Facts given up while the store was down, because too many waited.",
    "waiting": "Leases that are not in the store yet.",
}
_ATTRIBUTING = {
    "visit": "Calls to numbers of pools that were booked on a visit.",
    "source": "Calls to numbers of pools that were booked on their source only.",
    "revised": "Attributions changed by late evidence.",
    "failed": "Calls that could not be attributed.",
}


def seldom_collect() -> None:
    """Python's collector of cycles stops everything while it looks through what is kept, and visits make none: with Python's own settings
    it stops a busy service for a tenth of a second at a time.
    """
    gc.collect()
    gc.freeze()  # what was loaded stays
    gc.set_threshold(20_000, 50, 100)


class SiteSide:
    """`revised` is told of calls that are to be booked otherwise. Everything may be called whether the section is there or not."""

    def __init__(
        self, config: Config, directory: Directory, database: Database, clock: Clock, revised: Revised
    ) -> None:
        self.problem = ""  #: why the service does not answer; "" if it does, or is off
        self._config = config
        self._directory = directory
        self._visits: Visits | None = None
        self._service: SiteService | None = None
        sites = build_sites(config)
        if sites is not None and config.site is not None:
            self._visits = Visits(VisitStore(database), clock, sites, directory, revised)
            self._service = SiteService(self._visits, config.site.trusted_proxies, config.site.region_header)

    @property
    def on(self) -> bool:
        return self._visits is not None

    def state(self) -> str:
        """What is wrong with it; "" if nothing is."""
        return self.problem or (self._visits.writing.problem or "" if self._visits else "")

    def attributed(self, call: Call) -> Call:
        """`call` with its visit, if it came from one."""
        return call if self._visits is None else self._visits.attributing.attributed(call)

    async def load(self) -> None:
        """What the store knows of visits. Raises StoreDownError; before the books begin, so that they find every call's visit."""
        if self._visits is not None and not self._visits.loaded:
            await self._visits.load()
            seldom_collect()

    async def serve(self) -> None:
        """Listen until cancelled; where the address cannot be had, try again."""
        service, wanted = self._service, self._config.site
        if service is None or wanted is None:
            await asyncio.Event().wait()
            return
        while True:
            try:
                await service.start(wanted.listen.host, wanted.listen.port)
                break
            except OSError as error:
                if not self.problem:
                    log.error("the sites are not served: %s: %s", wanted.listen, error.strerror)  # noqa: TRY400
                self.problem = f"{wanted.listen}: {error.strerror}"
                await asyncio.sleep(_TRY_AGAIN)
        self.problem = ""
        log.info("the sites are served on %s", wanted.listen)
        try:
            await asyncio.Event().wait()
        finally:
            await service.stop()

    async def keep(self) -> None:
        """Write visits down, and look after them, until cancelled."""
        while self._visits is None or not self._visits.loaded:  # noqa: ASYNC110 - nothing tells when the store is usable
            await asyncio.sleep(_LOOK if self._visits else 3600.0)
        await self._visits.run()

    async def stop(self) -> None:
        """Write down what is not written yet."""
        if self._visits is not None:
            await self._visits.stop()

    def refuses(self, config: Config) -> bool:
        """Whether the new configuration needs a restart: the service comes, goes, or listens elsewhere."""
        old, new = self._config.site, config.site
        return (old and old.listen) != (new and new.listen)

    def reload(self, config: Config, directory: Directory) -> None:
        """Go on with a new configuration that `refuses` did not refuse."""
        self._config = config
        sites = build_sites(config)
        if self._visits is None or self._service is None or sites is None or config.site is None:
            return
        self._visits.set_directory(directory, sites)
        self._service.trust(config.site.trusted_proxies, config.site.region_header)

    def measure(self, metrics: Metrics) -> None:
        """Metrics, all zero while it is off."""
        visits, service = self._visits, self._service
        metrics.group("site", lambda: service.counters if service else SiteCounters(), _SITE)
        metrics.group("visits", lambda: visits.counters if visits else VisitCounters(), _VISITS, ("open",))
        metrics.group(
            "visits_written", lambda: visits.writing.counters if visits else WritingCounters(), _WRITING, ("waiting",)
        )
        metrics.group(
            "attributed", lambda: visits.attributing.counters if visits else AttributingCounters(), _ATTRIBUTING
        )
        metrics.gauge("pool_numbers", "Numbers in a source's pool.", lambda: self._occupancy(0), "source")
        metrics.gauge(
            "pool_busy_numbers",
            "Numbers held by visits that may not be disturbed.",
            lambda: self._occupancy(1),
            "source",
        )

    def occupancy(self) -> Mapping[str, tuple[int, int, int]]:
        """By source: numbers in its pool, held by visits that may not be disturbed, held at all."""
        return {} if self._visits is None or not self._visits.loaded else self._visits.occupancy()

    def _occupancy(self, which: int) -> Mapping[str, float]:
        return {} if self._visits is None else {s: float(o[which]) for s, o in self._visits.occupancy().items()}
