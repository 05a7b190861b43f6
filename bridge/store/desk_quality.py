"""The week's sample, drawn and kept; and how calls sounded, straight from their rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, bindparam, insert, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.days import begin_of, days_from, hours_of
from bridge.core.desk.quality import LEAST_TALK, Candidate, Sample, Sampled, SoundSums, draw, is_over
from bridge.store.desk_schema import audit, samples
from bridge.store.engine import Database
from bridge.store.records import pieces
from bridge.store.schema import Instant, calls

_c = calls.c
_ROWS: Final = 1000  #: read at once; between them others have their turn
_KEEP: Final = timedelta(seconds=30)  #: so long the drawing of the running week stands
_PLAIN: Final = ("started_at", "caller", "caller_name", "source", "campaign", "keyword", "answered_by", "score")
_SHOWN: Final = ("id", *_PLAIN, "talk_ms", "class")


class QualityStore:
    """Every method may raise StoreBusy or StoreUnavailable. `spam`: classes that count as spam."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: tuple[tuple[date, int, Sequence[str]], datetime, list[str]] | None = None

    async def sample(self, week: date, size: int, spam: Sequence[str], zone: tzinfo, now: datetime) -> Sample:
        """The calls of the week from that Monday on. What was drawn for a week that is over stays, whatever is asked later."""
        end = begin_of(week + timedelta(days=7), zone)
        kept = await self._kept(week)
        if kept:
            return Sample(tuple(await self._calls(kept)), drawn=True)
        if is_over(end, now):
            kept = await self._keep(week, await self._draw(week, size, spam, zone))
            return Sample(tuple(await self._calls(kept)), drawn=True)
        asked = (week, size, tuple(spam))
        if self._running is None or self._running[0] != asked or not timedelta(0) <= now - self._running[1] < _KEEP:
            self._running = asked, now, await self._draw(week, size, spam, zone)
        return Sample(tuple(await self._calls(self._running[2])), drawn=False)

    async def sound(self, begin: date, end: date, spam: Sequence[str], zone: tzinfo) -> list[SoundSums]:
        """Sums over the measured calls of these days (few, for every call is looked at), by trunk and hour of the clock."""
        hours = [
            (day, at, hour) for day in days_from(begin, end - timedelta(days=1)) for at, hour in hours_of(day, zone)
        ]
        if not hours:
            return []
        edges = [at for _, at, _ in hours] + [begin_of(end, zone)]
        names = [f"(:from_{n}, :to_{n}, {hour})" for n, (_, _, hour) in enumerate(hours)]
        postgres = self._database.path is None
        if postgres:
            names = [
                f"(CAST(:from_{n} AS timestamptz), CAST(:to_{n} AS timestamptz), {hour})"
                for n, (_, _, hour) in enumerate(hours)
            ]
        query = text(_SOUND.format(hours=", ".join(names), spam=_not_of(spam), **_figures(postgres=postgres)))
        bound = [bindparam(f"from_{n}", at, Instant()) for n, at in enumerate(edges[:-1])]
        bound += [bindparam(f"to_{n}", at, Instant()) for n, at in enumerate(edges[1:])]
        bound += [bindparam(f"spam_{n}", name) for n, name in enumerate(spam)]
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.bindparams(*bound).columns(hour=Integer()))).all()
        return [
            SoundSums(
                row.trunk, row.hour, int(row.measured), float(row.mos), float(row.lost or 0), float(row.packets or 0),
                float(row.jitter or 0), int(row.jittered),
            )
            for row in rows
        ]  # fmt: skip

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _draw(self, week: date, size: int, spam: Sequence[str], zone: tzinfo) -> list[str]:
        begin, end = begin_of(week, zone), begin_of(week + timedelta(days=7), zone)
        found: list[Candidate] = []
        query = select(_c.id, _c.answered_by, _c.source).where(*_may_be_drawn(begin, end, spam))
        async with self._database.reading() as connection:
            rows = await connection.stream(query.execution_options(yield_per=_ROWS))
            async for some in rows.partitions(_ROWS):
                found += [Candidate(*row) for row in some]
        return await asyncio.to_thread(draw, week, found, size)

    async def _kept(self, week: date) -> list[str]:
        async with self._database.reading() as connection:
            return await _kept(connection, week)

    async def _keep(self, week: date, drawn: Sequence[str]) -> list[str]:
        """What stands in the books for good: what was `drawn`, unless somebody else was quicker."""
        if not drawn:
            return []
        async with self._database.writing() as connection:
            kept = await _kept(connection, week)
            if kept:
                return kept
            there = set((await connection.execute(select(_c.id).where(_c.id.in_(drawn)))).scalars())
            rows = [{"week": week.isoformat(), "call_id": call_id, "place": n} for n, call_id in enumerate(drawn)]
            await connection.execute(insert(samples), [row for row in rows if row["call_id"] in there])
        return [call_id for call_id in drawn if call_id in there]

    async def _calls(self, ids: Sequence[str]) -> list[Sampled]:
        """In that order; those that are gone are left out."""
        rows: dict[str, Any] = {}
        heard: set[str] = set()
        async with self._database.reading() as connection:
            for some in pieces(list(ids)):
                found = await connection.execute(select(*(_c[name] for name in _SHOWN)).where(_c.id.in_(some)))
                rows |= {row["id"]: row for row in found.mappings()}
                listened = select(audit.c.call_id).where(audit.c.call_id.in_(some), audit.c.action == "listen")
                heard.update((await connection.execute(listened.distinct())).scalars())
        return [_sampled(rows[call_id], call_id in heard) for call_id in ids if call_id in rows]


async def _kept(connection: AsyncConnection, week: date) -> list[str]:
    query = select(samples.c.call_id).where(samples.c.week == week.isoformat()).order_by(samples.c.place)
    return list((await connection.execute(query)).scalars())


def _may_be_drawn(begin: datetime, end: datetime, spam: Sequence[str]) -> list[ColumnElement[bool]]:
    """Answered, talked long enough, recorded, and no spam."""
    where = [
        _c.started_at >= begin,
        _c.started_at < end,
        _c.recording_status == literal_column("'kept'"),  # as in the index of these calls
        _c.answered_at.is_not(None),
        _c.talk_ms >= round(LEAST_TALK * 1000),
        _c.spam.is_(False),
    ]
    if spam:
        where.append(_c["class"].is_(None) | _c["class"].not_in(spam))
    return where


def _sampled(row: Any, heard: bool) -> Sampled:
    said = {"talk": None if row["talk_ms"] is None else row["talk_ms"] / 1000, "class_": row["class"], "heard": heard}
    return Sampled(call_id=row["id"], **{name: row[name] for name in _PLAIN}, **said)


#: One range of the index by time for each hour. MOS: ITU-T G.107, from the rating that Asterisk gives what came by the trunk; 0 is none.
_SOUND: Final = """
WITH hours(begin_at, end_at, hour) AS (VALUES {hours}),
heard AS (
  SELECT c.trunk, h.hour, {rxmes} AS mes, {lp} AS lost, {rxcount} AS packets, {rxjitter} AS jitter
  FROM hours h CROSS JOIN calls c
  WHERE c.started_at >= h.begin_at AND c.started_at < h.end_at AND c.answered_at IS NOT NULL AND NOT c.spam AND {spam}
)
SELECT trunk, hour, count(*) AS measured, sum(1 + 0.035 * mes + mes * (mes - 60) * (100 - mes) * 0.000007) AS mos,
  sum(CASE WHEN packets > 0 AND lost >= 0 THEN lost END) AS lost,
  sum(CASE WHEN packets > 0 AND lost >= 0 THEN packets + lost END) AS packets, sum(jitter) AS jitter, count(jitter) AS jittered
FROM heard WHERE mes > 0 GROUP BY trunk, hour ORDER BY trunk, hour
"""


def _figures(*, postgres: bool) -> dict[str, str]:
    """How a figure of RTCP is taken out of `quality`."""
    take = "(c.quality ->> '{}')" if postgres else "json_extract(c.quality, '$.{}')"
    return {name: f"CAST({take.format(name)} AS DOUBLE PRECISION)" for name in ("rxmes", "lp", "rxcount", "rxjitter")}


def _not_of(classes: Sequence[str]) -> str:
    if not classes:
        return "1 = 1"
    return f"coalesce(c.\"class\", '') NOT IN ({', '.join(f':spam_{n}' for n in range(len(classes)))})"
