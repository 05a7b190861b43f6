"""The picture of open calls: the books', and for a moment those that the books do not know yet. And the lab that answers questions one at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bridge.core.booking import opened
from bridge.core.desk.pools import Question, TooFew
from bridge.core.directory import Directory, Line
from bridge.core.model import Call
from bridge.core.plan import Leg
from bridge.core.routing import decide
from bridge.flows import pool_lab
from bridge.flows.live import Live
from bridge.flows.pool_lab import Answer, LabError, PoolLab

DIRECTORY = Directory("sales", {"sales": Line("sales", "", (Leg("PJSIP/101"),), 20)})


class World:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.books: list[Call] = []
        self.well = True
        self.live = Live(lambda: self.books, lambda: self.well, lambda: DIRECTORY, lambda: self.now)

    def call(self, number: int = 1) -> Call:
        decision = decide(DIRECTORY, "+74951110001", self.now)
        call_id = f"20261122-120000-{number}-{number:06}"
        return opened(call_id, decision, caller=None, caller_name="", uniqueid="1.1", at=self.now)

    def ids(self) -> list[str]:
        return [live.call.id for live in self.live.calls()]


async def test_a_call_is_there_before_the_books_have_it_and_once() -> None:
    world = World()
    call = world.call()
    world.live.began(call)
    assert world.ids() == [call.id]
    world.books.append(call)
    assert world.ids() == [call.id]
    world.books.clear()
    assert world.ids() == []  # over, as the books say


async def test_a_call_the_books_never_take_does_not_stay() -> None:
    world = World()
    world.live.began(world.call())
    world.now += timedelta(seconds=11)
    assert world.ids() == []
    world.well = False
    world.live.began(world.call(2))
    world.now += timedelta(minutes=5)
    assert len(world.ids()) == 1  # they cannot be written: it may well go on
    world.now += timedelta(hours=1)
    assert world.ids() == []


async def test_an_event_takes_away_only_what_the_books_do_not_have() -> None:
    world = World()
    known, told = world.call(1), world.call(2)
    world.books.append(known)
    world.live.began(told)
    world.live.heard(known.id)
    world.live.heard(told.id)
    assert world.ids() == [known.id]


async def test_whoever_waits_hears_at_once() -> None:
    world = World()
    waiting = asyncio.create_task(world.live.moved(60))
    await asyncio.sleep(0)
    world.live.began(world.call())
    async with asyncio.timeout(5):
        await waiting
        await world.live.moved(0.001)  # and after a while in any case


async def test_questions_are_answered_one_at_a_time_and_kept() -> None:
    asked: list[Question] = []
    go_on = asyncio.Event()

    async def ask(question: Question, progress: object) -> Answer:
        asked.append(question)
        await go_on.wait()
        if question.source == "broken":
            raise LabError("no")
        return TooFew(len(asked))

    lab = PoolLab(ask)
    one, other, broken = (Question(name, 28) for name in ("one", "other", "broken"))
    jobs = [lab.job(one), lab.job(one), lab.job(other), lab.job(broken)]
    assert jobs[0] is jobs[1]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asked == [one]
    for n in range(pool_lab.MOST_WAITING - 3):
        assert lab.job(Question("many", n)) is not None
    assert lab.job(Question("too", 1)) is None
    go_on.set()
    async with asyncio.timeout(5):
        while any(job is not None and job.ended is None for job in jobs):  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert [job.answer for job in jobs if job] == [TooFew(1), TooFew(1), TooFew(2), None]
    assert jobs[3] is not None
    assert jobs[3].problem == "no"
    assert lab.job(one) is jobs[0]  # not asked again
    await lab.stop()


async def test_what_is_under_way_is_given_up_at_the_end() -> None:
    async def ask(question: Question, progress: object) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    lab = PoolLab(ask)
    job = lab.job(Question("one", 28))
    await asyncio.sleep(0)
    await lab.stop()
    assert job is not None
    assert job.ended is not None
    assert job.answer is None
