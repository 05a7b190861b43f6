"""Keeps the rollups: days that are marked are summed up anew from the raw rows, one at a time.

A day is gathered into temporary tables first and written afterwards, so that the lock on the database is held for moments. Marks that came
meanwhile stay; marks that somebody else has done away with meanwhile make the work void. So any number of keepers may run at once.
"""

# ruff: noqa: S608 - texts of our own, values are bound

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from math import isclose
from typing import Any, Final

from bridge.core.desk.days import begin_of, date_of, day_number, days_from, hours_of, month_number, next_month
from bridge.flows.ports import StoreDownError
from bridge.store import rollup_sql as sql
from bridge.store.engine import Database
from bridge.store.rollup_pools import sum_up_pools
from bridge.store.rollup_runner import Rows, Runner, work_on
from bridge.store.schema import metadata

log = logging.getLogger(__name__)

BASIS: Final = "rollups.basis"  #: the mark of what the sums were made with
MONTHS: Final = "rollups.months"  #: the mark of the last month that is summed up as a whole
POOLS: Final = "rollups.pools"  #: the mark of how far pools are summed up
_VERSION: Final = 1
_EVERY: Final = 2.0
_POOLS_EVERY: Final = 60.0
_REST: Final = 4.0  #: it works a fifth of the time at the most
_TOLD_EVERY: Final = 15.0
_TABLES: Final = tuple(sql.OF_DAY)
_COLUMNS: Final = {name: tuple(column.name for column in metadata.tables[name].columns) for name in _TABLES}
_IN_DAY: Final = "at >= :begin AND at < :end"


@dataclass(frozen=True, slots=True)
class Difference:
    """What the rollups of a day or month say otherwise than the raw rows: the table, and rows on either side alone."""

    period: int
    table: str
    kept: int
    counted: int


class RollupKeeper:
    """`run` is the one task of the daemon. `targets` and `spam`: the classes that count as such; `idle`: seconds after which a number may be taken.

    Every method may raise StoreBusy or StoreUnavailable, but for `run`.
    """

    def __init__(
        self,
        database: Database,
        zone: tzinfo,
        targets: Sequence[str],
        clock: Callable[[], datetime],
        *,
        spam: Sequence[str] = (),
        idle: float = 300.0,
    ) -> None:
        self.problem = ""  #: why the sums cannot be kept now
        self._database = database
        self._clock = clock
        self._pools_at = -_POOLS_EVERY
        self._idle = idle
        self.set_basis(zone, targets, spam)

    def set_basis(self, zone: tzinfo, targets: Sequence[str], spam: Sequence[str] = ()) -> None:
        """A reload: where this is new, all is summed up anew."""
        self._zone = zone
        self._targets = sorted(targets)
        self._spam = sorted(spam)
        self._basis = json.dumps([_VERSION, str(zone), self._targets, self._spam])

    async def run(self) -> None:
        """Keep the sums until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self.settle(resting=True)
                self.problem = ""
            except StoreDownError as error:
                self.problem = str(error)
            await asyncio.sleep(max(_EVERY, _REST * (loop.time() - began)))

    async def settle(self, say: Callable[[int, int], None] | None = None, *, resting: bool = False) -> int:
        """Sums up whatever is marked now; how many days it was. `say` is told how many are done, and of how many.

        `resting`: with breaks, and pools not every time.
        """
        loop = asyncio.get_running_loop()
        days = await work_on(self._database, self._prepare)
        told = loop.time()
        if len(days) > 2:
            log.info("the sums of %d days are made anew", len(days))
        for done, day in enumerate(days):
            if say is not None:
                say(done, len(days))
            began = loop.time()
            await work_on(self._database, partial(self._sum_up, day=day))
            if resting and len(days) > 2:
                if began - told > _TOLD_EVERY:
                    told = began
                    log.info("%d of %d days are summed up", done, len(days))
                await asyncio.sleep(loop.time() - began)
        if say is not None:
            say(len(days), len(days))
        more = True
        while more:
            more = await work_on(self._database, self._close_month)
        if not resting or loop.time() - self._pools_at >= _POOLS_EVERY:
            self._pools_at = loop.time()
            while await work_on(self._database, self._pools):
                if resting:
                    await asyncio.sleep(0.05)
        return len(days)

    async def rebuild(self, say: Callable[[int, int], None] | None = None) -> int:
        """Sums up everything anew from the raw rows; how many days."""
        await work_on(self._database, partial(self._all_anew, forced=True))
        return await self.settle(say)

    async def check(self, say: Callable[[int, int], None] | None = None) -> list[Difference]:
        """Compares all days and months with the raw rows; days that are marked wait for their turn, and are left out."""
        days = await work_on(self._database, _calendar_days)
        found: list[Difference] = []
        for done, day in enumerate(days):
            if say is not None:
                say(done, len(days))
            found += await work_on(self._database, partial(self._differences, day=day))
        for month in sorted({month_number(day) for day in days}):
            found += await work_on(self._database, partial(_month_differences, month=month))
        if say is not None:
            say(len(days), len(days))
        return found

    async def waiting(self) -> int:
        """How many marks wait."""
        return int(
            (await work_on(self._database, lambda runner: runner.run("SELECT count(*) FROM rollup_dirty")))[0][0]
        )

    # --- the pieces of work, each over one connection ------------------------------------------------------------------

    def _prepare(self, runner: Runner) -> list[date]:
        """The marked days, the latest first. Where the sums were made with something else, these are all."""
        if _mark(runner, BASIS) != self._basis:
            self._all_anew(runner, forced=False)
        self._extend_calendar(runner)
        rows = runner.run(
            "SELECT DISTINCT (SELECT k.day FROM rollup_calendar k WHERE k.begin_at <= d.at ORDER BY k.begin_at DESC LIMIT 1)"
            " FROM rollup_dirty d"
        )
        return sorted((date_of(day) for (day,) in rows if day is not None), reverse=True)

    def _all_anew(self, runner: Runner, *, forced: bool) -> None:
        runner.lock()
        if not forced and _mark(runner, BASIS) == self._basis:
            return  # somebody else was quicker
        runner.run("DELETE FROM rollup_calendar")
        for table in _TABLES:
            runner.run(f"DELETE FROM {table} WHERE period < 1000000")
        _set_mark(runner, MONTHS, "0")
        _set_mark(runner, POOLS, "")
        _set_mark(runner, BASIS, self._basis)
        first, last = runner.run("SELECT min(started_at), max(started_at) FROM calls")[0]
        kept = runner.run("SELECT min(period), max(period) FROM rollups")[0]
        bounds = [runner.moment(at).astimezone(self._zone).date() for at in (first, last) if at is not None]
        bounds += [date_of(period) for period in kept if period is not None]
        if bounds:
            days = [begin_of(day, self._zone) for day in days_from(min(bounds), max(bounds))]
            runner.many("INSERT INTO rollup_dirty (at) VALUES (:at)", [{"at": at} for at in days])

    def _extend_calendar(self, runner: Runner) -> None:
        """The calendar goes from the first call's day to the last one's: so that every call before another one has its day."""
        if not self._days_missing(runner):
            return
        runner.lock()
        days = self._days_missing(runner)  # still earlier ones may have come
        rows = [{"at": begin_of(day, self._zone), "day": day_number(day)} for day in days]
        runner.many("INSERT INTO rollup_calendar (begin_at, day) VALUES (:at, :day) ON CONFLICT DO NOTHING", rows)

    def _days_missing(self, runner: Runner) -> list[date]:
        marked = runner.run("SELECT min(at), max(at) FROM rollup_dirty")[0]
        wanted = [runner.moment(at).astimezone(self._zone).date() for at in marked if at is not None]
        known = [
            date_of(day) for day in runner.run("SELECT min(day), max(day) FROM rollup_calendar")[0] if day is not None
        ]
        both = [*wanted, *known]
        return [] if not wanted or known == [min(both), max(both)] else list(days_from(min(both), max(both)))

    def _sum_up(self, runner: Runner, day: date) -> None:
        self._extend_calendar(runner)
        values = self._values(day)
        seen, latest = runner.run(f"SELECT count(*), max(id) FROM rollup_dirty WHERE {_IN_DAY}", values)[0]
        if not seen:
            return
        busy = self._gather(runner, day)
        runner.lock()
        mine = f"id <= :latest AND {_IN_DAY}"
        if runner.run(f"SELECT count(*) FROM rollup_dirty WHERE {mine}", {**values, "latest": latest})[0][0] != seen:
            return
        if busy:
            runner.run(sql.NEW_GROUPS)
            runner.run(sql.NEW_ORIGINS)
        for table, select in sql.OF_DAY.items():
            runner.run(f"DELETE FROM {table} WHERE period = :period", values)
            if busy:
                runner.run(f"INSERT INTO {table} ({', '.join(_COLUMNS[table])}) {select}", values)
        if month_number(day) <= int(_mark(runner, MONTHS) or 0):
            _sum_up_month(runner, month_number(day))
        runner.run(f"DELETE FROM rollup_dirty WHERE {mine}", {**values, "latest": latest})

    def _values(self, day: date) -> dict[str, Any]:
        end = begin_of(day + timedelta(days=1), self._zone)
        return {
            "begin": begin_of(day, self._zone),
            "end": end,
            "period": day_number(day),
            "weekday": day.weekday(),
            **{f"target_{place}": name for place, name in enumerate(self._targets)},
            **{f"spam_{place}": name for place, name in enumerate(self._spam)},
        }

    def _gather(self, runner: Runner, day: date) -> bool:
        """Fills the temporary tables; False for a day without calls, which needs none."""
        values = self._values(day)
        if not runner.run("SELECT 1 FROM calls WHERE started_at >= :begin AND started_at < :end LIMIT 1", values):
            return False
        for statement in sql.create(runner.dialect):
            runner.run(statement)
        slots = [{"at": at, "hour": hour} for at, hour in hours_of(day, self._zone)]
        runner.many("INSERT INTO day_slots (begin_at, hour) VALUES (:at, :hour)", slots)
        for statement in sql.gather(runner.dialect, len(self._targets), len(self._spam)):
            runner.run(statement, values)
        return True

    def _close_month(self, runner: Runner) -> bool:
        """The first month that is over and has no sums of its own gets them; whether there was one."""
        closed = int(_mark(runner, MONTHS) or 0)
        first = runner.run("SELECT min(day) FROM rollup_calendar")[0][0]
        if first is None:
            return False
        month = next_month(date(closed // 100, closed % 100, 1)) if closed else date_of(first)
        number = month_number(month)
        if number >= month_number(self._clock().astimezone(self._zone).date()):
            return False
        runner.lock()
        if int(_mark(runner, MONTHS) or 0) == closed:
            _sum_up_month(runner, number)
            _set_mark(runner, MONTHS, str(number))
        return True

    def _pools(self, runner: Runner) -> bool:
        """Some hours of the pools; whether there are more."""
        through = _mark(runner, POOLS)
        done = sum_up_pools(runner, datetime.fromisoformat(through) if through else None, self._clock(), self._idle)
        if done is None:
            return False
        _set_mark(runner, POOLS, done.at.astimezone(UTC).isoformat())
        return done.more

    def _differences(self, runner: Runner, day: date) -> list[Difference]:
        values = self._values(day)
        if runner.run(f"SELECT 1 FROM rollup_dirty WHERE {_IN_DAY} LIMIT 1", values):
            return []
        if not self._gather(runner, day):
            return [found for table in _TABLES for found in _compare(runner, table, [], values)]
        missing = runner.run(
            "SELECT count(*) FROM (SELECT DISTINCT level, source, campaign, keyword, landing FROM day_groups) AS s"
            " WHERE NOT EXISTS (SELECT 1 FROM rollup_groups g WHERE g.level = s.level AND g.source = s.source"
            " AND g.campaign = s.campaign AND g.keyword = s.keyword AND g.landing = s.landing)"
        )[0][0]
        found = [Difference(day_number(day), "rollup_groups", 0, missing)] if missing else []
        for table, select in sql.OF_DAY.items():
            found += _compare(runner, table, runner.run(select, values), values)
        return found


def _calendar_days(runner: Runner) -> list[date]:
    return [date_of(day) for (day,) in runner.run("SELECT day FROM rollup_calendar ORDER BY day")]


def _sum_up_month(runner: Runner, month: int) -> None:
    values = _month_values(month)
    for table in _TABLES:
        runner.run(f"DELETE FROM {table} WHERE period = :period", values)
        runner.run(f"INSERT INTO {table} ({', '.join(_COLUMNS[table])}) {sql.month_select(table)}", values)


def _month_values(month: int) -> dict[str, Any]:
    return {"period": month, "first": month * 100 + 1, "last": month * 100 + 31}


def _month_differences(runner: Runner, month: int) -> list[Difference]:
    if month > int(_mark(runner, MONTHS) or 0):
        return []
    values = _month_values(month)
    return [
        found
        for table in _TABLES
        for found in _compare(runner, table, runner.run(sql.month_select(table), values), values)
    ]


def _compare(runner: Runner, table: str, wanted: Rows, values: dict[str, Any]) -> list[Difference]:
    columns = ", ".join(_COLUMNS[table])
    counted = sorted(map(tuple, wanted))
    kept = sorted(map(tuple, runner.run(f"SELECT {columns} FROM {table} WHERE period = :period", values)))
    if len(kept) == len(counted) and all(map(_same, kept, counted)):
        return []
    return [Difference(values["period"], table, len(set(kept) - set(counted)), len(set(counted) - set(kept)))]


def _same(kept: tuple[Any, ...], counted: tuple[Any, ...]) -> bool:
    """Sums of shares may differ by what the order of adding makes."""
    return all(
        isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) if isinstance(one, float) else one == other
        for one, other in zip(kept, counted, strict=True)
    )


def _mark(runner: Runner, key: str) -> str | None:
    rows = runner.run("SELECT value FROM marks WHERE key = :key", {"key": key})
    return rows[0][0] if rows else None


def _set_mark(runner: Runner, key: str, value: str) -> None:
    runner.run(
        "INSERT INTO marks (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        {"key": key, "value": value},
    )
