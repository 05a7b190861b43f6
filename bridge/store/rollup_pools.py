"""What pools did, hour by hour: from leases and visits, while they are kept."""

# ruff: noqa: S608 - texts of our own, values are bound

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bridge.store.rollup_runner import Runner

_AT_ONCE: Final = timedelta(hours=24)
_AGAIN: Final = timedelta(
    hours=2
)  #: a visit without a sign of life for half an hour is over: before that nothing changes any more
_LONGEST: Final = timedelta(hours=12)  #: of a visit
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Done:
    """Summed up to `at`; `more`: that was not all."""

    at: datetime
    more: bool


def sum_up_pools(runner: Runner, through: datetime | None, now: datetime, idle: float) -> Done | None:
    """Sums up the hours since `through` (None: since the first visit there is), a day's worth at the most. None: nothing to do."""
    begin = _first(runner) if through is None else _hour(min(through, now) - _AGAIN)
    if begin is None:
        return None
    following = runner.run("SELECT min(began_at) FROM visits WHERE began_at >= :at", {"at": begin + _AT_ONCE})[0][0]
    end = min(begin + _AT_ONCE, _hour(now) + _HOUR)
    if begin >= end:
        return None
    values = {"begin": begin, "end": end, "longest": begin - _LONGEST, "idle": idle}
    for statement in _create(runner.dialect):
        runner.run(statement)
    hours = [begin + n * _HOUR for n in range((end - begin) // _HOUR)]
    runner.many(
        "INSERT INTO pool_hours (begin_at, end_at) VALUES (:at, :until)",
        [{"at": at, "until": at + _HOUR} for at in hours],
    )
    for statement in _gather(runner.dialect):
        runner.run(statement, values)
    runner.lock()
    runner.run("DELETE FROM rollup_pools WHERE hour_at >= :begin AND hour_at < :end", values)
    runner.run(_WRITE)
    if end < now and (following is None or runner.moment(following) > end + _LONGEST):
        return Done(now if following is None else min(runner.moment(following) + _AGAIN, now), following is not None)
    return Done(min(end, now), end < now)


def _first(runner: Runner) -> datetime | None:
    """The first hour that can be told of: where sums are there already, what they were made from may be forgotten in part."""
    first = runner.run("SELECT min(began_at) FROM visits")[0][0]
    if first is None:
        return None
    hour = _hour(runner.moment(first))
    return hour + _HOUR if runner.run("SELECT 1 FROM rollup_pools LIMIT 1") else hour


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _create(dialect: str) -> list[str]:
    instant = "timestamptz" if dialect == "postgresql" else "TEXT"
    tables = {
        "pool_hours": f"begin_at {instant} PRIMARY KEY, end_at {instant} NOT NULL",
        "pool_held": f"source TEXT NOT NULL, began_at {instant} NOT NULL, until {instant} NOT NULL",
        "pool_sums": f"source TEXT NOT NULL, hour_at {instant} NOT NULL, {', '.join(f'{name} BIGINT NOT NULL' for name in _SUMS)}",
    }
    if dialect == "postgresql":
        return [f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP" for name, columns in tables.items()]
    return [f"CREATE TEMP TABLE {name} ({columns})" for name, columns in tables.items()]


def _gather(dialect: str) -> list[str]:
    least, most = ("least", "greatest") if dialect == "postgresql" else ("min", "max")
    seconds = (
        "extract(epoch FROM ({}) - ({}))" if dialect == "postgresql" else "((julianday({}) - julianday({})) * 86400)"
    )
    hour = "(SELECT h.begin_at FROM pool_hours h WHERE h.begin_at <= {} ORDER BY h.begin_at DESC LIMIT 1)"
    overlap = seconds.format(f"{least}(p.until, h.end_at)", f"{most}(p.began_at, h.begin_at)")
    entered = f"{most}(pool_held.began_at, (SELECT min(f.begin_at) FROM pool_hours f))"
    last = f"{most}(b.active_at, coalesce(b.left_at, b.active_at))"
    return [
        "INSERT INTO pool_held SELECT source, began_at, active_at FROM leases"
        " WHERE began_at >= :longest AND began_at < :end AND active_at >= :begin",
        f"INSERT INTO pool_sums SELECT source, {hour.format('began_at')} AS hour_at, count(*), sum(CASE WHEN covered THEN 1 ELSE 0 END), 0, 0, 0, 0"
        " FROM visits WHERE began_at >= :begin AND began_at < :end AND source IS NOT NULL GROUP BY 1, 2",
        f"INSERT INTO pool_sums SELECT p.source, h.begin_at, 0, 0, 0, CAST(round(sum({overlap}) * 1000) AS BIGINT), 0, 0"
        " FROM pool_held p JOIN pool_hours h ON h.begin_at <= p.until AND h.end_at > p.began_at GROUP BY 1, 2",
        # what comes and goes in order; those who come at the same moment as others go meet them
        "INSERT INTO pool_sums SELECT source, hour_at, 0, 0, max(held), 0, 0, 0 FROM (SELECT source, hour_at,"
        " sum(change) OVER (PARTITION BY source ORDER BY at, change DESC ROWS UNBOUNDED PRECEDING) AS held FROM ("
        f" SELECT source, {entered} AS at, 1 AS change, {hour.format(entered)} AS hour_at FROM pool_held"
        f" UNION ALL SELECT source, until, -1, {hour.format('pool_held.until')} FROM pool_held"
        " UNION ALL SELECT s.source, h.begin_at, 0, h.begin_at FROM pool_hours h CROSS JOIN (SELECT DISTINCT source FROM pool_held) s"
        ") AS steps) AS running GROUP BY source, hour_at",
        f"INSERT INTO pool_sums SELECT n.source, {hour.format('n.began_at')} AS hour_at, 0, 0, 0, 0, count(*),"
        f" sum(CASE WHEN {seconds.format('b.ended_at', last)} < :idle THEN 1 ELSE 0 END) FROM leases n JOIN leases b ON b.number = n.number"
        " AND b.began_at = (SELECT max(q.began_at) FROM leases q WHERE q.number = n.number AND q.began_at < n.began_at)"
        " WHERE n.began_at >= :begin AND n.began_at < :end AND b.ended_at IS NOT NULL GROUP BY 1, 2",
    ]


_SUMS: Final = ("visits", "covered", "peak", "busy_ms", "taken", "early")
_WRITE: Final = (
    f"INSERT INTO rollup_pools (source, hour_at, {', '.join(_SUMS)})"
    f" SELECT source, hour_at, {', '.join(f'sum({name})' for name in _SUMS)} FROM pool_sums GROUP BY source, hour_at"
    f" HAVING {' + '.join(f'sum({name})' for name in _SUMS)} > 0"
)
