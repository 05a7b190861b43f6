"""Whatever is booked, late, twice, otherwise than before: the rollups say what counting the raw rows says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from recount import KEYS, Raw, read_raw, rounded
from sqlalchemy import select, update
from store_samples import a_call

from bridge.core.desk.days import begin_of, parts_of
from bridge.core.desk.sums import Level
from bridge.core.model import Attribution, AttributionKind, Call, Outcome
from bridge.core.pools.lease import Lease
from bridge.core.report import Step, Tally
from bridge.core.site import PageView, Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Batch, Note
from bridge.store.calls import CallStore
from bridge.store.credit import mark_dirty
from bridge.store.engine import Database
from bridge.store.rollup_keeper import RollupKeeper
from bridge.store.rollups import Rollups
from bridge.store.schema import calls
from bridge.store.visits import VisitStore

BERLIN = ZoneInfo("Europe/Berlin")
#: Both nights when the clocks change, the ends of months between, and what is now.
FIRST, LAST, NOW = date(2026, 3, 20), date(2026, 11, 5), datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
NIGHTS = [datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)]
TARGETS, SPAM = ("target", "dealer"), ("spam",)
CALLERS = [None, *(f"+7916000000{n}" for n in range(5))]
SOURCES = [None, "avito", "direct"]
VISITS = [f"v{n}" for n in range(8)]


class Life:
    """What may happen to the books, at random."""

    def __init__(self, database: Database, seed: int) -> None:
        self.rng = random.Random(seed)
        self.database = database
        self.store, self.visits = CallStore(database), VisitStore(database)
        self.booked: dict[str, Call] = {}
        self.written: set[str] = set()
        self.keeper = RollupKeeper(database, BERLIN, TARGETS, lambda: NOW, spam=SPAM)
        self.rollups = Rollups(database)

    async def go_on(self, steps: int) -> None:
        happenings: list[Callable[[], object]] = [
            self.call,
            self.call,
            self.call,
            self.change,
            self.visit,
            self.note,
            self.say,
            self.correct,
        ]
        for _ in range(steps):
            await self.rng.choice(happenings)()  # type: ignore[misc]

    def moment(self) -> datetime:
        if self.rng.random() < 0.4:
            return self.rng.choice(NIGHTS) + timedelta(minutes=self.rng.randrange(-1600, 1600))
        day = FIRST + timedelta(days=21 * self.rng.randrange(11))
        return begin_of(day, BERLIN) + timedelta(minutes=self.rng.randrange(1440))

    def some_call(self, seq: int) -> Call:
        rng = self.rng
        source = rng.choice(SOURCES)
        visit = rng.choice([None, *VISITS]) if source else None
        kind = AttributionKind.VISIT if visit else AttributionKind.STATIC if source else AttributionKind.UNKNOWN
        begun = self.moment()
        call = a_call(seq, caller=rng.choice(CALLERS), spam=rng.random() < 0.1, line=rng.choice(["main", "side", None]))
        call = replace(
            call,
            started_at=begun,
            attribution=Attribution(kind, source, "so", visit, rng.choice([0.6, 0.89, 0.9, 1.0])),
        )
        if rng.random() < 0.2:
            return call
        ended = begun + timedelta(seconds=rng.randrange(1, 300))
        if rng.random() < 0.3:
            return replace(call, ended_at=ended, outcome=Outcome.UNANSWERED)
        answered = begun + timedelta(seconds=rng.randrange(70))
        quality = {"rxmes": 60.0 + rng.randrange(40)} if rng.random() < 0.5 else {}
        by = rng.choice(["PJSIP/101", "PJSIP/102", None])
        return replace(
            call,
            answered_at=answered,
            ended_at=max(ended, answered),
            outcome=Outcome.ANSWERED,
            answered_by=by,
            quality=quality,
        )

    async def call(self) -> None:
        some = [self.some_call(len(self.booked) + n) for n in range(self.rng.randrange(1, 4))]
        for call in await self.store.save_all(some):
            self.booked[call.id] = call

    async def change(self) -> None:
        """Anything of a call, also whose it is and when."""
        if self.booked:
            old = self.rng.choice(list(self.booked.values()))
            self.booked[old.id] = await self.store.save(replace(self.some_call(0), id=old.id))

    async def visit(self) -> None:
        """A visit is written, for the first time or again; where it came from never changes."""
        name, at = self.rng.choice(VISITS), self.moment().timestamp()
        own = random.Random(name)
        touch = Touch(
            "x", "y", campaign=own.choice([None, "", "brand", "search"]), keyword=own.choice([None, "окна", "locks"])
        )
        landing = "https://example.org/" + own.choice(["", "?utm_source=a#b", "prices?x=1", "#top"])
        visit = Visit(name, "main", "p", at, at, "direct", touch, touch, landing)
        pages = [PageView(at + 10 * n, f"https://example.org/{self.rng.choice('abc')}?q={n}") for n in range(3)]
        await self.visits.write(Batch(visits=[visit], pages=[(name, n, page) for n, page in enumerate(pages)]))
        self.written.add(name)

    async def note(self) -> None:
        """What the bridge thinks of a call, perhaps of one that is not booked yet; visits are written before."""
        call_id = self.rng.choice([*self.booked, "20260101-000000-1-000001"])
        known = [*sorted(self.written), "gone"]
        shares = sorted((self.rng.choice([0.002, 0.1, 0.2, 0.3]) for _ in known[:3]), reverse=True)
        candidates = tuple(zip(self.rng.sample(known, len(shares)), shares, strict=True))
        found = Attribution(AttributionKind.VISIT, "direct", "so", "v1", 0.9)
        await self.visits.write(Batch(notes=[Note(call_id, self.moment(), found, candidates=candidates)]))

    async def say(self) -> None:
        """A person says what a call was."""
        if not self.booked:
            return
        some = self.rng.sample(list(self.booked), min(3, len(self.booked)))
        row = {
            "class": self.rng.choice([None, "target", "dealer", "spam", "other"]),
            "value": self.rng.choice([None, 500]),
        }
        async with self.database.writing() as connection:
            await connection.execute(
                update(calls).where(calls.c.id.in_(some)).values(**row, score=self.rng.choice([None, 0.5]))
            )
            await mark_dirty(connection, some)

    async def correct(self) -> None:
        if self.booked:
            call = self.rng.choice(list(self.booked.values()))
            found = Attribution(
                AttributionKind.VISIT, self.rng.choice(["avito", "direct"]), "he said so", self.rng.choice(VISITS), 1.0
            )
            await self.visits.correct(Note(call.id, NOW, call.attribution), Note(call.id, NOW, found, "anna"))
            self.booked[call.id] = (await self.store.get(call.id)) or call


async def compare(life: Life, raw: Raw, begin: date, end: date) -> None:
    for level in Level:
        counted = raw.tallies(begin, end, level)
        rows = await life.rollups.tallies(begin, end, level, limit=1000)
        kept = {row.path: rounded(row.tally) for row in rows if row.tally != Tally()}
        assert kept == {
            path: rounded(tally) for path, tally in counted.items() if rounded(tally) != rounded(Tally())
        }, (begin, end, level)
        some = life.rng.sample(sorted(counted, key=repr), min(3, len(counted)))
        of = await life.rollups.of(begin, end, some)
        assert {path: rounded(tally) for path, tally in of.items()} == {path: rounded(counted[path]) for path in some}
    for source in ((), (None,), ("direct",)):
        heat = await life.rollups.heat(begin, end, source)
        hours = {(day, hour): heat[day][hour].calls for day in range(7) for hour in range(24) if heat[day][hour].calls}
        assert hours == raw.hours(begin, end, source)
        assert dict(await life.rollups.pages(begin, end, source, 1000)) == raw.seen(begin, end, source)
    operators = await life.rollups.operators(begin, end)
    assert {(o.line, o.answered_by): (o.calls, o.target, o.talk_ms, o.wait_ms) for o in operators} == raw.operators(
        begin, end
    )
    assert all(sum(operator.waits) == operator.calls for operator in operators)
    on_side = await life.rollups.operators(begin, end, "side")
    assert [(o.answered_by, o.waits) for o in on_side] == [
        (o.answered_by, o.waits) for o in operators if o.line == "side"
    ]


async def compare_series(life: Life, raw: Raw, begin: date, end: date, step: Step) -> None:
    paths = [(), ("direct",), (None,), ("direct", "brand"), ("nobody",)]
    series = await life.rollups.series(begin, end, step, paths)
    for place, days in enumerate(series.periods):
        for path in paths:
            counted = raw.tallies(days.begin, days.end, len(path)).get(path, Tally())
            assert rounded(series.tallies[path][place]) == rounded(counted), (days, path)


@pytest.mark.parametrize("seed", range(3))
async def test_rollups_say_what_the_raw_rows_say(database: Database, seed: int) -> None:
    life = Life(database, seed)
    try:
        for _ in range(4):
            await life.go_on(25)
            await life.keeper.settle()
            raw = await read_raw(database, BERLIN, TARGETS, SPAM)
            await compare(life, raw, FIRST, LAST + timedelta(days=1))
            for _ in range(3):
                begin, end = sorted(FIRST + timedelta(days=life.rng.randrange(232)) for _ in range(2))
                await compare(life, raw, begin, end)
            await compare_series(
                life, raw, *sorted((FIRST + timedelta(days=life.rng.randrange(232)), LAST)), life.rng.choice(list(Step))
            )
        assert await life.keeper.check() == []
    finally:
        await life.visits.close()


async def test_calls_say_what_their_visit_says_whoever_comes_first(database: Database) -> None:
    life = Life(database, 1)
    booked = Attribution(AttributionKind.VISIT, "direct", "so", "v1", 0.95)
    call = a_call(1, attribution=booked)
    await life.store.save(call)
    assert await _credits(database, call.id) == (None, None, None)
    revision = await life.store.latest_revision()
    touch = Touch("direct", "rule", campaign="brand", keyword="окна")
    visit = Visit("v1", "main", "p", 1.0, 1.0, "direct", touch, touch, "https://example.org/a?b=1#c")
    await life.visits.write(Batch(visits=[visit, replace(visit, id="v2", credited=replace(touch, campaign="other"))]))
    assert await _credits(database, call.id) == ("brand", "окна", "https://example.org/a")
    assert await life.store.latest_revision() > revision
    revision = await life.store.latest_revision()
    await life.visits.write(Batch(visits=[replace(visit, active=2.0)]))
    assert await life.store.latest_revision() == revision  # nothing that matters to the call has changed
    await life.store.save(replace(call, attribution=replace(booked, visit="v2")))
    assert (await _credits(database, call.id))[0] == "other"
    await life.store.save(replace(call, attribution=Attribution(AttributionKind.STATIC, "direct", "so")))
    assert await _credits(database, call.id) == (None, None, None)
    await life.visits.correct(Note(call.id, NOW, booked), Note(call.id, NOW, booked, "anna"))
    assert (await _credits(database, call.id))[0] == "brand"
    await life.visits.close()


async def test_shares_outlive_the_visits_they_came_from(database: Database) -> None:
    life = Life(database, 1)
    touch = Touch("direct", "rule", campaign="brand")
    await life.visits.write(
        Batch(visits=[Visit("v1", "main", "p", 1.0, 1.0, "direct", touch, touch, "https://example.org/")])
    )
    found = Attribution(AttributionKind.SOURCE_DEFAULT, "direct", "so")
    call = await life.store.save(replace(a_call(1, attribution=found), started_at=NOW))
    await life.visits.write(Batch(notes=[Note(call.id, NOW, found, candidates=(("v1", 0.4),))]))
    await life.keeper.settle()
    assert await life.visits.forget(NOW) == 1
    await life.keeper.rebuild()
    rows = await life.rollups.tallies(LAST, LAST + timedelta(days=1), Level.CAMPAIGN)
    assert [(row.path, row.tally.calls, round(row.tally.expected, 6)) for row in rows] == [
        (("direct", None), 1, 0.6),
        (("direct", "brand"), 0, 0.4),
    ]
    assert await life.keeper.check() == []
    await life.visits.close()


async def test_other_classes_or_another_zone_sum_up_everything_anew(database: Database) -> None:
    life = Life(database, 5)
    await life.go_on(40)
    assert await life.keeper.settle() > 1
    assert await life.keeper.settle() == 0
    tokyo = ZoneInfo("Asia/Tokyo")
    for zone, targets, spam in ((BERLIN, ("other",), SPAM), (tokyo, ("other",), ())):
        life.keeper.set_basis(zone, targets, spam)
        assert await life.keeper.settle() > 1
        await compare(life, await read_raw(database, zone, targets, spam), FIRST, LAST + timedelta(days=2))
    await life.visits.close()


async def test_the_check_finds_what_is_wrong_and_rebuilding_puts_it_right(database: Database) -> None:
    life = Life(database, 6)
    await life.go_on(30)
    await life.keeper.settle()
    raw = await read_raw(database, BERLIN, TARGETS, SPAM)
    call = life.booked[next(call["id"] for call in raw.calls if not raw.is_spam(call))]
    async with database.writing() as connection:  # behind everybody's back
        await connection.execute(update(calls).where(calls.c.id == call.id).values(value=12345))
    day = call.started_at.astimezone(BERLIN).date()
    assert {found.period for found in await life.keeper.check()} == {int(f"{day:%Y%m%d}")}
    told: list[tuple[int, int]] = []
    await life.keeper.rebuild(lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] > 0
    assert await life.keeper.check() == []
    await life.visits.close()


async def test_marks_that_come_while_a_day_is_summed_up_stay(database: Database) -> None:
    """Two keepers at once, and calls booked between."""
    import asyncio

    life = Life(database, 7)
    await life.go_on(30)
    other = RollupKeeper(database, BERLIN, TARGETS, lambda: NOW, spam=SPAM)
    await asyncio.gather(life.keeper.settle(), other.settle(), life.go_on(15))
    await life.keeper.settle()
    assert await life.keeper.waiting() == 0
    await compare(life, await read_raw(database, BERLIN, TARGETS, SPAM), FIRST, LAST + timedelta(days=1))
    await life.visits.close()


async def test_pools_by_the_hour(database: Database) -> None:
    visits, now = VisitStore(database), NOW
    rng, begin = random.Random(3), NOW - timedelta(hours=30)
    touch, free = Touch("direct", "rule"), {f"+7495111000{n}": begin.timestamp() for n in range(3)}
    open_leases: dict[str, Lease] = {}
    for n in range(200):
        number = min(free, key=free.__getitem__)
        began = max(begin.timestamp() + n * 500 + rng.random() * 100, free[number] + 1.0)
        active = began + rng.random() * 4000
        if began > now.timestamp():
            break
        free[number] = active + 100
        batch = [replace(open_leases.pop(number), ended=began)] if number in open_leases else []
        open_leases[number] = Lease(number, "direct", f"p{n}", None, began, active, left=active if n % 2 else None)
        visit = Visit(
            f"p{n}", "main", None, began, active, "direct", touch, touch, "https://example.org/", covered=n % 3 > 0
        )
        await visits.write(Batch([*batch, open_leases[number]], [visit]))
    keeper = RollupKeeper(database, BERLIN, TARGETS, lambda: now)
    await keeper.settle()
    raw = await read_raw(database, BERLIN, TARGETS, SPAM)
    found = await Rollups(database).occupancy(begin, now, "direct")
    assert len(found) > 25
    for hour in found:
        peak, busy = raw.busy("direct", hour.at, hour.at + timedelta(hours=1))
        assert (hour.peak, hour.busy) == (peak, pytest.approx(busy, abs=1e-4))
    assert sum(hour.visits for hour in found) == len(raw.visits)
    assert sum(hour.covered for hour in found) == sum(visit["covered"] for visit in raw.visits.values())
    taken = [lease for lease in raw.leases if lease["ended_at"] is not None]
    assert sum(hour.taken for hour in found) == len(taken)
    assert sum(hour.early for hour in found) == sum(
        (x["ended_at"] - x["active_at"]).total_seconds() < 300 for x in taken
    )
    by_day = await Rollups(database).occupancy(begin, now, by_day=True)
    assert sum(day.visits for day in by_day) in (0, len(raw.visits))  # days begin with the first call
    await visits.close()


@pytest.mark.parametrize(
    ("begin", "end", "closed", "parts"),
    [
        ((2026, 1, 30), (2026, 4, 3), 202603, [20260130, 20260131, 202602, 202603, 20260401, 20260402]),
        ((2026, 2, 1), (2026, 2, 28), 202603, list(range(20260201, 20260228))),
        ((2026, 2, 1), (2026, 3, 1), 202601, list(range(20260201, 20260229))),
        ((2026, 3, 1), (2026, 3, 1), 202601, []),
    ],
)
def test_a_period_is_made_of_whole_months_and_days(
    begin: tuple[int, int, int], end: tuple[int, int, int], closed: int, parts: list[int]
) -> None:
    assert parts_of(date(*begin), date(*end), closed) == parts


async def _credits(database: Database, call_id: str) -> tuple[str | None, ...]:
    async with database.reading() as connection:
        row = (
            await connection.execute(select(*(calls.c[name] for name in KEYS[1:])).where(calls.c.id == call_id))
        ).one()
        return tuple(row)
