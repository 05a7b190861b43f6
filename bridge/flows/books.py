"""The books: every fact of a call becomes part of its one record, and a fact is only done with once the store has it.

One task does it all, in order: it takes what AGI told of new calls, reads on in the journal, folds both into records, and saves the records
together with the journal's position in one transaction. While the store is down nothing is lost: the journal waits on disk, and
what AGI told is kept in memory (it can be decided again from the journal's line if even that is lost).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from bridge.core.directory import Directory
from bridge.core.journal import End, JournalError, parse
from bridge.core.model import Call, Recording, RecordingStatus
from bridge.flows.fold import BooksCounters, Fold
from bridge.flows.ports import CallBook, Clock, Journal, RecordingDesk, RecordingLaterError, StoreDownError

log = logging.getLogger(__name__)

MARK: Final = "journal"
POLL_SECONDS: Final = 0.5  #: how long a line of the journal waits if AMI does not say that it is there
HEARSAY_SECONDS: Final = 3.0  #: how long the journal has to tell what an event has told already
Work: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class Books:
    """Keeps the books. `run` is the one task that writes; everything else only leaves facts for it."""

    def __init__(
        self, store: CallBook, journal: Journal, recordings: RecordingDesk, directory: Directory, clock: Clock
    ) -> None:
        self.counters = BooksCounters()
        self.directory = directory
        self.store_problem: str | None = None  #: why the store cannot be written now
        self.journal_problem: str | None = None
        self._store = store
        self._journal = journal
        self._recordings = recordings
        self._clock = clock
        self._open: dict[str, Call] = {}
        self._tokens: dict[str, str] = {}
        self._told: list[Call] = []  #: new calls from AGI
        self._finished: list[tuple[str, Recording]] = []
        self._cut: dict[str, datetime] = {}  #: calls that ended unseen: id -> last known moment
        self._hearsay: dict[str, tuple[datetime, End]] = {}
        self._position: str | None = None
        self._wake = asyncio.Event()
        self._finishing: dict[str, asyncio.Task[None]] = {}
        self._waiting: list[asyncio.Future[None]] = []  #: for a turn that begins from now on and finds no more
        self.running = False  #: the store is open, and the books are being kept

    # --- what others tell --------------------------------------------------------------------------------------------

    def opened(self, call: Call, token: str) -> None:
        """AGI: a call got its answer."""
        self._told.append(call)
        self._tokens[call.id] = token
        self._wake.set()

    def heard(self, call_id: str, token: str, line: str) -> None:
        """AMI: a call ended. A wake-up; it counts as a fact only if its token is the call's and the journal stays silent."""
        self._wake.set()
        if not token or self._tokens.get(call_id) != token:
            return
        with suppress(JournalError):
            entry = parse(line)
            if isinstance(entry, End) and entry.call_id == call_id:
                self._hearsay[call_id] = (self._clock() + timedelta(seconds=HEARSAY_SECONDS), entry)

    def wake(self) -> None:
        """There may be something new in the journal."""
        self._wake.set()

    async def reconcile(self, alive: Iterable[str], asterisk_started_at: datetime | None, last_alive: datetime) -> int:
        """After AMI is (re)connected: open calls whose trunk channel is gone have ended, even if nobody wrote it down.

        `alive` are the Uniqueids of all channels; `last_alive` is when Asterisk was last known to live. Returns how many were closed.
        """
        await self.caught_up()  # what the journal says of them comes first
        channels = set(alive)
        grace = self._clock() - timedelta(seconds=5)
        for call in list(self._open.values()):
            before_restart = asterisk_started_at is not None and call.started_at < asterisk_started_at
            if call.uniqueid in channels or (not before_restart and call.started_at > grace):
                continue
            self._cut[call.id] = (
                min(last_alive, asterisk_started_at) if before_restart and asterisk_started_at else last_alive
            )
        self._wake.set()
        return len(self._cut)

    async def caught_up(self) -> None:
        """Wait until everything that is in the journal now is in the books."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._wake.set()
        await waiting

    @property
    def open_calls(self) -> tuple[Call, ...]:
        """The calls under way, as far as the books know."""
        return tuple(self._open.values())

    # --- the one task -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load what the store knows: calls left open, recordings left unfinished, the journal's position. Raises StoreDownError."""
        self._open = {call.id: call for call in await self._store.open_calls()}
        self._position = await self._store.get_mark(MARK)
        for call in await self._store.pending_recordings():
            self._finish(call)

    async def run(self) -> None:
        """Write until cancelled. Anything it cannot write now stays where it is and is tried again."""
        failures = 0
        self.running = True
        while True:
            waiting, self._waiting = self._waiting, []
            try:
                more = await self._turn()
            except StoreDownError as error:
                self._waiting += waiting
                if failures == 0:
                    log.error("the store cannot be written: %s; calls go on, facts wait in the journal", error)  # noqa: TRY400
                self.store_problem = str(error)
                self.counters.store_failures += 1
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
                continue
            if failures:
                log.warning("the store can be written again, after %d failed tries", failures)
            failures, self.store_problem = 0, None
            if more:
                self._waiting += waiting
            else:
                for future in waiting:
                    if not future.done():
                        future.set_result(None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):  # wait_for() of 3.11 can swallow a cancellation
                        await self._wake.wait()
                self._wake.clear()

    async def stop(self) -> None:
        """Write down what is known, and leave unfinished recordings for the next start."""
        with suppress(StoreDownError):
            while await self._turn():
                pass
        tasks = list(self._finishing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _turn(self) -> bool:
        """One transaction's worth of work. True if there is more at once."""
        told, finished, cut = list(self._told), list(self._finished), dict(self._cut)
        self.counters.waiting = len(told)
        try:
            batch = await asyncio.to_thread(self._journal.read, self._position)
            self.journal_problem = None
        except OSError as error:
            if self.journal_problem is None:
                log.error("the journal cannot be read: %s; calls go on, they are booked once it can", error)  # noqa: TRY400
            self.journal_problem = str(error)
            batch = None
        entries = batch.entries if batch else ()
        overdue = [end for at, end in self._hearsay.values() if at <= self._clock()]
        if not (told or finished or cut or entries or overdue):
            if batch and batch.position != (self._position or ""):
                self._position = batch.position
            return bool(batch and batch.more)
        fold = Fold(self._store, self.directory, self._open, self.counters)
        for call in told:
            await fold.told(call)
        for entry in entries:
            await fold.entry(entry)
        for call_id, at in cut.items():
            await fold.cut(call_id, at)
        if not entries:
            for end in overdue:
                await fold.hearsay(end)
        for call_id, recording in finished:
            await fold.recorded(call_id, recording)
        marks = {MARK: batch.position} if batch and entries else {}
        saved = await self._store.save_all(list(fold.changed.values()), marks=marks) if fold.changed or marks else []
        self._done(told, finished, cut, saved)
        if batch:
            self._position = batch.position
        return bool(batch and batch.more) or bool(self._told)

    def _done(
        self, told: list[Call], finished: list[tuple[str, Recording]], cut: dict[str, datetime], saved: list[Call]
    ) -> None:
        del self._told[: len(told)]
        del self._finished[: len(finished)]
        for call_id in cut:
            self._cut.pop(call_id, None)
        kept = {call_id for call_id, recording in finished}
        for call in saved:
            before = self._open.get(call.id)
            if call.ended_at is None:
                self._open[call.id] = call
                self.counters.begun += before is None
                continue
            self._open.pop(call.id, None)
            self._tokens.pop(call.id, None)
            self._hearsay.pop(call.id, None)
            if before is not None:
                self.counters.ended += 1
                log.info("call %s: %s", call.id, _in_words(call))
            if call.recording.status is RecordingStatus.UNNOTICED:
                log.error("call %s was NOT recorded: %s", call.id, call.recording.reason)
            if call.id in kept:
                self._run_later(call.id, partial(self._let_go, call))
            elif call.recording.status is RecordingStatus.PENDING or before is not None:
                self._finish(call)
            else:
                self._run_later(call.id, partial(self._recordings.describe, call))
        self.counters.open = len(self._open)
        self.counters.waiting = len(self._told)

    # --- recordings -----------------------------------------------------------------------------------------------------

    def _finish(self, call: Call) -> None:
        self._run_later(call.id, partial(self._record, call))

    async def _record(self, call: Call) -> None:
        recording = await self._recordings.finish(call)
        if recording != call.recording:
            self._finished.append((call.id, recording))
            self._wake.set()
        else:
            await self._recordings.discard(call.id)

    async def _let_go(self, call: Call) -> None:
        await self._recordings.describe(call)  # with what the books have learned meanwhile
        await self._recordings.discard(call.id)

    def _run_later(self, call_id: str, work: Work) -> None:
        task = asyncio.create_task(_quietly(call_id, work))
        self._finishing[call_id] = task
        task.add_done_callback(
            lambda done: self._finishing.pop(call_id, None) if self._finishing.get(call_id) is done else None
        )


async def _quietly(call_id: str, work: Work) -> None:
    try:
        await work()
    except RecordingLaterError as error:
        log.warning("the recording of call %s waits: %s", call_id, error)
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("the recording of call %s failed", call_id)


def _in_words(call: Call) -> str:
    talk = f", talked {call.talk_seconds:.1f} s with {call.answered_by}" if call.talk_seconds is not None else ""
    return f"{call.outcome}{talk}"
