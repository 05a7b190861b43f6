"""Who waits to be called back, in the books."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from store_samples import NOON, answered, missed

from bridge.core.model import Outcome, Reached
from bridge.store.callback_schema import reached
from bridge.store.calls import CallStore
from bridge.store.engine import Database
from bridge.store.schema import calls


async def standing(database: Database, call_id: str) -> tuple[bool, str | None]:
    async with database.reading() as connection:
        query = select(calls.c.wants_callback, calls.c.called_back_by).where(calls.c.id == call_id)
        row = (await connection.execute(query)).one()
        return row.wants_callback, row.called_back_by


async def test_a_missed_call_waits_until_he_is_answered(database: Database) -> None:
    books = CallStore(database)
    first = await books.save(missed(0))
    assert await standing(database, first.id) == (True, None)
    await books.save(missed(5))
    assert await standing(database, first.id) == (True, None)
    later = await books.save(answered(9))
    assert await standing(database, first.id) == (False, "caller")
    assert await standing(database, later.id) == (False, None)


async def test_in_whatever_order_the_books_hear_of_it(database: Database) -> None:
    books = CallStore(database)
    await books.save(answered(9))
    first = await books.save(missed(0))
    assert await standing(database, first.id) == (False, "caller")
    last = await books.save(missed(20, outcome=Outcome.BUSY))
    assert await standing(database, last.id) == (True, None)


async def test_a_call_back_is_noted_once_and_counts_for_his_calls_before_it(database: Database) -> None:
    books = CallStore(database)
    first, other = await books.save_all([missed(0), missed(1, caller="+79160000000")])
    fact = Reached("+79161112233", NOON + timedelta(minutes=40), "PJSIP/101", 31_000)
    await books.save_all([missed(60)], reached=[fact, fact])
    await books.save_all([], reached=[fact])
    assert await standing(database, first.id) == (False, "company")
    assert await standing(database, other.id) == (True, None)
    async with database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(reached))).scalar_one() == 1
        waiting = select(calls.c.started_at).where(calls.c.wants_callback, calls.c.caller == "+79161112233")
        assert (await connection.execute(waiting)).scalars().all() == [NOON + timedelta(minutes=60)]


async def test_calls_of_nobody_and_old_ones_are_left_alone(database: Database) -> None:
    books = CallStore(database)
    nobody = await books.save(missed(0, caller=None))
    assert await standing(database, nobody.id) == (False, None)
