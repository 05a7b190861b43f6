"""What any books promise: held over memory, SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from store_samples import NOON, a_call, answered, full_call, missed

from bridge.core.model import Binding, BindingKind, Call, Outcome, Recording, RecordingStatus
from bridge.store.calls import CallStore
from bridge.store.filters import CallFilter
from bridge.store.memory import MemoryStore

Books = CallStore | MemoryStore


def test_memory_has_every_method_of_the_store() -> None:
    named = {name for name in vars(CallStore) if not name.startswith("_")}
    assert named == {name for name in vars(MemoryStore) if not name.startswith("_")}


async def test_every_field_survives(books: Books) -> None:
    call = full_call()
    for field in fields(Call):
        assert getattr(call, field.name), f"the sample does not fill {field.name}"
    assert await books.save(call) == call
    assert await books.get(call.id) == call
    assert (await books.find()).calls == (call,)


async def test_a_call_with_hardly_anything_survives(books: Books) -> None:
    call = a_call(caller=None, source=None, line=None)
    assert await books.begin(call) == call
    assert await books.get(call.id) == call
    assert await books.get("20260101-000000-1-000000") is None


async def test_begin_does_not_touch_a_known_call(books: Books) -> None:
    saved = await books.save(answered(1))
    assert await books.begin(a_call(1, line="other")) == saved
    assert await books.get(saved.id) == saved


async def test_save_replaces_the_whole_record(books: Books) -> None:
    full = await books.save(full_call())
    bare = replace(a_call(caller=None), id=full.id)
    await books.save(bare)
    assert await books.get(full.id) == bare


async def test_saving_the_same_twice_changes_nothing(books: Books) -> None:
    await books.save(full_call())
    revision = await books.latest_revision()
    await books.save(full_call())
    assert await books.latest_revision() == revision


async def test_text_no_database_holds_is_cleaned_not_refused(books: Books) -> None:
    call = await books.save(a_call(caller_name="a\0b\ud800c", quality={"rtt": float("nan"), "lp": 1.0}))
    assert call.caller_name == "ab?c"
    assert call.quality == {"lp": 1.0}
    assert await books.get(call.id) == call


async def test_a_time_without_zone_is_refused(books: Books) -> None:
    if isinstance(books, MemoryStore):
        pytest.skip("memory keeps what it is given")
    with pytest.raises(Exception, match="a time without its zone"):
        await books.save(a_call(started_at=NOON.replace(tzinfo=None)))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_first_time_is_the_earliest_call_in_whatever_order_they_are_booked(
    books: Books, order: tuple[int, ...]
) -> None:
    for seq in order:
        saved = await books.save(answered(seq))
        assert saved == await books.get(saved.id)
    flags = [call.first_time for call in reversed((await books.find()).calls)]
    assert flags == [True, False, False]


async def test_first_time_follows_a_corrected_caller(books: Books) -> None:
    one, two, other = answered(1), answered(2), answered(3, caller="+79990000000")
    await books.save_all([one, two, other])
    await books.save(replace(one, caller="+79990000000"))
    assert [(await books.get(call.id)).first_time for call in (one, two, other)] == [True, True, False]
    await books.save(replace(one, caller=None))
    assert [(await books.get(call.id)).first_time for call in (one, two, other)] == [None, True, True]


async def test_first_time_of_a_withheld_caller_is_not_known(books: Books) -> None:
    await books.save_all([answered(1, caller=None), answered(2, caller=None)])
    assert {call.first_time for call in (await books.find()).calls} == {None}


async def test_is_first_call(books: Books) -> None:
    await books.save(missed(5))
    assert await books.is_first_call("+79161112233", NOON + timedelta(minutes=5))
    assert not await books.is_first_call("+79161112233", NOON + timedelta(minutes=6))
    assert await books.is_first_call("+70000000000", NOON + timedelta(minutes=6))


async def test_open_calls_are_those_not_ended_oldest_first(books: Books) -> None:
    await books.save_all([a_call(3), answered(1), a_call(2)])
    assert [call.started_at for call in await books.open_calls()] == [NOON + timedelta(minutes=m) for m in (2, 3)]


async def test_pending_recordings_are_those_to_be_finished_oldest_first(books: Books) -> None:
    waiting = [answered(seq, recording=Recording(RecordingStatus.PENDING)) for seq in (3, 1)]
    await books.save_all([*waiting, answered(2)])
    assert {call.recording.status for call in await books.pending_recordings()} == {RecordingStatus.PENDING}
    assert [call.id for call in await books.pending_recordings()] == [waiting[1].id, waiting[0].id]


async def test_pages_show_every_call_once_also_with_equal_times(books: Books) -> None:
    await books.save_all([answered(seq, minutes=seq // 3) for seq in range(10)])
    seen, cursor = [], None
    while True:
        page = await books.find(limit=4, cursor=cursor)
        seen += page.calls
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == 10
    assert seen == sorted(seen, key=lambda call: (call.started_at, call.id), reverse=True)
    with pytest.raises(ValueError, match=r"cursor|isoformat"):
        await books.find(cursor="nonsense")


@pytest.mark.parametrize(
    ("wanted", "seqs"),
    [
        (CallFilter(), [4, 3, 2, 1]),
        (CallFilter(since=NOON + timedelta(minutes=2)), [4, 3, 2]),
        (CallFilter(until=NOON + timedelta(minutes=2)), [1]),
        (CallFilter(sources=("radio",)), [3]),
        (CallFilter(sources=(None,)), [2]),
        (CallFilter(sources=(None, "radio")), [3, 2]),
        (CallFilter(outcomes=(Outcome.BUSY, Outcome.UNANSWERED)), [4, 2]),
        (CallFilter(callers=("+70000000000",)), [3]),
        (CallFilter(lines=("night",)), [4]),
        (CallFilter(spam=True), [2]),
        (CallFilter(spam=False), [4, 3, 1]),
        (CallFilter(numbers=("+74950000000",)), [1]),
        (CallFilter(outcomes=("answered",), sources=("radio",)), [3]),
    ],
)
async def test_filters(books: Books, wanted: CallFilter, seqs: list[int]) -> None:
    await books.save_all(
        [
            answered(1, number="+74950000000"),
            missed(2, source=None, spam=True),
            answered(3, source="radio", caller="+70000000000"),
            missed(4, line="night", outcome=Outcome.BUSY),
        ]
    )
    found = (await books.find(wanted)).calls
    assert [int((call.started_at - NOON) / timedelta(minutes=1)) for call in found] == seqs
    changed, _ = await books.changed_after(0, wanted)
    assert {call.id for call in changed} == {call.id for call in found}


async def test_prefix(books: Books) -> None:
    await books.save_all([answered(1), answered(2), answered(600)])
    assert [call.id for call in await books.get_by_prefix("20261120-12")] == [
        "20261120-120100-1-000001",
        "20261120-120200-2-000002",
    ]
    assert len(await books.get_by_prefix("20261120-12", limit=1)) == 1
    assert await books.get_by_prefix("2026112%") == []


async def test_a_follower_sees_every_change_once_in_order(books: Books) -> None:
    await books.begin(a_call(1))
    await books.begin(a_call(2, caller="+70000000000"))
    changed, revision = await books.changed_after(0)
    assert [call.ended_at for call in changed] == [None, None]
    assert await books.changed_after(revision) == ([], revision)
    late = await books.save(answered(0))  # booked late: call 1 is not the caller's first any more
    changed, after = await books.changed_after(revision)
    assert {call.id for call in changed} == {late.id, a_call(1).id}
    assert after > revision
    first, middle = await books.changed_after(revision, limit=1)
    rest, _ = await books.changed_after(middle)
    assert len(first) == len(rest) == 1


async def test_marks_go_with_the_calls_or_not_at_all(books: Books) -> None:
    assert await books.get_mark("journal") is None
    await books.save(answered(1), marks={"journal": "10"})
    await books.set_marks({"journal": "20", "other": "x"})
    assert (await books.get_mark("journal"), await books.get_mark("other")) == ("20", "x")
    broken = replace(answered(3), quality={"rtt": object()})  # type: ignore[dict-item]
    with pytest.raises(Exception, match="real number"):
        await books.save_all([answered(2), broken], marks={"journal": "30"})
    assert await books.get_mark("journal") == "20"
    assert len((await books.find()).calls) == 1


async def test_bindings_are_remembered_over_time(books: Books) -> None:
    static = Binding("+7495", BindingKind.STATIC, "radio")
    pool = Binding("+7496", BindingKind.POOL, "direct", "direct-pool")
    retiring = Binding("+7495", BindingKind.RETIRING, "radio", since=NOON)
    hours = [NOON + timedelta(hours=hour) for hour in range(5)]
    assert await books.record_bindings(hours[1], [static, pool]) == 2
    assert await books.record_bindings(hours[2], [static, pool]) == 0
    assert await books.record_bindings(hours[3], [retiring]) == 2
    assert [await books.binding_at("+7495", at) for at in hours] == [None, static, static, retiring, retiring]
    assert [await books.binding_at("+7496", at) for at in hours] == [None, pool, pool, None, None]
    assert await books.record_bindings(hours[4], [retiring, pool]) == 1
    assert await books.binding_at("+7496", hours[4]) == pool


async def test_bindings_bear_a_clock_that_goes_back(books: Books) -> None:
    a, b, c = (Binding("+7495", BindingKind.STATIC, source) for source in "abc")
    for hour, binding in ((1, a), (3, b), (2, c)):
        await books.record_bindings(NOON + timedelta(hours=hour), [binding])
    seen = [await books.binding_at("+7495", NOON + timedelta(hours=hour)) for hour in (0, 1, 2, 3)]
    assert seen[0] is None
    assert seen[2:] == [c, c]
    await books.record_bindings(NOON, [])
    assert await books.binding_at("+7495", NOON + timedelta(hours=9)) is None


async def test_eight_writers_at_once_lose_nothing(books: Books) -> None:
    async def write(writer: int) -> None:
        for n in range(5):
            seq = writer * 5 + n
            await books.begin(a_call(seq))
            await books.save(answered(seq), marks={f"writer-{writer}": str(n)})

    await asyncio.gather(*(write(writer) for writer in range(8)))
    calls = (await books.find()).calls
    assert len(calls) == 40
    assert {call.outcome for call in calls} == {Outcome.ANSWERED}
    assert sum(bool(call.first_time) for call in calls) == 1
    assert [await books.get_mark(f"writer-{writer}") for writer in range(8)] == ["4"] * 8
