"""Visits, leases and the history of attributions, on both databases."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from store_samples import a_call

from bridge.core.model import Attribution, AttributionKind, Binding, BindingKind
from bridge.core.pools.lease import Lease
from bridge.core.site import PageView, Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Batch, Note
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.visits import VisitStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AT = NOW.timestamp()
ONE, OTHER = "+74951110010", "+74951110011"


@pytest.fixture
def store(database: Database) -> VisitStore:
    return VisitStore(database)


def a_visit(name: str = "v1", visitor: str | None = "p1", began: float = AT, **more: object) -> Visit:
    touch = Touch("google-ads", "gclid", True, "cpc", "spring", "locks", None, "abc", "gclid", "google.com")
    return Visit(name, "main", visitor, began, began, "web", touch, touch, "https://example.org/", **more)  # type: ignore[arg-type]


def a_lease(visit: str = "v1", number: str = ONE, began: float = AT, **more: object) -> Lease:
    return Lease(number, "web", visit, "p1", began, began, **more)  # type: ignore[arg-type]


async def test_what_is_written_is_read_back(store: VisitStore) -> None:
    visit = a_visit(mobile=True, region="Moscow", ids={"ym": "1"}, covered=True, address="203.0.113.0/24")
    visit.pages = [PageView(AT, "https://example.org/"), PageView(AT + 3, "https://example.org/цены")]
    lease = a_lease(taps=(AT + 1.25,), mobile=True)
    pages = [(visit.id, seq, page) for seq, page in enumerate(visit.pages)]
    await store.write(Batch([lease], [visit], pages, marks={"k": "v"}))
    assert await store.visit("v1") == visit
    assert await store.latest_leases(5, NOW) == [lease]
    assert await store.get_mark("k") == "v"
    assert await store.last_touch("p1") == visit.credited
    assert await store.last_touch("p2") is None
    assert await store.recent_visits(NOW) == [replace(visit, told={ONE})]


async def test_text_no_database_takes_is_made_fit(store: VisitStore) -> None:
    touch = Touch("x\0y", "r\ud800", keyword="\0")
    visit = replace(a_visit(), touch=touch, credited=touch, landing="a\0b", ids={"ga": "\0"})
    await store.write(Batch(visits=[visit], pages=[("v1", 0, PageView(AT, "u\0"))]))
    found = await store.visit("v1")
    assert found is not None
    assert (found.landing, found.touch.source, found.pages[0].url) == ("ab", "xy", "u")


async def test_a_number_is_never_held_twice(store: VisitStore) -> None:
    await store.write(Batch([a_lease("v1")]))
    with pytest.raises((IntegrityError, sqlite3.IntegrityError)):
        await store.write(Batch([a_lease("v2", began=AT + 1)]))
    await store.write(Batch([replace(a_lease("v1"), ended=AT + 1), a_lease("v2", began=AT + 1)]))
    assert [lease.visit for lease in await store.latest_leases(5, NOW)] == ["v1", "v2"]


async def test_only_the_latest_leases_of_a_number_are_loaded_and_all_are_counted(store: VisitStore) -> None:
    past = [a_lease(f"v{n}", began=AT + n, ended=AT + n + 0.5, left=AT + n + 0.25) for n in range(5)]
    await store.write(Batch([*past, a_lease("x", OTHER, AT - 90 * 86400)]))
    loaded = await store.latest_leases(2, NOW)
    assert [lease.visit for lease in loaded] == ["x", "v3", "v4"]  # still held, however old
    moments = await store.moments(NOW)
    assert [moment.began for moment in moments] == [lease.began for lease in past]
    assert (moments[0].left, moments[0].shown_for) == (AT + 0.25, None)


async def test_a_moment_tells_when_an_open_page_went_back_to_the_default_number(store: VisitStore) -> None:
    await store.write(Batch([a_lease("v", ended=AT + 700, left=AT + 900, swapped=True)]))
    assert [moment.shown_for for moment in await store.moments(NOW)] == [700.0]


async def test_pages_of_a_visit_nobody_has_are_left_out(store: VisitStore) -> None:
    await store.write(Batch(pages=[("gone", 0, PageView(AT, "u"))]))
    assert await store.visit("gone") is None


async def test_what_is_old_is_forgotten_but_for_what_a_call_came_from(store: VisitStore, database: Database) -> None:
    for name, began in (("old", AT), ("called", AT), ("new", AT + 1000)):
        page = (name, 0, PageView(began, "u"))
        lease = a_lease(name, f"+7495111{name[:1].encode().hex()}00", began, ended=began + 1)
        await store.write(Batch([lease], [a_visit(name, began=began)], [page]))
    call = a_call(1)
    booked = Attribution(AttributionKind.VISIT, "web", "because", "called", 0.9)
    await CallStore(database).save(replace(call, attribution=booked))
    assert await store.forget(NOW + timedelta(seconds=500)) == 1
    assert await store.visit("old") is None
    assert await store.visit("called") is not None
    assert await store.visit("new") is not None
    assert {lease.visit for lease in await store.latest_leases(9, NOW)} == {"called", "new"}


async def test_a_correction_is_booked_with_its_history(store: VisitStore, database: Database) -> None:
    books = CallStore(database)
    call = replace(a_call(1), binding=BindingKind.POOL, caller="+79161234567")
    before = Attribution(AttributionKind.SOURCE_DEFAULT, "web", "no visit", None, 1.0)
    await books.save(replace(call, attribution=before))
    await store.write(Batch(visits=[a_visit("v9", visitor="p9")]))
    after = Attribution(AttributionKind.VISIT, "web", "he said so", "v9", 1.0)
    revision = await books.latest_revision()
    await store.correct(
        Note(call.id, NOW, before), Note(call.id, NOW + timedelta(hours=1), after, "anna", (("v9", 1.0),))
    )
    changed = await books.get(call.id)
    assert changed is not None
    assert changed.attribution == after
    assert await books.latest_revision() > revision
    story = await store.story(call.id)
    assert [(note.by, note.attribution) for note in story.notes] == [("bridge", before), ("anna", after)]
    assert story.visit is not None
    assert story.notes[1].candidates == (("v9", 1.0),)
    assert [(c.caller, c.visit, c.person) for c in await store.past_calls(NOW - timedelta(days=900))] == [
        ("+79161234567", "v9", "p9")
    ]
    assert [c.visit for c in await store.corrected_calls(NOW)] == ["v9"]
    assert await store.corrected_calls(NOW + timedelta(hours=2)) == []


async def test_since_when_a_number_is_its_pools(store: VisitStore, database: Database) -> None:
    books = CallStore(database)
    hour = [NOW + timedelta(hours=n) for n in range(6)]

    def pool(number: str, source: str, name: str = "web") -> Binding:
        return Binding(number, BindingKind.POOL, source, name)

    stays, moves, away, static = "+74951110001", "+74951110002", "+74951110003", "+74951110004"
    was = Binding(static, BindingKind.STATIC, "radio")
    await books.record_bindings(hour[0], [pool(stays, "web"), pool(moves, "web"), pool(away, "web"), was])
    await books.record_bindings(hour[1], [pool(stays, "web", "renamed"), pool(moves, "mail"), was])
    await books.record_bindings(
        hour[2], [pool(stays, "web", "renamed"), pool(moves, "mail"), pool(away, "web"), pool(static, "web")]
    )
    expected = {stays: hour[0], moves: hour[1], away: hour[2], static: hour[2]}
    assert await store.in_pool_since() == {number: at.timestamp() for number, at in expected.items()}
