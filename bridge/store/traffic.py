"""The site's own past: its visits with their calls as traffic to be replayed, and what its pools did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from bridge.core.simulation.traffic import MadeCall, TrafficVisit
from bridge.store.engine import Database
from bridge.store.schema import calls
from bridge.store.visit_schema import leases, visits

SURE = 0.5  #: calls less certain than that do not count as their visit's


@dataclass(slots=True)
class PoolPast:
    """One source's visits since some time. `spans` are (began, last sign of life) of all of them, `held` those of its leases with
    their end, all in epoch seconds; `taken_early` counts numbers taken less than `idle` seconds after the last sign of life.
    """

    spans: list[tuple[float, float]] = field(default_factory=list)
    covered: int = 0
    held: list[tuple[float, float]] = field(default_factory=list)
    reissued: int = 0
    taken_early: int = 0
    calls: int = 0
    bound: int = 0  #: of them, booked on a visit


class Past:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def traffic(self, since: datetime, source: str | None = None, most: int | None = None) -> list[TrafficVisit]:
        """Visits with a source (or of this one) that began after `since`, the `most` latest of them, by their beginning, with the calls
        booked on them.
        """
        of_source = visits.c.source.is_not(None) if source is None else visits.c.source == source
        query = (
            select(visits).where(visits.c.began_at >= since, of_source).order_by(visits.c.began_at.desc()).limit(most)
        )
        held = select(leases.c.visit, leases.c.left_at, leases.c.taps).where(leases.c.active_at >= since)
        made = select(calls.c.visit, calls.c.started_at, calls.c.caller).where(
            calls.c.visit.is_not(None), calls.c.started_at >= since, calls.c.attribution_confidence >= SURE
        )
        left: dict[str, float] = {}
        taps: dict[str, set[float]] = {}
        rang: dict[str, list[MadeCall]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(held):
                taps.setdefault(row.visit, set()).update(row.taps)
                if row.left_at is not None:
                    left[row.visit] = max(left.get(row.visit, 0.0), row.left_at.timestamp())
            for row in await connection.execute(made.order_by(calls.c.started_at)):
                rang.setdefault(row.visit, []).append(MadeCall(row.started_at.timestamp(), row.caller))
            rows = (await connection.execute(query)).all()[::-1]
        found = []
        for row in rows:
            began = row.began_at.timestamp()
            leaves = max(row.active_at.timestamp(), left.get(row.id, began))
            found.append(
                TrafficVisit(
                    visit=row.id,
                    at=began,
                    source=row.source,
                    client=row.visitor,
                    leaves=leaves,
                    mobile=row.mobile,
                    region=row.region,
                    taps=tuple(sorted(tap for tap in taps.get(row.id, ()) if began <= tap <= leaves)),
                    calls=tuple(call for call in rang.get(row.id, ()) if call.at >= began),
                )
            )
        return found

    async def pools(self, since: datetime, idle: float) -> dict[str, PoolPast]:
        """What each source's pool did since then."""
        found: dict[str, PoolPast] = {}
        seen = (
            select(visits.c.source, visits.c.began_at, visits.c.active_at, visits.c.covered)
            .where(visits.c.began_at >= since, visits.c.source.is_not(None))
            .order_by(visits.c.began_at)
        )
        held = select(leases).where(or_(leases.c.ended_at.is_(None), leases.c.ended_at >= since))
        pooled = and_(calls.c.binding == "pool", calls.c.started_at >= since)
        made = select(calls.c.source, func.count(), func.count(calls.c.visit)).where(pooled).group_by(calls.c.source)
        async with self._database.reading() as connection:
            for row in await connection.execute(seen):
                past = found.setdefault(row.source, PoolPast())
                past.spans.append((row.began_at.timestamp(), row.active_at.timestamp()))
                past.covered += row.covered
            for row in await connection.execute(held):
                past = found.setdefault(row.source, PoolPast())
                last = max(row.active_at, row.left_at or row.active_at)
                past.held.append((row.began_at.timestamp(), (row.ended_at or last).timestamp()))
                if row.ended_at is not None:
                    past.reissued += 1
                    past.taken_early += (row.ended_at - last).total_seconds() < idle
            for source, count, bound in await connection.execute(made):
                past = found.setdefault(source, PoolPast())
                past.calls, past.bound = count, bound
        return found
