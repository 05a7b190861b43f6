"""What the page Now asks of the books: today's calls beside those of the same weekdays before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from bridge.core.report import Period, Tally
from bridge.store.engine import Database
from bridge.store.filters import CallFilter
from bridge.store.reports import Reports


class NowStore:
    """May raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database, spam: Callable[[], Collection[str]] = tuple) -> None:
        self._reports = Reports(database, spam)
        self._past: dict[tuple[Period, tuple[str, ...] | None], Tally] = {}
        self._asking = asyncio.Lock()

    async def today(self, periods: Sequence[Period], lines: tuple[str, ...] | None) -> list[Tally]:
        """The tally of each period, of the calls on `lines` (None: all). The first is counted anew each time, the others are kept."""
        async with self._asking:  # many pages ask for the same at the same time
            unknown = [period for period in periods[1:] if (period, lines) not in self._past]
            wanted = CallFilter(lines=lines) if lines else CallFilter()
            if lines == ():
                return [Tally()] * len(periods)
            rows = await self._reports.tallies([periods[0], *unknown], wanted, by_source=False)
            found = {row.period: row.tally for row in rows}
            if len(self._past) > 200:
                self._past.clear()
            self._past |= {(period, lines): found.get(period, Tally()) for period in unknown}
            return [found.get(periods[0], Tally()), *(self._past[period, lines] for period in periods[1:])]
