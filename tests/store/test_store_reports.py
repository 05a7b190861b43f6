"""The reports' questions, compared with counting by hand."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

from sqlalchemy import update
from store_samples import NOON, a_call, answered, missed

from bridge.core.model import Binding, BindingKind, Call, Outcome
from bridge.core.report import Period, Tally
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.filters import CallFilter
from bridge.store.reports import Activity, Reports
from bridge.store.schema import calls as calls_table


def _some_calls() -> list[Call]:
    chance = random.Random(7)
    calls = []
    for seq in range(120):
        fields = {
            "source": chance.choice(["billboard", "radio", "direct", None]),
            "caller": chance.choice([None, *(f"+7900000000{n}" for n in range(8))]),
            "number": chance.choice(["+74951", "+74952"]),
            "spam": chance.random() < 0.2,
        }
        kind = chance.random()
        if kind < 0.6:
            calls.append(answered(seq, talk=chance.randrange(1, 300), **fields))
        elif kind < 0.9:
            calls.append(missed(seq, outcome=chance.choice([Outcome.BUSY, Outcome.ABANDONED]), **fields))
        else:
            calls.append(a_call(seq, **fields))
    return calls


def _tally(found: list[Call]) -> Tally:
    calls = [call for call in found if not call.spam]
    return Tally(
        calls=len(calls),
        unique=len({call.caller for call in calls} - {None}),
        first_time=sum(bool(call.first_time) for call in calls),
        answered=sum(call.answered_at is not None for call in calls),
        missed=sum(call.answered_at is None and call.ended_at is not None for call in calls),
        talk_ms=round(sum((call.talk_seconds or 0) * 1000 for call in calls)),
        spam=len(found) - len(calls),
    )


async def test_tallies(database: Database) -> None:
    store, reports = CallStore(database), Reports(database)
    await store.save_all(_some_calls())
    calls = list((await store.find(limit=200)).calls)
    edges = [NOON + timedelta(minutes=minutes) for minutes in (0, 30, 31, 90, 200)]
    spans = [Period(str(n), begin, end) for n, (begin, end) in enumerate(itertools.pairwise(edges))]
    for wanted in (CallFilter(), CallFilter(numbers=("+74951",)), CallFilter(sources=(None, "radio"))):
        rows = await reports.tallies(spans, wanted)
        seen = {(row.period, row.source): row.tally for row in rows}
        expected = {}
        for span in spans:
            within = [call for call in calls if span.begin <= call.started_at < span.end and wanted.fits(call)]
            for source in {call.attribution.source for call in within}:
                expected[span, source] = _tally([call for call in within if call.attribution.source == source])
        assert seen == expected
        assert len(rows) == len(seen)
        assert [row.period for row in rows] == sorted((row.period for row in rows), key=spans.index)
        for span in spans:
            counts = [row.tally.calls for row in rows if row.period == span]
            assert counts == sorted(counts, reverse=True)
    (whole,) = await reports.tallies([Period("", edges[0], edges[-1])], by_source=False)
    assert whole.tally == _tally(calls)
    assert await reports.tallies([]) == []


async def test_more_periods_than_a_select_may_have_parts(database: Database) -> None:
    await CallStore(database).save_all([answered(0), answered(999)])
    spans = [Period(str(n), NOON + timedelta(minutes=n), NOON + timedelta(minutes=n + 1)) for n in range(1000)]
    assert [row.period.label for row in await Reports(database).tallies(spans)] == ["0", "999"]


async def test_activity_and_times(database: Database) -> None:
    store, reports = CallStore(database), Reports(database)
    await store.save_all([answered(1), answered(2), answered(3, number="+7496")])
    assert await reports.activity(NOON + timedelta(minutes=2)) == {
        "+74951234567": Activity(NOON + timedelta(minutes=2), 1),
        "+7496": Activity(NOON + timedelta(minutes=3), 1),
    }
    assert (await reports.activity(NOON + timedelta(days=1)))["+7496"].calls == 0
    assert await reports.call_times("+74951234567") == [NOON + timedelta(minutes=n) for n in (1, 2)]
    assert await reports.call_times("+74951234567", limit=1) == [NOON + timedelta(minutes=2)]
    assert await reports.watched_since("+7497") is None
    assert await reports.watched_since("+7496") == NOON + timedelta(minutes=3)
    await store.record_bindings(NOON, [Binding("+7496", BindingKind.STATIC, "radio")])
    assert await reports.watched_since("+7496") == NOON


async def test_what_people_class_as_spam_is_counted_apart_as_well(database: Database) -> None:
    await CallStore(database).save_all([answered(0), answered(1), missed(2, spam=True)])
    async with database.writing() as connection:
        await connection.execute(
            update(calls_table).where(calls_table.c.id == answered(1).id).values({"class": "junk"})
        )
    whole = Period("", NOON, NOON + timedelta(hours=1))
    for classes, expected in (((), (2, 1)), (("junk", "spam"), (1, 2))):
        (row,) = await Reports(database, lambda known=classes: known).tallies([whole], by_source=False)
        assert (row.tally.calls, row.tally.spam) == expected
