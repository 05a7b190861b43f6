# ruff: noqa: S608 - texts of our own and whole numbers, values are bound
"""Reports from the rollups: their cost goes with what is shown, not with how many calls there were.

Days are local ones, from `begin` to before `end`. A group is named by its path: ``()`` is all calls, ``("avito",)`` a source, then campaign,
keyword and landing page; None is none. A day that has changed a moment ago is answered as it was last summed up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.days import Days, day_number, parts_of, steps
from bridge.core.desk.sums import ORDERS, GroupPath, Hour, Level, Occupancy, Operator, Order, Row, Series
from bridge.core.report import Step, Tally
from bridge.store import rollup_sql as sql
from bridge.store.engine import Database
from bridge.store.rollup_keeper import MONTHS
from bridge.store.schema import Instant

_SUMS: Final = (*sql.SUMS, "expected", "newcomers")
_SUMMED: Final = ", ".join(f"sum(r.{name}) AS {name}" for name in _SUMS)


class Rollups:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def total(self, begin: date, end: date, path: GroupPath = ()) -> Tally:
        """The tally of one group."""
        return (await self.of(begin, end, [path]))[path]

    async def of(self, begin: date, end: date, paths: Sequence[GroupPath]) -> dict[GroupPath, Tally]:
        """The tallies of these groups."""
        found = await self._tallies(begin, end, [Days("", begin, end)], paths)
        return {path: tallies[0] for path, tallies in found.items()}

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
        """The `limit` first groups of a level below the group `under`, by `order` from the most down; those without anything are left out."""
        if order not in ORDERS:
            raise ValueError(f"no order {order!r}")
        meant = {"level": int(level), **{name: part or "" for name, part in zip(sql.KEYS, under, strict=False)}}
        where = " AND ".join(f"g.{name} = :{name}" for name in meant)
        keys = ", ".join(f"g.{name}" for name in sql.KEYS)
        async with self._database.reading() as connection:
            parts = parts_of(begin, end, await _closed(connection))
            if not parts:
                return []
            query = (
                f"WITH spans(low, high) AS (VALUES {_spans(parts)})"
                f" SELECT g.id, {keys}, {_SUMMED} FROM rollup_groups g CROSS JOIN spans s JOIN rollups r ON r.group_id = g.id"
                f" AND r.period BETWEEN s.low AND s.high WHERE {where} GROUP BY g.id, {keys} ORDER BY {order} DESC, {keys} LIMIT :most"
            )
            rows = (await connection.execute(text(query), {**meant, "most": limit})).mappings().all()
            again = await _returning(
                connection, [row["id"] for row in rows], [(part, 0, day_number(begin)) for part in parts]
            )
        return [
            Row(tuple(row[name] or None for name in sql.KEYS[:level]), _tally(row, again.get((row["id"], 0), 0)))
            for row in rows
        ]

    async def series(self, begin: date, end: date, step: Step, paths: Sequence[GroupPath] = ((),)) -> Series:
        """The tallies of these groups in each day, week or month; unique callers are counted within each."""
        periods = steps(begin, end, step)
        return Series(tuple(periods), await self._tallies(begin, end, periods, paths))

    async def heat(self, begin: date, end: date, source: GroupPath = ()) -> tuple[tuple[Hour, ...], ...]:
        """Seven weekdays, from Monday, of 24 hours: of all calls, or of a source by its path."""
        async with self._database.reading() as connection:
            parts = parts_of(begin, end, await _closed(connection))
            found: dict[tuple[int, int], Hour] = {}
            if parts:
                sums = ", ".join(f"sum(r.{name})" for name in sql.HOURLY)
                query = (
                    f"WITH spans(low, high) AS (VALUES {_spans(parts)}) SELECT r.weekday, r.hour, {sums}"
                    f" FROM rollup_groups g CROSS JOIN spans s JOIN rollup_hours r ON r.group_id = g.id"
                    f" AND r.period BETWEEN s.low AND s.high WHERE {_GROUP} GROUP BY r.weekday, r.hour"
                )
                for row in await connection.execute(text(query), _named(source[:1])):
                    weekday, hour, calls, answered, missed, wait_ms, mos, measured = row
                    mean = mos / int(measured) if measured else None
                    found[weekday, hour] = Hour(int(calls), int(answered), int(missed), int(wait_ms), mean)
        return tuple(tuple(found.get((weekday, hour), Hour()) for hour in range(24)) for weekday in range(7))

    async def pages(self, begin: date, end: date, source: GroupPath = (), limit: int = 20) -> list[tuple[str, int]]:
        """The pages that visits saw before most calls, and before how many; of all calls, or of a source by its path."""
        async with self._database.reading() as connection:
            parts = parts_of(begin, end, await _closed(connection))
            if not parts:
                return []
            query = (
                f"WITH spans(low, high) AS (VALUES {_spans(parts)}) SELECT r.page, sum(r.calls) AS calls"
                f" FROM rollup_groups g CROSS JOIN spans s JOIN rollup_pages r ON r.group_id = g.id"
                f" AND r.period BETWEEN s.low AND s.high WHERE {_GROUP} GROUP BY r.page ORDER BY calls DESC, r.page LIMIT :most"
            )
            rows = await connection.execute(text(query), {**_named(source[:1]), "most": limit})
            return [(row[0], int(row[1])) for row in rows]

    async def operators(
        self, begin: date, end: date, line: str | None = None, step: Step | None = None
    ) -> list[Operator]:
        """Every phone's answered calls (of one line), in all, or in each day, week or month; in order of time, most calls first."""
        periods = steps(begin, end, step) if step else [Days("", begin, end)]
        sums = ", ".join(f"sum(r.{name}) AS {name}" for name in sql.OPERATORS)
        of_line = "" if line is None else " AND r.line = :line"
        async with self._database.reading() as connection:
            parts = _parts_by_period(periods, await _closed(connection))
            if not parts:
                return []
            query = (
                f"WITH parts(period, place, since) AS (VALUES {_values(parts)}) SELECT p.place, r.line, r.answered_by, {sums}"
                f" FROM parts p CROSS JOIN rollup_operators r WHERE r.period = p.period{of_line}"
                " GROUP BY p.place, r.line, r.answered_by ORDER BY p.place, calls DESC, r.line, r.answered_by"
            )
            rows = (await connection.execute(text(query), {} if line is None else {"line": line})).mappings().all()
        return [_operator(periods[row["place"]], row) for row in rows]

    async def occupancy(
        self, begin: datetime, end: datetime, source: str | None = None, *, by_day: bool = False
    ) -> list[Occupancy]:
        """What the pools (of one source) did in each hour, or each local day, in order; hours without anything are left out."""
        at = "(SELECT k.begin_at FROM rollup_calendar k WHERE k.begin_at <= r.hour_at ORDER BY k.begin_at DESC LIMIT 1)"
        of_source = "" if source is None else " AND r.source = :source"
        query = text(
            f"SELECT r.source, {at if by_day else 'r.hour_at'} AS at, sum(r.visits) AS visits, sum(r.covered) AS covered, max(r.peak) AS peak,"
            " sum(r.busy_ms) AS busy_ms, sum(r.taken) AS taken, sum(r.early) AS early FROM rollup_pools r"
            f" WHERE r.hour_at >= :begin AND r.hour_at < :end{of_source} GROUP BY 1, 2 ORDER BY 2, 1"
        ).columns(at=Instant())
        typed = [bindparam("begin", begin, Instant()), bindparam("end", end, Instant())]
        if source is not None:
            typed.append(bindparam("source", source))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.bindparams(*typed))).all()
        length = 86_400_000 if by_day else 3_600_000
        return [
            Occupancy(
                row.source,
                row.at,
                int(row.visits),
                int(row.covered),
                int(row.peak),
                int(row.busy_ms) / length,
                int(row.taken),
                int(row.early),
            )
            for row in rows
            if row.at is not None
        ]

    # --- inside -----------------------------------------------------------------------------------------------------------

    async def _tallies(
        self, begin: date, end: date, periods: Sequence[Days], paths: Sequence[GroupPath]
    ) -> dict[GroupPath, tuple[Tally, ...]]:
        found: dict[GroupPath, list[Tally]] = {path: [Tally()] * len(periods) for path in paths}
        async with self._database.reading() as connection:
            parts = _parts_by_period(periods, await _closed(connection))
            groups: dict[int, GroupPath] = {}
            for path in paths:
                values = _named(path)
                for (group,) in await connection.execute(
                    text(f"SELECT g.id FROM rollup_groups g WHERE {_GROUP}"), values
                ):
                    groups[group] = path
            if not groups or not parts:
                return {path: tuple(tallies) for path, tallies in found.items()}
            query = (
                f"WITH parts(period, place, since) AS (VALUES {_values(parts)}) SELECT r.group_id AS id, p.place, {_SUMMED}"
                f" FROM parts p CROSS JOIN rollups r WHERE r.group_id IN ({_ids(groups)}) AND r.period = p.period GROUP BY r.group_id, p.place"
            )
            rows = (await connection.execute(text(query))).mappings().all()
            again = await _returning(connection, list(groups), parts)
        for row in rows:
            found[groups[row["id"]]][row["place"]] = _tally(row, again.get((row["id"], row["place"]), 0))
        return {path: tuple(tallies) for path, tallies in found.items()}


_GROUP: Final = "g.level = :level AND " + " AND ".join(f"g.{name} = :{name}" for name in sql.KEYS)


def _named(path: GroupPath) -> dict[str, Any]:
    """What `_GROUP` asks for."""
    parts = [part or "" for part in path] + [""] * (len(sql.KEYS) - len(path))
    return {"level": len(path), **dict(zip(sql.KEYS, parts, strict=True))}


async def _closed(connection: AsyncConnection) -> int:
    """The last month that has sums of its own; 0: none."""
    found = (await connection.execute(text("SELECT value FROM marks WHERE key = :key"), {"key": MONTHS})).scalar()
    return int(found or 0)


async def _returning(
    connection: AsyncConnection, groups: Sequence[int], parts: Sequence[tuple[int, int, int]]
) -> dict[tuple[int, int], int]:
    """By group and place: callers whose last call before, in this group, was from before the place's first day."""
    if not groups:
        return {}
    query = (
        f"WITH parts(period, place, since) AS (VALUES {_values(parts)}) SELECT c.group_id, p.place, sum(c.calls)"
        f" FROM parts p CROSS JOIN rollup_callers c WHERE c.group_id IN ({_ids(groups)}) AND c.period = p.period"
        " AND c.previous_day < p.since GROUP BY c.group_id, p.place"
    )
    return {(group, place): int(count) for group, place, count in await connection.execute(text(query))}


def _parts_by_period(periods: Sequence[Days], closed: int) -> list[tuple[int, int, int]]:
    """(period in the tables, place in `periods`, its first day)."""
    return [
        (part, place, day_number(days.begin))
        for place, days in enumerate(periods)
        for part in parts_of(days.begin, days.end, closed)
    ]


def _values(parts: Sequence[tuple[int, int, int]]) -> str:
    return ", ".join(f"({period}, {place}, {since})" for period, place, since in parts)


def _ids(groups: Sequence[int] | Mapping[int, GroupPath]) -> str:
    return ", ".join(map(str, groups))


def _spans(parts: Sequence[int]) -> str:
    """The parts as ranges: days stand beside days, months beside months."""
    runs = [list(run) for _, run in groupby(parts, key=lambda part: part > 1_000_000)]
    return ", ".join(f"({run[0]}, {run[-1]})" for run in runs)


def _tally(row: Mapping[Any, Any], returning: int) -> Tally:
    names = {field.name for field in fields(Tally)}
    counts = {name: int(row[name]) for name in _SUMS if name in names and name != "expected"}
    return replace(Tally(**counts), expected=float(row["expected"]), unique=int(row["newcomers"]) + returning)


def _operator(period: Days, row: Mapping[Any, Any]) -> Operator:
    measured, scored = int(row["measured"]), int(row["scored"])
    return Operator(
        period=period,
        line=row["line"] or None,
        answered_by=row["answered_by"] or None,
        calls=int(row["calls"]),
        target=int(row["target"]),
        talk_ms=int(row["talk_ms"]),
        wait_ms=int(row["wait_ms"]),
        waits=(
            int(row["within_5"]), int(row["within_10"]), int(row["within_20"]), int(row["within_30"]), int(row["within_60"]), int(row["later"])
        ),
        score=row["score"] / scored if scored else None,
        scored=scored,
        mos=row["mos"] / measured if measured else None,
        measured=measured,
    )  # fmt: skip
