"""One call for its page, and its correction, on each kind of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from bridge.core.desk.query import EVERYTHING, CallQuery
from bridge.core.model import Attribution, AttributionKind, Call, Outcome
from bridge.core.site import PageView, Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Batch, Note
from bridge.store.calls import CallStore
from bridge.store.desk_call import DeskCallStore
from bridge.store.desk_schema import changes, checks, tags
from bridge.store.engine import Database
from bridge.store.rollup_schema import rollup_dirty
from bridge.store.schema import calls
from bridge.store.visits import VisitStore

AT = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=2)


def a_call(number: int, **over: object) -> Call:
    call = Call(
        id=f"20261120-1400{number:02}-{number}-000001",
        number="+74951000101",
        caller="+79161234567",
        caller_name=None,
        started_at=AT + timedelta(minutes=number),
        attribution=Attribution(AttributionKind.VISIT, "yandex", "because", "visit-a", 0.7),
        line="sales",
        ended_at=AT + timedelta(minutes=number, seconds=40),
        outcome=Outcome.UNANSWERED,
    )
    return replace(call, **over)  # type: ignore[arg-type]


def a_visit(name: str, campaign: str) -> Visit:
    touch = Touch("yandex", "preset", campaign=campaign, keyword=f"{campaign} word")
    began = AT.timestamp() - 60
    pages = [PageView(began, "https://okna.example/"), PageView(began + 30, "https://okna.example/prices/")]
    return Visit(name, "okna", "person", began, began + 50, "yandex", touch, touch, f"https://okna.example/{campaign}?x=1", pages=pages)  # fmt: skip


@pytest.fixture
async def desk(database: Database) -> DeskCallStore:
    """Three calls of one caller, the first of which may be of two visits."""
    visits = VisitStore(database)
    found = [a_visit("visit-a", "one"), a_visit("visit-b", "two")]
    candidates = (("visit-a", 0.7), ("visit-b", 0.2), ("visit-gone", 0.05))
    note = Note(a_call(0).id, AT, a_call(0).attribution, candidates=candidates)
    pages = [(visit.id, place, page) for visit in found for place, page in enumerate(visit.pages)]
    await visits.write(Batch(visits=found, pages=pages, notes=[note]))
    await visits.close()
    await CallStore(database).save_all([a_call(0), a_call(1, line="support"), a_call(2)])
    return DeskCallStore(database)


async def test_the_story_of_a_call(desk: DeskCallStore, database: Database) -> None:
    call_id = a_call(0).id
    async with database.writing() as connection:
        await connection.execute(
            insert(tags), [{"call_id": call_id, "tag": tag, "started_at": AT} for tag in ("b", "a")]
        )
        await connection.execute(insert(checks), [{"call_id": call_id, "item": "offer", "passed": True}])
        rows = [
            {"call_id": call_id, "seq": seq, "at": LATER, "by": "anna", "what": "class", "before": None, "after": after, "batch": f"b{seq}"}
            for seq, after in enumerate(("target", "spam"))
        ]  # fmt: skip
        await connection.execute(insert(changes), rows)
    story = await desk.story(call_id)
    assert story is not None
    assert story.call.id == call_id
    assert story.said.tags == ("a", "b")
    assert story.said.checks == {"offer": True}
    assert [(change.after, change.batch) for change in story.changes] == [("spam", "b1"), ("target", "b0")]
    assert story.visits.keys() == {"visit-a", "visit-b"}
    assert story.visit is not None
    assert [page.url for page in story.visit.pages] == ["https://okna.example/", "https://okna.example/prices/"]
    assert story.visits["visit-b"].pages == []
    assert story.candidates[0] == ("visit-a", 0.7)
    assert story.possible_visits == {"visit-a", "visit-b"}
    assert await desk.story("20261120-000000-1-000001") is None


async def test_a_call_is_seen_within_bounds_only(desk: DeskCallStore) -> None:
    mine = replace(EVERYTHING, within=CallQuery(lines=("sales",)))
    assert await desk.call(a_call(0).id, mine, UTC) is not None
    assert await desk.call(a_call(1).id, mine, UTC) is None
    assert [past.id for past in await desk.earlier(a_call(2), EVERYTHING, UTC, 10)] == [a_call(1).id, a_call(0).id]
    assert [past.id for past in await desk.earlier(a_call(2), mine, UTC, 10)] == [a_call(0).id]
    assert await desk.earlier(replace(a_call(2), caller=None), EVERYTHING, UTC, 10) == []
    assert await desk.neighbours(a_call(1), EVERYTHING, UTC) == (a_call(2).id, a_call(0).id)
    assert await desk.neighbours(a_call(0), mine, UTC) == (a_call(2).id, None)


async def test_a_correction_stands_in_the_call_the_history_and_the_changes(
    desk: DeskCallStore, database: Database
) -> None:
    call_id = a_call(0).id
    found = Attribution(AttributionKind.VISIT, "yandex", "anna: he said so", "visit-b")
    before = await desk.correct(call_id, found, by="anna", at=LATER, batch="b1")
    assert before == a_call(0).attribution
    async with database.reading() as connection:
        row = (await connection.execute(select(calls).where(calls.c.id == call_id))).mappings().one()
        dirty = (await connection.execute(select(rollup_dirty.c.at))).scalars().all()
    assert (row["campaign"], row["keyword"], row["landing"]) == ("two", "two word", "https://okna.example/two")
    assert row["revision"] > 3
    assert AT in dirty
    story = await desk.story(call_id)
    assert story is not None
    assert story.call.attribution == found
    assert [step.by for step in story.booked] == ["bridge", "anna"]
    assert story.candidates[0] == ("visit-a", 0.7)  # as the bridge weighed it
    assert story.changes[0].before["visit"] == "visit-a"
    # said again it is no change
    assert await desk.correct(call_id, found, by="anna", at=LATER, batch="b2") is None
    assert await desk.take_back(call_id, "b1", by="boris", at=LATER, undone_as="b3")
    story = await desk.story(call_id)
    assert story is not None
    assert story.call.attribution == a_call(0).attribution
    assert [(change.by, change.batch) for change in story.changes] == [("boris", "b3"), ("anna", "b1")]
    async with database.reading() as connection:
        row = (await connection.execute(select(calls).where(calls.c.id == call_id))).mappings().one()
    assert row["campaign"] == "one"


async def test_what_was_corrected_since_is_not_taken_back(desk: DeskCallStore) -> None:
    call_id = a_call(0).id
    for batch, source in (("b1", "radio"), ("b2", "avito")):
        found = Attribution(AttributionKind.SOURCE_DEFAULT, source, f"anna: {source}")
        await desk.correct(call_id, found, by="anna", at=LATER, batch=batch)
    assert not await desk.take_back(call_id, "b1", by="anna", at=LATER, undone_as="b3")
    assert not await desk.take_back(call_id, "nothing", by="anna", at=LATER, undone_as="b3")
    assert await desk.take_back(call_id, "b2", by="anna", at=LATER, undone_as="b3")
    call = await desk.call(call_id, EVERYTHING, UTC)
    assert call is not None
    assert call.attribution.source == "radio"


async def test_a_call_without_a_history_gets_what_it_was_as_its_beginning(desk: DeskCallStore) -> None:
    call_id = a_call(1).id
    await desk.correct(
        call_id, Attribution(AttributionKind.UNKNOWN, None, "anna: no", confidence=0.0), by="anna", at=LATER, batch="b"
    )
    story = await desk.story(call_id)
    assert story is not None
    assert [(step.by, step.attribution.source) for step in story.booked] == [("bridge", "yandex"), ("anna", None)]
    assert story.booked[0].at == a_call(1).started_at
    assert await desk.correct("20261120-000000-1-000001", a_call(0).attribution, by="a", at=LATER, batch="b") is None
