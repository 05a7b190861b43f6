"""The week's sample and the sound of trunks, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, text, update
from store_samples import answered, missed

from bridge.core.desk.story import mos_of
from bridge.core.model import Call, Recording, RecordingStatus
from bridge.flows.desk_ports import Audited
from bridge.store.accounts import AccountStore
from bridge.store.calls import CallStore
from bridge.store.desk_quality import QualityStore
from bridge.store.engine import Database
from bridge.store.schema import calls

MONDAY = date(2026, 11, 16)
OVER = datetime(2026, 11, 23, 2, tzinfo=UTC)
DURING = datetime(2026, 11, 21, tzinfo=UTC)
KEPT = Recording(RecordingStatus.KEPT, "2026/11/20/x.wav", "wav")
WEEK_OF = (MONDAY, 20, ("spam",), UTC)


def heard(seq: int, **fields: object) -> Call:
    return answered(seq, **{"recording": KEPT, **fields})


async def say(database: Database, call: Call, **said: object) -> None:
    async with database.writing() as connection:
        await connection.execute(update(calls).where(calls.c.id == call.id).values(said))


async def test_who_may_be_drawn(database: Database) -> None:
    good = heard(1)
    given = [
        good,
        answered(2),  # not recorded
        heard(3, talk=9.9),
        missed(4, recording=KEPT),
        heard(5, spam=True),
        heard(6, recording=Recording(RecordingStatus.DELETED, "x", "wav")),
        heard(7, minutes=-7 * 1440),
        heard(8, minutes=3 * 1440),
        spam := heard(9),
        target := heard(10, talk=10.0),
    ]
    await CallStore(database).save_all(given)
    await say(database, spam, **{"class": "spam"})
    await say(database, target, **{"class": "target"}, score=0.5, campaign="brand", keyword="окна")
    await AccountStore(database).note(Audited(DURING, "lena", "listen", call_id=good.id))
    await AccountStore(database).note(Audited(DURING, "lena", "download", call_id=target.id))
    sample = await QualityStore(database).sample(*WEEK_OF, DURING)
    found = {one.call_id: one for one in sample.calls}
    assert set(found) == {good.id, target.id}
    assert not sample.drawn
    assert (sample.scored, sample.next) == (1, good.id)
    assert (found[good.id].heard, found[good.id].score, found[good.id].talk) == (True, None, 60.0)
    shown = found[target.id]
    assert (shown.heard, shown.score, shown.class_, shown.campaign, shown.keyword) == (
        False,
        0.5,
        "target",
        "brand",
        "окна",
    )
    assert (shown.answered_by, shown.source, shown.caller, shown.started_at) == (
        "PJSIP/101", "billboard", target.caller, target.started_at,
    )  # fmt: skip


async def test_a_week_begins_at_the_companys_midnight(database: Database) -> None:
    zone = ZoneInfo("Asia/Vladivostok")
    midnight = datetime(2026, 11, 16, tzinfo=zone)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    last, first = (heard(n, minutes=(midnight - noon).total_seconds() / 60 + n - 1.5) for n in (1, 2))
    await CallStore(database).save_all([last, first])
    store = QualityStore(database)
    assert [c.call_id for c in (await store.sample(MONDAY, 20, (), zone, DURING)).calls] == [first.id]
    before = MONDAY - timedelta(days=7)
    assert [c.call_id for c in (await store.sample(before, 20, (), zone, OVER)).calls] == [last.id]


async def test_a_week_that_is_over_is_drawn_once(database: Database) -> None:
    store = QualityStore(database)
    assert (await store.sample(*WEEK_OF, OVER)).calls == ()  # nothing to draw from is not kept
    books = CallStore(database)
    await books.save_all([heard(n, answered_by=f"PJSIP/{n % 3}") for n in range(50)])
    first = await store.sample(*WEEK_OF, OVER)
    assert first.drawn
    assert len(first.calls) == 20
    assert {one.answered_by for one in first.calls} == {"PJSIP/0", "PJSIP/1", "PJSIP/2"}
    await books.save_all([heard(n) for n in range(100, 180)])
    again = QualityStore(database)
    assert await again.sample(MONDAY, 5, (), UTC, OVER) == first
    # what people did meanwhile shows; what is gone is left out, and nothing takes its place
    await say(database, heard(0), score=0.25)
    async with database.writing() as connection:
        await connection.execute(delete(calls).where(calls.c.id == first.calls[7].call_id))
    later = await again.sample(*WEEK_OF, OVER)
    assert [one.call_id for one in later.calls] == [one.call_id for n, one in enumerate(first.calls) if n != 7]


async def test_the_running_week_goes_on(database: Database) -> None:
    store, books = QualityStore(database), CallStore(database)
    await books.save(heard(1))
    assert len((await store.sample(*WEEK_OF, DURING)).calls) == 1
    await books.save(heard(2))
    await say(database, heard(1), score=1.0)
    soon = await store.sample(*WEEK_OF, DURING + timedelta(seconds=29))
    assert (len(soon.calls), soon.scored, soon.drawn) == (1, 1, False)  # drawn a moment ago, with what is said by now
    assert len((await store.sample(*WEEK_OF, DURING + timedelta(seconds=31))).calls) == 2
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM samples"))).scalar() == 0


def sounded(seq: int, mes: float | None, trunk: str | None = "PJSIP/a", **fields: object) -> Call:
    quality = {"rtt": 0.1} if mes is None else {"rxmes": mes, "lp": 2, "rxcount": 98, "rxjitter": 0.01}
    return answered(seq, trunk=trunk, quality=quality, **fields)


async def test_sound_by_trunk_and_hour_of_the_clock(database: Database) -> None:
    zone = ZoneInfo("Asia/Kolkata")  # half an hour beside the others
    # 17:30 is 12:00 UTC
    given = [
        sounded(1, 90), sounded(2, 50, minutes=29), sounded(3, 70, minutes=31), sounded(4, 80, minutes=1440), sounded(5, 60, "PJSIP/b"),
        sounded(6, 60, None), sounded(7, None), sounded(8, 0), sounded(9, 10, spam=True), spam := sounded(10, 10),
        sounded(11, 10, minutes=2 * 1440), sounded(12, 10, minutes=-2 * 1440),
        replace(sounded(13, 40, "PJSIP/c"), quality={"rxmes": 40.0}),
        replace(sounded(14, 40), answered_at=None),
    ]  # fmt: skip
    await CallStore(database).save_all(given)
    await say(database, spam, **{"class": "spam"})
    found = await QualityStore(database).sound(date(2026, 11, 19), date(2026, 11, 22), ("spam",), zone)
    rows = {(one.trunk, one.hour): one for one in found}
    assert set(rows) == {("PJSIP/a", 17), ("PJSIP/a", 18), ("PJSIP/b", 17), (None, 17), ("PJSIP/c", 17)}
    a = rows["PJSIP/a", 17]
    assert (a.measured, a.lost, a.packets, a.jittered) == (3, 6, 300, 3)
    assert a.mos == pytest.approx(mos_of(90) + mos_of(50) + mos_of(80))
    assert a.jitter == pytest.approx(0.03)
    c = rows["PJSIP/c", 17]
    assert (c.measured, c.lost, c.packets, c.jittered) == (1, 0, 0, 0)
    assert await QualityStore(database).sound(date(2026, 11, 22), date(2026, 11, 22), (), zone) == []


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
async def test_sound_where_the_clock_is_changed(database: Database, day: date) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    given = [sounded(n, 80, minutes=(begin - noon).total_seconds() / 60 + n * 60 + 5) for n in range(-1, 26)]
    await CallStore(database).save_all(given)
    found = await QualityStore(database).sound(day, day + timedelta(days=1), (), zone)
    assert {one.hour: one.measured for one in found} == (
        {hour: 1 for hour in range(24) if hour != 2}
        if day.month == 3
        else {hour: 1 + (hour == 2) for hour in range(24)}
    )


async def test_a_big_week_is_read_by_the_index_of_time(sqlite: Database) -> None:
    """Whatever the books hold, only the days asked for are read."""
    await CallStore(sqlite).save_all([sounded(n, 80) for n in range(50)])
    seen: list[str] = []
    store = QualityStore(sqlite)
    async with sqlite.reading() as connection:
        raw = await connection.get_raw_connection()
        await raw.driver_connection.set_trace_callback(seen.append)
    await store.sound(date(2026, 11, 19), date(2026, 11, 22), ("spam",), UTC)
    await store.sample(*WEEK_OF, DURING)
    queries = [sql for sql in seen if "FROM calls" in sql or "CROSS JOIN calls" in sql]
    assert queries
    async with sqlite.reading() as connection:
        for sql in queries:
            plan = [row[3] for row in (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")).all()]
            assert not any(line.startswith(("SCAN c", "SCAN calls")) for line in plan), plan
