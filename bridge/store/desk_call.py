"""One call with all that is known of it, and its correction by a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.core.desk.query import CallQuery
from bridge.core.desk.saying import Entry, Said
from bridge.core.desk.story import Booked, Past, Story
from bridge.core.model import Attribution, AttributionKind, Call
from bridge.core.site import Visit
from bridge.store import records
from bridge.store.credit import CREDITED, credits_of, mark_changed
from bridge.store.desk_query import conditions, found_ids
from bridge.store.desk_schema import changes, checks, tags
from bridge.store.engine import Database
from bridge.store.records import latest_revision, pieces
from bridge.store.rows import call_from, storable_text
from bridge.store.schema import calls
from bridge.store.visit_rows import note_from, visit_from
from bridge.store.visit_schema import attributions, pages, visits
from bridge.store.visits import BRIDGE

ATTRIBUTION = "attribution"  #: what `changes` calls it


class DeskCallStore:
    """Every method may raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call(self, call_id: str, within: CallQuery, zone: tzinfo) -> Call | None:
        """The call of that id, if it is `within` what may be seen."""
        query = records.by_id(call_id).where(*conditions(within, zone))
        async with self._database.reading() as connection:
            found = await records.load(connection, query)
        return found[0] if found else None

    async def neighbours(self, call: Call, query: CallQuery, zone: tzinfo) -> tuple[str | None, str | None]:
        """Ids of the calls before and after this one in the list of a query, which is newest first."""
        here = (call.started_at, call.id)
        newer = select(calls.c.id).where(*conditions(query, zone), tuple_(calls.c.started_at, calls.c.id) > here)
        newer = newer.order_by(calls.c.started_at, calls.c.id).limit(1)
        async with self._database.reading() as connection:
            above = (await connection.execute(newer)).scalar()
            below = (await connection.execute(found_ids(query, zone, 1, here))).first()
        return above, below.id if below else None

    async def story(self, call_id: str) -> Story | None:
        """All that the books know of a call, as of one moment."""
        async with self._database.reading() as connection:
            row = (await connection.execute(records.by_id(call_id))).mappings().one_or_none()
            if row is None:
                return None
            (call,) = await records.with_rings(connection, [row])
            query = select(attributions).where(attributions.c.call_id == call_id).order_by(attributions.c.seq)
            notes = [note_from(found) for found in (await connection.execute(query)).mappings()]
            booked = tuple(Booked(note.at, note.attribution, note.by, note.candidates) for note in notes)
            wanted = {visit for step in booked for visit, _ in step.candidates}
            wanted |= {step.attribution.visit or "" for step in booked} | {call.attribution.visit or ""}
            of_call = select(changes).where(changes.c.call_id == call_id).order_by(changes.c.seq.desc())
            changed = tuple(
                Entry(call_id, c["at"], c["by"], c["what"], c["before"], c["after"], c["batch"])
                for c in (await connection.execute(of_call)).mappings()
            )
            said = Said(
                row["class"],
                tuple((await connection.execute(_tags_of(call_id))).scalars()),
                row["comment"] or "",
                row["value"],
                {c.item: c.passed for c in await connection.execute(select(checks).where(checks.c.call_id == call_id))},
            )
            return Story(
                call,
                said,
                booked,
                await _visits(connection, wanted - {""}, call.attribution.visit),
                changed,
                row["wants_callback"],
                row["called_back_at"],
                row["called_back_by"],
            )

    async def earlier(self, call: Call, within: CallQuery, zone: tzinfo, limit: int) -> list[Past]:
        """The calls this caller made before this one, the latest first, as far as they are `within` what may be seen."""
        if call.caller is None:
            return []
        his = (calls.c.caller == call.caller, calls.c.started_at < call.started_at)
        query = select(calls).where(*his, *conditions(within, zone))
        query = query.order_by(calls.c.started_at.desc(), calls.c.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = [(call_from(row, ()), row["class"]) for row in rows]
        return [
            Past(c.id, c.started_at, c.number, c.attribution.source, c.line, c.outcome, c.talk_seconds, class_)
            for c, class_ in found
        ]

    async def correct(
        self, call_id: str, found: Attribution, *, by: str, at: datetime, batch: str
    ) -> Attribution | None:
        """Books a call otherwise, by a person's word: `calls` says it, the history has what was and is, `changes` who did it.

        Returns what the books said before; None where there is no such call, or they say that already.
        """
        async with self._database.writing(durable=True) as connection:
            return await _book(connection, call_id, found, by=by, at=at, batch=batch, reason=found.reason)

    async def take_back(self, call_id: str, batch: str, *, by: str, at: datetime, undone_as: str) -> bool:
        """Books a call as it was before the correction of that batch; `undone_as` is the new change's batch.

        False where there is no such correction, or the call has been booked otherwise since.
        """
        which = (changes.c.call_id == call_id, changes.c.batch == batch, changes.c.what == ATTRIBUTION)
        async with self._database.writing(durable=True) as connection:
            change = (await connection.execute(select(changes).where(*which))).mappings().first()
            if change is None or not change["before"]:
                return False
            call = await records.load(connection, records.by_id(call_id))
            if not call or as_json(call[0].attribution) != change["after"]:
                return False
            before = from_json(change["before"])
            return (
                await _book(connection, call_id, before, by=by, at=at, batch=undone_as, reason=before.reason)
                is not None
            )


def as_json(found: Attribution) -> dict[str, Any]:
    """An attribution as `changes` has it."""
    return {
        "kind": found.kind.value,
        "source": found.source,
        "visit": found.visit,
        "confidence": found.confidence,
        "reason": found.reason,
    }


def from_json(value: dict[str, Any]) -> Attribution:
    """An attribution that `changes` has."""
    return Attribution(
        AttributionKind(value["kind"]), value["source"], value["reason"], value["visit"], value["confidence"]
    )


def _tags_of(call_id: str) -> Any:
    return select(tags.c.tag).where(tags.c.call_id == call_id).order_by(tags.c.tag)


async def _visits(connection: AsyncConnection, wanted: Iterable[str], with_pages: str | None) -> dict[str, Visit]:
    found: dict[str, Visit] = {}
    for some in pieces(sorted(wanted)):
        rows = await connection.execute(select(visits).where(visits.c.id.in_(some)))
        found |= {row["id"]: visit_from(row) for row in rows.mappings()}
    if with_pages in found:
        query = select(pages).where(pages.c.visit == with_pages).order_by(pages.c.seq)
        seen = (await connection.execute(query)).mappings().all()
        row = (await connection.execute(select(visits).where(visits.c.id == with_pages))).mappings().one()
        found[with_pages] = visit_from(row, seen)
    return found


async def _book(
    connection: AsyncConnection, call_id: str, found: Attribution, *, by: str, at: datetime, batch: str, reason: str
) -> Attribution | None:
    row = (await connection.execute(records.by_id(call_id))).mappings().one_or_none()
    if row is None:
        return None
    found = replace(found, reason=storable_text(reason))
    before = call_from(row, ()).attribution
    if before == found:
        return None
    query = select(func.max(attributions.c.seq)).where(attributions.c.call_id == call_id)
    last = (await connection.execute(query)).scalar()
    if last is None:  # so that the history has what it was
        last = 0
        await connection.execute(insert(attributions), _note(call_id, 0, row["started_at"], before, BRIDGE))
    await connection.execute(insert(attributions), _note(call_id, last + 1, at, found, by))
    credited = (await credits_of(connection, [found.visit])).get(found.visit) if found.visit else None
    new = {
        "attribution_kind": found.kind.value,
        "attribution_reason": found.reason,
        "attribution_confidence": found.confidence,
        "source": found.source,
        "visit": found.visit,
        "revision": await latest_revision(connection) + 1,
        **(credited or dict.fromkeys(CREDITED)),
    }
    await connection.execute(update(calls).where(calls.c.id == call_id).values(new))
    await mark_changed(connection, [(row, {**row, **new})])
    seq = select(func.coalesce(func.max(changes.c.seq) + 1, 0)).where(changes.c.call_id == call_id)
    change = {"call_id": call_id, "seq": (await connection.execute(seq)).scalar_one(), "at": at, "by": by}
    told = {"what": ATTRIBUTION, "before": as_json(before), "after": as_json(found), "batch": batch}
    await connection.execute(insert(changes), {**change, **told})
    return before


def _note(call_id: str, seq: int, at: datetime, found: Attribution, by: str) -> dict[str, Any]:
    return {"call_id": call_id, "seq": seq, "at": at, "by": by, "candidates": [], **as_json(found)}
