"""Many calls in one transaction end as the same calls one by one do."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from store_samples import NOON, a_call, answered, missed

from bridge.core.model import Binding, BindingKind, Call, Ring
from bridge.store.calls import CallStore
from bridge.store.memory import MemoryStore

Books = CallStore | MemoryStore


def _some_calls(dice: random.Random) -> list[Call]:
    made = []
    for seq in range(40):
        make = dice.choice([a_call, answered, missed])
        caller = dice.choice([None, "+70000000001", "+70000000002", "+70000000003"])
        call = make(seq, caller=caller, minutes=dice.randrange(30))
        rings = tuple(Ring("PJSIP/101", call.started_at + timedelta(seconds=n)) for n in range(dice.randrange(3)))
        made.append(replace(call, rings=rings))
    return made


@pytest.mark.parametrize("seed", range(6))
async def test_batches_say_what_single_writes_say(books: Books, seed: int) -> None:
    dice = random.Random(seed)
    single = MemoryStore()
    known = _some_calls(dice)
    for _ in range(6):
        batch = dice.sample(known, dice.randrange(1, 30))
        changes = (
            lambda call: replace(call, started_at=call.started_at + timedelta(minutes=dice.randrange(-20, 20))),
            lambda call: replace(call, caller=dice.choice([None, "+70000000001", "+70000000004"])),
            lambda call: replace(call, rings=()),
            lambda call: call,
        )
        known_now = {call.id: dice.choice(changes)(call) for call in batch}
        known = [known_now.get(call.id, call) for call in known]
        saved = await books.save_all(list(known_now.values()))
        for call in known_now.values():
            await single.save(call)
        assert sorted(saved, key=lambda call: call.id) == sorted(
            await single.get_many(list(known_now)), key=lambda call: call.id
        )
        everything = (await single.find(limit=1000)).calls
        assert (await books.find(limit=1000)).calls == everything
    changed, _ = await books.changed_after(0, limit=1000)
    assert len(changed) == len(everything), "every call has a revision of its own"


async def test_more_than_one_statement_holds(books: Books) -> None:
    calls = [answered(seq, caller=f"+7{seq:010}") for seq in range(1203)]
    assert [call.first_time for call in await books.save_all(calls)] == [True] * 1203
    assert len(await books.get_many([call.id for call in calls])) == 1203
    before = await books.latest_revision()
    await books.save_all(calls)
    assert await books.latest_revision() == before


async def test_many_bindings_at_once(books: Books) -> None:
    old, new = (Binding("+7495", BindingKind.STATIC, source) for source in ("old", "new"))
    await books.record_bindings(NOON, [old])
    await books.record_bindings(NOON + timedelta(hours=1), [new])
    asked = [(number, NOON + timedelta(minutes=m)) for number in ("+7495", "+7496") for m in (-1, 0, 59, 60, 90)]
    assert await books.bindings_at(asked) == [await books.binding_at(*one) for one in asked]
    assert (await books.bindings_at(asked))[:5] == [None, old, old, new, new]
