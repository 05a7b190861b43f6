"""What the pages Now, Pools and Set-up ask of either database."""

from __future__ import annotations

from datetime import timedelta

from store_samples import NOON, a_call, answered, missed

from bridge.core.report import Period
from bridge.core.site import Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Batch
from bridge.store.calls import CallStore
from bridge.store.desk_now import NowStore
from bridge.store.desk_setup import LastCalls
from bridge.store.engine import Database
from bridge.store.sizes import database_bytes
from bridge.store.traffic import Past
from bridge.store.visits import VisitStore

HOUR = timedelta(hours=1)


async def test_today_beside_the_weeks_before(database: Database) -> None:
    books = CallStore(database)
    week = 7 * 24 * 60
    await books.save_all([answered(1), missed(2), answered(3, minutes=-week + 5), a_call(4, line="other", spam=True)])
    periods = [Period("now", NOON, NOON + HOUR), Period("then", NOON - 7 * 24 * HOUR, NOON - 7 * 24 * HOUR + HOUR)]
    store = NowStore(database)
    now, then = await store.today(periods, None)
    assert (now.calls, now.answered, now.missed, now.spam, then.calls) == (2, 1, 1, 1, 1)
    await books.save(answered(5))
    assert [tally.calls for tally in await store.today(periods, None)] == [3, 1]
    assert [tally.calls for tally in await store.today(periods, ("other",))] == [0, 0]
    assert [tally.calls for tally in await store.today(periods, ())] == [0, 0]


async def test_the_last_call_of_each_number(database: Database) -> None:
    await CallStore(database).save_all([a_call(n, number=f"+7495000{n % 250:04}") for n in range(400)])
    numbers = [f"+7495000{n:04}" for n in range(260)]
    found = await LastCalls(database).last_calls(numbers)
    assert len(found) == 250
    assert found["+74950000000"] == NOON + timedelta(minutes=250)
    assert await LastCalls(database).last_calls([]) == {}


async def test_traffic_of_one_source_the_latest_of_it(database: Database) -> None:
    touch = Touch("google-ads", "gclid", True, "cpc", "spring", "locks", None, "abc", "gclid", "google.com")
    visits = [
        Visit(f"v{n}", "main", None, NOON.timestamp() + n, NOON.timestamp() + n, source, touch, touch, "https://example.org/")
        for n, source in enumerate(("web", "web", "mail", "web"))
    ]  # fmt: skip
    await VisitStore(database).write(Batch(visits=visits))
    past = Past(database)
    assert [visit.visit for visit in await past.traffic(NOON)] == ["v0", "v1", "v2", "v3"]
    assert [visit.visit for visit in await past.traffic(NOON, "web", 2)] == ["v1", "v3"]


async def test_the_size_of_the_books(database: Database) -> None:
    size = await database_bytes(database)
    assert size is not None
    assert size > 10_000
