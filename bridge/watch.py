"""The running daemon as the desk sees it: calls of this minute, health, figures, the configuration in force."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from bridge import __version__, web
from bridge.config.loader import Loaded
from bridge.config.shown import check_again, view_of
from bridge.core.desk.live import LiveCall
from bridge.core.desk.setup import Checked, ConfigView, Facts, Figure, Site
from bridge.core.desk.situation import Alarm, Occupancy, PartState, alarms_of
from bridge.flows.live import Live
from bridge.flows.ports import Clock, StoreDownError
from bridge.recordings.scan import disk_space
from bridge.store.engine import Database
from bridge.store.sizes import database_bytes
from bridge.telemetry.health import Health
from bridge.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

SAMPLE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 600.0
_HOUR: Final = 3600.0

#: What a look at the installation finds; every now and then, beside everything else.
Examine: TypeAlias = Callable[[Loaded, Database], Awaitable[Iterable[Alarm]]]


class DaemonWatch:
    """Implements the desk's `Watch` and `SetUp`. `occupancy` is as SiteSide says it, `behind` as the journal's reader does."""

    def __init__(
        self,
        path: Path,
        loaded: Loaded,
        live: Live,
        health: Health,
        metrics: Metrics,
        database: Database,
        occupancy: Callable[[], Mapping[str, tuple[int, int, int]]],
        behind: Callable[[], Awaitable[int]],
        clock: Clock,
        examine: Examine | None = None,
    ) -> None:
        self.live = live
        self._path = path
        self._health = health
        self._metrics = metrics
        self._database = database
        self._occupancy = occupancy
        self._behind = behind
        self._clock = clock
        self._examine = examine
        self._found: list[Alarm] = []
        self._samples: deque[tuple[float, dict[str, float]]] = deque()
        self._checked: tuple[object, Checked] | None = None
        self.took(loaded)

    def took(self, loaded: Loaded) -> None:
        """This configuration is in force from now on."""
        self._loaded = loaded
        self._view = view_of(loaded, self._clock())
        self._checked = None

    async def keep(self) -> None:
        """Remember the counters of the last hour, and look around now and then, until cancelled."""
        loop = asyncio.get_running_loop()
        looked: float | None = None
        while True:
            self._sample(loop.time())
            if self._examine is not None and (looked is None or loop.time() - looked >= LOOK_SECONDS):
                looked = loop.time()
                try:
                    self._found = list(await self._examine(self._loaded, self._database))
                except Exception:
                    log.exception("the installation could not be looked at")
            await asyncio.sleep(SAMPLE_SECONDS)

    # --- Watch --------------------------------------------------------------------------------------------------------

    def calls(self) -> tuple[LiveCall, ...]:
        return self.live.calls()

    async def moved(self, seconds: float) -> None:
        await self.live.moved(seconds)

    def occupancy(self) -> list[Occupancy]:
        return [Occupancy(source, *held) for source, held in self._occupancy().items()]

    def parts(self) -> list[PartState]:
        return [PartState(name, part.state, part.since, part.detail) for name, part in self._health.parts.items()]

    def alarms(self) -> list[Alarm]:
        warnings = [Alarm("note", text, raw=True) for text in self._view.warnings]
        titles = {name: source.title for name, source in self._loaded.directory.sources.items()}
        return alarms_of(self.parts(), self._grown(), self.occupancy(), [*self._found, *warnings], titles)

    # --- SetUp --------------------------------------------------------------------------------------------------------

    def config(self) -> ConfigView:
        return self._view

    async def check(self) -> Checked:
        """Read again only where a file has changed since."""
        state = tuple(_stamp(Path(name)) for name in self._loaded.places.texts)
        if self._checked is None or self._checked[0] != state:
            self._checked = (state, await asyncio.to_thread(check_again, self._path, self._loaded))
        return self._checked[1]

    def figures(self) -> list[Figure]:
        found = []
        for family in self._metrics.registry.collect():
            for sample in family.samples:
                name = sample.name.removeprefix("callbridge_")
                if not name.startswith(("process_", "build_")):
                    found.append(Figure(name, family.documentation, sample.value, dict(sample.labels)))
        return found

    async def facts(self) -> Facts:
        config = self._loaded.config
        folder = config.recordings.folder
        try:
            space = await asyncio.to_thread(disk_space, folder)
        except OSError:
            space = None
        journal = config.asterisk.spool / "journal.psv"
        try:
            behind = await self._behind()
        except (OSError, StoreDownError):
            behind = None
        return Facts(
            version=__version__,
            started_at=self._health.started_at,
            pid=os.getpid(),
            database=self._database.name,
            database_bytes=await database_bytes(self._database),
            disk=str(folder),
            disk_free=space.free if space else None,
            disk_share=space.share if space else None,
            journal=str(journal),
            journal_bytes=journal.stat().st_size if journal.exists() else None,
            journal_behind=behind,
            sites=tuple(self._sites()),
        )

    def _sites(self) -> Iterable[Site]:
        service = self._loaded.config.site
        if service is None:
            return
        manifest = Path(web.__path__[0]) / "static" / "s" / "manifest.json"
        try:
            built = json.loads(manifest.read_text())
        except (OSError, ValueError):
            built = None
        for name, site in service.sites.items():
            # the web server before the service has a name that this configuration does not know
            base = f'https://CALLS-HOST/s/{{}}" data-site="{name}"'
            tag = f'<script async src="{base.format("v1.js")}></script>'
            pinned = ""
            if built is not None:
                hashed = f'integrity="{built["integrity"]}" crossorigin="anonymous"'
                pinned = f'<script async src="{base.format(built["immutable"])} {hashed}></script>'
            yield Site(name, tuple(site.domains), tag, pinned)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _sample(self, now: float) -> None:
        self._samples.append((now, self._counters()))
        while len(self._samples) > 1 and self._samples[1][0] <= now - _HOUR:
            self._samples.popleft()

    def _counters(self) -> dict[str, float]:
        return {
            figure.name.removesuffix("_total"): figure.value
            for figure in self.figures()
            if figure.name.endswith("_total") and not figure.labels
        }

    def _grown(self) -> dict[str, float]:
        before = self._samples[0][1] if self._samples else {}
        return {name: value - before.get(name, 0.0) for name, value in self._counters().items()}


def _stamp(path: Path) -> tuple[float, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime, about.st_size, about.st_ino
