"""What the desk's reports need of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from bridge.core.desk.sums import GroupPath, Hour, Level, Occupancy, Operator, Order, Row, Series
from bridge.core.report import Step, Tally


class Sums(Protocol):
    """Sums over the calls of local days, from `begin` to before `end`. Every method may raise StoreDownError.

    Their cost goes with what is shown. A day that has changed is answered as it was last summed up, seconds ago.
    """

    async def total(self, begin: date, end: date, path: GroupPath = ()) -> Tally:
        """The tally of one group."""
        ...

    async def of(self, begin: date, end: date, paths: Sequence[GroupPath]) -> dict[GroupPath, Tally]:
        """The tallies of these groups: of the same ones in the period before, for one."""
        ...

    async def tallies(
        self,
        begin: date,
        end: date,
        level: Level = Level.SOURCE,
        under: GroupPath = (),
        *,
        limit: int = 50,
        order: Order = "calls",
    ) -> list[Row]:
        """The first groups of a level below the group `under`, by `order` from the most down."""
        ...

    async def series(self, begin: date, end: date, step: Step, paths: Sequence[GroupPath] = ((),)) -> Series:
        """The tallies of these groups in each day, week or month."""
        ...

    async def heat(self, begin: date, end: date, source: GroupPath = ()) -> tuple[tuple[Hour, ...], ...]:
        """Seven weekdays, from Monday, of 24 hours: of all calls, or of a source by its path."""
        ...

    async def pages(self, begin: date, end: date, source: GroupPath = (), limit: int = 20) -> list[tuple[str, int]]:
        """The pages that visits saw before most calls, and before how many."""
        ...

    async def operators(
        self, begin: date, end: date, line: str | None = None, step: Step | None = None
    ) -> list[Operator]:
        """Every phone's answered calls (of one line), in all, or in each day, week or month; in order of time, most calls first."""
        ...

    async def occupancy(
        self, begin: datetime, end: datetime, source: str | None = None, *, by_day: bool = False
    ) -> list[Occupancy]:
        """What the pools (of one source) did in each hour, or each local day; hours without anything are left out."""
        ...
