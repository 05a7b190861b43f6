from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.core import booking
from bridge.core.booking import opened
from bridge.core.directory import Directory, Line, NoticeSpec, Number, Source
from bridge.core.model import (
    AttributionKind,
    Binding,
    BindingKind,
    Call,
    DecidedBy,
    Outcome,
    Reached,
    Recording,
    RecordingStatus,
)
from bridge.core.plan import Leg
from bridge.core.routing import decide
from bridge.flows.books import Books
from bridge.flows.ports import RecordingLaterError, StoreDownError
from bridge.journal import JournalReader
from bridge.store.memory import MemoryStore

ID = "20261122-142701-76210-452748"
T0 = datetime(2026, 11, 22, 14, 27, 1, tzinfo=UTC)
DIRECTORY = Directory(
    fallback="office",
    lines={"office": Line("office", "Office", (Leg("PJSIP/101"),), 30)},
    sources={"radio": Source("radio", "Radio"), "tv": Source("tv", "TV")},
    numbers={"+74951110001": Number(Binding("+74951110001", BindingKind.STATIC, "radio"))},
    notices={"n": NoticeSpec("n", "/s/n", 1500, "abc", "ru")},
)


def epoch(seconds: float) -> str:
    return f"{T0.timestamp() + seconds:.3f}"


def begin(call_id: str = ID, number: str = "74951110001", at: float = 0) -> str:
    return f"1|begin|{call_id}|{epoch(at)}|1.1|PJSIP/trunk-0|{number}|+79161234567|allowed|Иван|.\n"


def answer(call_id: str = ID) -> str:
    return f"1|answer|{call_id}|{epoch(5)}|PJSIP/101|{epoch(5)}|.\n"


def rung(call_id: str = ID) -> str:
    return f"1|rung|{call_id}|{epoch(3)}|PJSIP/101|{epoch(20)}|{epoch(5)}|16|.\n"


def end(
    call_id: str = ID,
    number: str = "74951110001",
    by: str = "daemon",
    recording: str = "started",
    notice: str = "completed",
) -> str:
    return (
        f"1|end|{call_id}|{epoch(20)}|1.1|PJSIP/trunk-0|{number}|+79161234567|allowed|Иван|{epoch(0)}|{by}|radio|office|ru|/s/n|{epoch(1)}|{epoch(2.5)}|"
        f"{notice}|{recording}|wav|{epoch(5)}|PJSIP/101|1=ring={epoch(3)}=PJSIP/101~0=ANSWER;|ANSWER|16|caller|||.\n"
    )


class Desk:
    """Recordings that are always there."""

    def __init__(self) -> None:
        self.finished: list[str] = []
        self.discarded: list[str] = []
        self.described: list[str] = []
        self.later = False

    async def finish(self, call: Call) -> Recording:
        if self.later:
            raise RecordingLaterError("disk full")
        self.finished.append(call.id)
        return (
            Recording(RecordingStatus.KEPT, "x.wav", "wav", 8000, 15.0)
            if call.recording.status is RecordingStatus.PENDING
            else call.recording
        )

    async def discard(self, call_id: str) -> bool:
        self.discarded.append(call_id)
        return True

    async def describe(self, call: Call) -> None:
        self.described.append(call.id)


class Flaky(MemoryStore):
    """A store that can be down."""

    down = False
    poison: str | None = None  #: a call that no database would take
    turns: int = 0

    async def save_all(
        self, saved: Sequence[Call], *, marks: Mapping[str, str] | None = None, reached: Sequence[Reached] = ()
    ) -> list[Call]:
        self.turns += 1
        if self.down:
            raise StoreDownError("locked")
        if any(call.id == self.poison for call in saved):
            raise ArithmeticError("poison")
        return await super().save_all(saved, marks=marks, reached=reached)


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.psv"
        self.store = Flaky()
        self.desk = Desk()
        self.now = T0
        self.books = self.new_books()

    def new_books(self) -> Books:
        return Books(self.store, JournalReader(self.path), self.desk, DIRECTORY, lambda: self.now)

    def write(self, *lines: str) -> None:
        with self.path.open("a") as file:
            file.writelines(lines)
        self.books.wake()

    def told(self, call_id: str = ID, token: str = "secret") -> None:  # noqa: S107
        decision = decide(DIRECTORY, "74951110001", T0)
        self.books.opened(
            opened(
                call_id,
                decision,
                caller="+79161234567",
                caller_name="Иван",
                uniqueid="1.1",
                at=T0 + timedelta(seconds=0.1),
            ),
            token,
        )

    async def call(self, call_id: str = ID) -> Call:
        found = await self.store.get(call_id)
        assert found is not None
        return found

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110 - plain conditions, many of them
                await asyncio.sleep(0.005)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Books]:
        await self.books.start()
        task = asyncio.create_task(self.books.run())
        try:
            yield self.books
            if not self.store.down:
                caught_up = asyncio.create_task(self.books.caught_up())
                await asyncio.wait([caught_up, task], return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    task.result()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.books.stop()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_call_from_its_beginning_to_its_recording(world: World) -> None:
    async with world.running() as books:
        world.told()
        await books.caught_up()
        assert (await world.call()).ended_at is None
        assert [call.id for call in books.open_calls] == [ID]
        world.write(begin(), answer())
        await books.caught_up()
        assert (await world.call()).answered_at is not None
        world.write(rung(), end())
        await world.until(lambda: world.desk.discarded)
    call = await world.call()
    assert call.outcome is Outcome.ANSWERED
    assert call.started_at == T0
    assert call.recording.status is RecordingStatus.KEPT
    assert call.notice is not None
    assert call.notice.sha256 == "abc"
    assert call.first_time
    assert world.desk.described == [ID], "the sidecar says what the books say"
    assert (books.counters.begun, books.counters.ended, books.counters.late, books.counters.open) == (1, 1, 0, 0)


async def test_a_call_that_nobody_told_of_is_booked_from_the_journal_alone(world: World) -> None:
    world.write(begin(), rung(), answer(), end(by="cache"))
    async with world.running() as books:
        await world.until(lambda: world.desk.discarded)
    call = await world.call()
    assert call.decided_by is DecidedBy.CACHE
    assert (call.attribution.kind, call.attribution.source) == (AttributionKind.STATIC, "radio")
    assert books.counters.late == 1


async def test_a_late_call_gets_the_binding_of_its_own_time(world: World) -> None:
    await world.store.record_bindings(T0 - timedelta(days=9), [Binding("+74951110001", BindingKind.DEFAULT, "tv")])
    await world.store.record_bindings(T0 + timedelta(days=1), [Binding("+74951110001", BindingKind.STATIC, "radio")])
    world.write(begin(), end(by="cache"))
    async with world.running():
        pass
    call = await world.call()
    assert (call.attribution.kind, call.attribution.source, call.binding) == (
        AttributionKind.SOURCE_DEFAULT,
        "tv",
        BindingKind.DEFAULT,
    )
    assert "TV" in call.attribution.reason


async def test_the_end_alone_is_enough(world: World) -> None:
    world.write(end(by="static"))
    async with world.running():
        pass
    assert (await world.call()).outcome is Outcome.ANSWERED


async def test_reading_the_journal_again_changes_nothing(world: World) -> None:
    world.write(begin(), rung(), answer(), end())
    async with world.running():
        await world.until(lambda: world.desk.discarded)
    before = await world.call()
    await world.store.set_marks({"journal": ""})
    world.books = world.new_books()
    async with world.running():
        pass
    assert await world.call() == before
    assert len((await world.store.find()).calls) == 1


async def test_a_daemon_that_was_killed_goes_on_where_it_was(world: World) -> None:
    async with world.running():
        world.told()
        world.write(begin())
    world.write(rung(), end())
    world.books = world.new_books()
    async with world.running():
        await world.until(lambda: world.desk.discarded)
    assert (await world.call()).outcome is Outcome.ANSWERED
    assert (await world.call()).decided_by is DecidedBy.DAEMON


async def test_while_the_store_is_down_nothing_is_lost(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with world.running() as books:
        world.store.down = True
        world.told()
        world.write(begin(), rung(), end())
        await world.until(lambda: books.counters.store_failures >= 2)
        assert books.store_problem == "locked"
        assert books.counters.waiting == 1
        world.store.down = False
        await books.caught_up()
        assert books.store_problem is None
    assert (await world.call()).outcome is Outcome.ANSWERED
    assert caplog.text.count("the store cannot be written") == 1


async def test_a_journal_that_cannot_be_read_is_said_once_and_read_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.path.mkdir()
    async with world.running() as books:
        await world.until(lambda: books.journal_problem)
        world.path.rmdir()
        world.write(begin(), end())
        await books.caught_up()
        assert books.journal_problem is None
    assert (await world.call()).ended_at is not None
    assert caplog.text.count("the journal cannot be read") == 1


async def test_an_event_alone_books_nothing(world: World) -> None:
    async with world.running() as books:
        world.told()
        world.write(begin())
        await books.caught_up()
        for token in ("", "wrong"):
            books.heard(ID, token, end().strip())
        books.heard("20261122-142701-1-111111", "secret", end("20261122-142701-1-111111").strip())
        books.heard(ID, "secret", end("20261122-142701-1-111111").strip())
        books.heard(ID, "secret", "nonsense")
        world.now += timedelta(seconds=60)
        await books.caught_up()
        assert (await world.call()).ended_at is None
        assert [call.id for call in (await world.store.find()).calls] == [ID]


async def test_a_true_event_counts_when_the_journal_stays_silent(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running() as books:
        world.told()
        await books.caught_up()
        world.now += timedelta(seconds=10)
        books.heard(ID, "secret", end().strip())
        await books.caught_up()
        assert (await world.call()).ended_at is None, "the journal has its time to speak"
        world.now += timedelta(seconds=2)
        assert await books.reconcile([], T0 - timedelta(days=1), world.now) == 0, (
            "the event tells more than that it is gone"
        )
        world.now += timedelta(seconds=5)
        world.write(begin("20261122-142801-1-111111"))  # other calls go on
        await books.caught_up()
        assert (await world.call()).outcome is Outcome.ANSWERED
    assert books.counters.from_events == 1
    assert "is the disk full?" in caplog.text


async def test_calls_that_ended_unseen_are_closed_and_their_recordings_looked_for(world: World) -> None:
    other = "20261122-142801-1-111111"
    async with world.running() as books:
        world.told()
        world.told(other)
        world.write(begin(), begin(other), answer())
        await books.caught_up()
        world.now = T0 + timedelta(minutes=5)
        died = T0 + timedelta(seconds=60)
        assert await books.reconcile(["9.9"], T0 + timedelta(seconds=70), died) == 2
        await world.until(lambda: ID in world.desk.discarded)
    first, second = await world.call(), await world.call(other)
    assert (first.outcome, first.ended_at, first.talk_seconds) == (Outcome.INTERRUPTED, died, 55)
    assert first.recording.status is RecordingStatus.KEPT
    assert (second.outcome, second.recording.status) == (Outcome.INTERRUPTED, RecordingStatus.NONE)


async def test_calls_that_are_alive_or_have_just_begun_are_left_alone(world: World) -> None:
    async with world.running() as books:
        world.told()
        await books.caught_up()
        assert await books.reconcile([], None, T0) == 0, "it began a moment ago: Asterisk's list may be older"
        world.now += timedelta(minutes=5)
        assert await books.reconcile(["1.1"], None, world.now) == 0
        await books.caught_up()
    assert (await world.call()).ended_at is None


async def test_a_call_whose_end_nobody_wrote_ended_when_its_event_came(world: World) -> None:
    """The daemon was away when it began, so it has no token for it, and the disk was full when it ended."""
    async with world.running() as books:
        world.write(begin(), answer())
        await books.caught_up()
        world.now = T0 + timedelta(seconds=20)
        books.heard(ID, "", end().strip())
        world.now = T0 + timedelta(seconds=55)
        assert books.rumoured
        assert await books.reconcile(["1.1"], T0 - timedelta(days=1), world.now) == 0, "it lives: the event was forged"
        assert not books.rumoured
        world.now = T0 + timedelta(seconds=20)
        books.heard(ID, "", end().strip())
        assert not books.rumoured, "the journal may be a moment late"
        world.now = T0 + timedelta(seconds=55)
        assert await books.reconcile([], T0 - timedelta(days=1), world.now) == 1
    call = await world.call()
    assert (call.outcome, call.talk_seconds) == (Outcome.INTERRUPTED, 15)


async def test_the_journal_outranks_the_reconciliation(world: World) -> None:
    async with world.running() as books:
        world.told()
        world.write(begin(), end())
        world.now += timedelta(minutes=5)
        assert await books.reconcile([], world.now, world.now) == 0
    assert (await world.call()).outcome is Outcome.ANSWERED


async def test_a_call_without_its_notice_is_said_loudly(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with world.running():
        world.write(begin(), end(recording="unnoticed", notice="missing"))
    assert (await world.call()).recording.status is RecordingStatus.UNNOTICED
    assert "NOT recorded: the notice's file could not be played" in caplog.text


async def test_a_recording_that_has_to_wait_is_finished_at_the_next_start(world: World) -> None:
    world.desk.later = True
    world.write(begin(), end())
    async with world.running():
        pass
    assert (await world.call()).recording.status is RecordingStatus.PENDING
    world.desk.later = False
    world.books = world.new_books()
    async with world.running():
        await world.until(lambda: world.desk.discarded)
    assert (await world.call()).recording.status is RecordingStatus.KEPT


async def test_a_journal_of_thousands(world: World) -> None:
    ids = [f"20261122-142701-{n}-452748" for n in range(1000)]
    world.write(*(text for x in ids for text in (begin(x), rung(x), answer(x), end(x))))
    async with world.running() as books:
        await books.caught_up()
        assert books.counters.open == 0
    assert len([x for x in ids if (await world.call(x)).outcome is Outcome.ANSWERED]) == 1000


async def test_a_record_that_cannot_be_saved_does_not_keep_the_others_out(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [f"20261122-142701-{n}-452748" for n in range(9)]
    world.store.poison = ids[4]
    world.write(*(text for x in ids for text in (begin(x), end(x))))
    async with world.running() as books:
        await books.caught_up()
        assert books.counters.rejected == 1
    assert len((await world.store.find()).calls) == 8
    aside = world.path.with_name("journal.rejected")
    assert aside.read_text() == begin(ids[4]) + end(ids[4])
    assert ids[4] in caplog.text
    assert "poison" in caplog.text
    # mended: the lines that were set aside are read again by the same way as all others
    world.store.poison = None
    world.write(aside.read_text())
    world.books = world.new_books()
    async with world.running():
        pass
    assert (await world.call(ids[4])).outcome is Outcome.ANSWERED


async def test_a_fact_that_cannot_be_understood_is_set_aside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "20261122-142801-1-111111"

    def breaks(call: Call, entry: object, **_: object) -> Call:
        if call.id == ID:
            raise RecursionError("strange")
        return true_ended(call, entry, **_)  # type: ignore[arg-type]

    true_ended = booking.ended
    monkeypatch.setattr(booking, "ended", breaks)
    world.write(begin(), end(), begin(other), end(other))
    async with world.running() as books:
        await books.caught_up()
        assert books.counters.rejected == 1
    assert (await world.call(other)).outcome is Outcome.ANSWERED
    assert ID in world.path.with_name("journal.rejected").read_text()


async def test_a_record_that_cannot_be_read_back_is_set_aside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "20261122-142801-1-111111"
    true_get = world.store.get_many

    async def breaks(call_ids: Sequence[str]) -> list[Call]:
        if ID in call_ids:
            raise ValueError("'nonsense' is not a valid Outcome")
        return await true_get(call_ids)

    monkeypatch.setattr(world.store, "get_many", breaks)
    world.write(begin(), end(), begin(other), end(other))
    async with world.running() as books:
        await books.caught_up()
    assert (await world.call(other)).ended_at is not None
    assert await world.store.get(ID) is None


async def test_what_waits_in_memory_for_the_store_is_bounded_and_comes_from_the_journal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.flows.books.MOST_WAITING", 5)
    ids = [f"20261122-142701-{n}-452748" for n in range(12)]
    async with world.running() as books:
        world.store.down = True
        for x in ids:
            world.told(x, token=x)
            world.write(begin(x), end(x))
        await world.until(lambda: books.counters.store_failures)
        assert books.counters.forgotten == 7
        assert books.counters.waiting == 5
        world.store.down = False
        await books.caught_up()
    assert [(await world.call(x)).outcome for x in ids] == [Outcome.ANSWERED] * 12


async def test_counters_count_once_however_often_the_store_fails(world: World) -> None:
    async with world.running() as books:
        world.store.down = True
        world.write(begin(), end(by="cache"))
        await world.until(lambda: books.counters.store_failures >= 3)
        world.store.down = False
        await books.caught_up()
        assert books.counters.late == 1


async def test_a_journal_of_days_ago_is_booked_with_its_own_times(world: World) -> None:
    world.now = T0 + timedelta(days=12)
    world.write(begin(), answer(), rung(), end())
    async with world.running() as books:
        await books.caught_up()
    call = await world.call()
    assert (call.started_at, call.talk_seconds) == (T0, 15)


async def test_many_calls_are_booked_in_few_transactions(world: World) -> None:
    ids = [f"20261122-142701-{n}-452748" for n in range(1000)]
    world.write(*(text for x in ids for text in (begin(x), rung(x), answer(x), end(x, recording="off"))))
    async with world.running() as books:
        await books.caught_up()
        assert world.store.turns < 20
    assert len((await world.store.find(limit=1000)).calls) == 1000


async def test_books_that_fail_can_be_taken_up_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.books.start()
    with monkeypatch.context() as broken:
        broken.setattr(world.books, "_read", "not callable")
        with pytest.raises(TypeError):
            await world.books.run()
    assert not world.books.running
    caught_up = asyncio.create_task(world.books.caught_up())
    world.write(begin(), end())
    async with world.running():
        await caught_up
    assert (await world.call()).outcome is Outcome.ANSWERED
