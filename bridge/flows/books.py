"""The books: every fact of a call becomes part of its one record, and a fact is only done with once the store has it.

One task does it all, in order: it takes what AGI told of new calls, reads on in the journal, folds both into records, and saves the records
together with the journal's position in one transaction. While the store is down nothing is lost: the journal waits on disk, and
what AGI told is kept in memory (it can be decided again from the journal's line if even that is lost).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from bridge.core.directory import Directory
from bridge.core.journal import End, JournalError, parse
from bridge.core.model import Attribution, Call, Reached, Recording, RecordingStatus
from bridge.flows.finishing import Finishing
from bridge.flows.fold import BooksCounters, Facts, Fold
from bridge.flows.ports import CallBook, Clock, Journal, JournalBatch, RecordingDesk, StoreDownError
from bridge.flows.saving import read_known, save_apart

log = logging.getLogger(__name__)

MARK: Final = "journal"
POLL_SECONDS: Final = 0.5  #: how long a line of the journal waits if AMI does not say that it is there
GATHER_SECONDS: Final = 0.2  #: facts that come within it share a transaction, so that a busy minute makes few
HEARSAY_SECONDS: Final = 3.0  #: how long the journal has to tell what an event has told already
TIDY_SECONDS: Final = 60.0  #: between two looks at the length and age of the journal's files
RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
GRACE: Final = timedelta(seconds=5)  #: how much older than a call Asterisk's list of channels may be
MOST_WAITING: Final = 10_000  #: of each kind of fact that waits for the store in memory; the journal has them all
MOST_AT_ONCE: Final = 500  #: facts from AGI in one transaction


class Books:
    """Keeps the books. `run` is the one task that writes; everything else only leaves facts for it."""

    def __init__(
        self, store: CallBook, journal: Journal, recordings: RecordingDesk, directory: Directory, clock: Clock
    ) -> None:
        self.counters = BooksCounters()
        self.directory = directory
        self.store_problem: str | None = None  #: why the store cannot be written now
        self.journal_problem: str | None = None
        self.attributed: Callable[[Call], Call] = _as_it_is  #: books a call that nobody asked about on its visit
        self._store = store
        self._journal = journal
        self._clock = clock
        self._finishing = Finishing(recordings, self.recorded)
        self._open: dict[str, Call] = {}
        self._tokens: dict[str, str] = {}
        self._told: dict[str, Call] = {}  #: new calls from AGI
        self._finished: list[tuple[str, Recording]] = []
        self._revised: list[tuple[str, Attribution, Attribution]] = []
        self._cut: dict[str, datetime] = {}  #: calls that ended unseen: id -> last known moment
        self._hearsay: dict[str, tuple[datetime, End]] = {}
        self._rumours: dict[
            str, datetime
        ] = {}  #: when an event that anybody may have made said that an open call had ended
        self._position: str | None = None  #: how far the journal has been read
        self._saved: str | None = None  #: how far of it the store knows
        self._tidied = time.monotonic()
        self._wake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []  #: for a turn that begins from now on and finds no more
        self.running = False  #: the store is open, and the books are being kept

    # --- what others tell --------------------------------------------------------------------------------------------

    def opened(self, call: Call, token: str) -> None:
        """AGI: a call got its answer."""
        self._told[call.id] = call
        self._tokens[call.id] = token
        if len(self._told) > MOST_WAITING:
            del self._told[next(iter(self._told))]  # the journal's line will do
            self.counters.forgotten += 1
        if len(self._tokens) > MOST_WAITING:
            del self._tokens[next(iter(self._tokens))]
        self._wake.set()

    def recorded(self, call_id: str, recording: Recording) -> None:
        """What became of a call's recording."""
        self._finished.append((call_id, recording))
        self._wake.set()

    def revised(self, call_id: str, before: Attribution, after: Attribution) -> None:
        """Late evidence says that a call, booked so, came from elsewhere."""
        self._revised.append((call_id, before, after))
        self._wake.set()

    def finish_recording(self, call: Call) -> None:
        """Look again at what Asterisk wrote of a call that has ended."""
        self._finishing.finish(call)

    def heard(self, call_id: str, token: str, line: str) -> None:
        """AMI: a call ended. A wake-up; it counts as a fact only if its token is the call's and the journal stays silent."""
        self._wake.set()
        if not token or self._tokens.get(call_id) != token:
            if call_id in self._open:
                self._rumours[call_id] = self._clock()
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
        grace = self._clock() - GRACE
        for call in list(self._open.values()):
            before_restart = asterisk_started_at is not None and call.started_at < asterisk_started_at
            if call.uniqueid in channels:
                self._rumours.pop(call.id, None)
                continue
            if call.id in self._hearsay or (not before_restart and call.started_at > grace):
                continue  # its own event tells more, in a moment; or it may be younger than the list
            if before_restart and asterisk_started_at:
                self._cut[call.id] = min(last_alive, asterisk_started_at)
            else:
                self._cut[call.id] = self._rumours.get(call.id, last_alive)  # its channel is gone: the rumour was true
        self._wake.set()
        return len(self._cut)

    async def caught_up(self) -> None:
        """Wait until everything that is in the journal now is in the books."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._wake.set()
        await waiting

    @property
    def rumoured(self) -> bool:
        """Whether an event said that a call had ended, the journal stays silent, and reconcile() can tell whether it is true."""
        old = self._clock() - timedelta(seconds=HEARSAY_SECONDS)
        return any(
            at < old and call_id in self._open and self._open[call_id].started_at < self._clock() - GRACE
            for call_id, at in self._rumours.items()
        )

    @property
    def open_calls(self) -> tuple[Call, ...]:
        """The calls under way, as far as the books know."""
        return tuple(self._open.values())

    # --- the one task -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load what the store knows: calls left open, recordings left unfinished, the journal's position. Raises StoreDownError."""
        await self._load()
        for call in await self._store.pending_recordings():
            self._finishing.finish(call)

    async def run(self) -> None:
        """Write until cancelled. Anything it cannot write now stays where it is and is tried again."""
        failures = 0
        self.running = True
        try:
            while True:
                waiting, self._waiting = self._waiting, []
                try:
                    if failures:
                        await self._load()  # it may be another one: restored from a copy meanwhile
                    more = await self._turn()
                except StoreDownError as error:
                    self._waiting += waiting
                    self._say_down(error, failures)
                    await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                    failures += 1
                    continue
                except BaseException:
                    self._waiting += waiting
                    raise
                if failures:
                    log.warning("the store can be written again, after %d failed tries", failures)
                failures, self.store_problem = 0, None
                if more:
                    self._waiting += waiting
                else:
                    for future in waiting:
                        if not future.done():
                            future.set_result(None)
                    await self._rest()
        finally:
            self.running = False

    async def stop(self) -> None:
        """Write down what is known, and leave unfinished recordings for the next start."""
        with suppress(StoreDownError):
            while await self._turn():
                pass
        await self._finishing.stop()

    async def _load(self) -> None:
        self._open = {call.id: call for call in await self._store.open_calls()}
        self._position = self._saved = await self._store.get_mark(MARK)

    def _say_down(self, error: StoreDownError, failures: int) -> None:
        if failures == 0:
            log.error("the store cannot be written: %s; calls go on, facts wait in the journal", error)
        self.store_problem = str(error)
        self.counters.store_failures += 1

    async def _rest(self) -> None:
        """Until there may be something new."""
        if time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            await asyncio.to_thread(self._journal.tidy, self._saved)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):  # wait_for() of 3.11 can swallow a cancellation
                await self._wake.wait()
        if not self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
        self._wake.clear()

    async def _turn(self) -> bool:
        """One transaction's worth of work. True if there is more at once."""
        told = list(self._told.values())[:MOST_AT_ONCE]
        finished, cut = list(self._finished), dict(self._cut)
        self.counters.waiting = len(self._told)
        batch = await self._read()
        entries = batch.entries if batch else ()
        facts = Facts(
            told=told,
            entries=entries,
            lines=batch.lines if batch else (),
            cut=cut,
            # the journal comes first: what it has not told by the end of it, it does not have
            hearsay=[] if batch and batch.more else [end for at, end in self._hearsay.values() if at <= self._clock()],
            finished=finished,
            revised=list(self._revised),
        )
        if facts:
            fold, saved = await self._book(facts, batch)
            self._done(facts, fold, saved)
        if batch and batch.position != (self._position or ""):
            self._position = batch.position
        return bool(batch and batch.more) or bool(self._told)

    async def _read(self) -> JournalBatch | None:
        try:
            batch = await asyncio.to_thread(self._journal.read, self._position)
        except OSError as error:
            if self.journal_problem is None:
                log.error("the journal cannot be read: %s; calls go on, they are booked once it can", error)  # noqa: TRY400
            self.journal_problem = str(error)
            return None
        self.journal_problem = None
        return batch

    async def _book(self, facts: Facts, batch: JournalBatch | None) -> tuple[Fold, list[Call]]:
        """Fold and save. A fact that cannot be booked, whatever it is, is set aside, and the others are booked."""
        ids = facts.call_ids()
        known, unreadable = await read_known(self._store, sorted(ids - self._open.keys()))
        known |= {call_id: self._open[call_id] for call_id in ids & self._open.keys()}
        fold = Fold(self.directory, known, self.attributed)
        for call_id, error in unreadable.items():
            fold.refuse(call_id, error)
        await fold.run(self._store, facts)
        await self._set_aside(facts, fold.refused)
        marks = {MARK: batch.position} if batch and facts.entries else {}
        changed = list(fold.changed.values())
        try:
            saved = await self._store.save_all(changed, marks=marks, reached=fold.reached) if changed or marks else []
        except StoreDownError:
            raise
        except Exception:  # noqa: BLE001 - a record nobody can save must not keep the others out for ever
            saved, bad = await save_apart(self._store, changed)
            for call_id, error in bad.items():
                fold.refuse(call_id, error)
            await self._set_aside(facts, bad)
            await self._mark(marks, fold.reached)
        self._saved = marks.get(MARK, self._saved)
        return fold, saved

    async def _mark(self, marks: Mapping[str, str], reached: Sequence[Reached]) -> None:
        try:
            await self._store.save_all([], marks=marks, reached=reached)
        except StoreDownError:
            raise
        except Exception as error:  # no record is in this: it is the store
            raise StoreDownError(f"unexpected: {error!r}") from error

    async def _set_aside(self, facts: Facts, call_ids: Iterable[str]) -> None:
        lines = [line for call_id in call_ids for line in facts.lines_of(call_id)]
        try:
            if lines:
                await asyncio.to_thread(self._journal.set_aside, lines)
        except OSError as error:
            log.error("lines of the journal cannot be set aside (%s); they are: %s", error, lines)  # noqa: TRY400

    def _done(self, facts: Facts, fold: Fold, saved: list[Call]) -> None:
        for call in facts.told:
            if self._told.get(call.id) is call:
                del self._told[call.id]
        del self._finished[: len(facts.finished)]
        del self._revised[: len(facts.revised)]
        for call_id in facts.cut:
            self._cut.pop(call_id, None)
        for call_id in fold.refused:
            self._hearsay.pop(call_id, None)
        counters = self.counters
        counters.late += fold.late
        counters.interrupted += fold.interrupted
        counters.from_events += fold.from_events
        counters.rejected += len(fold.refused)
        kept = {call_id for call_id, _ in facts.finished}
        for call in saved:
            self._settle(call, let_go=call.id in kept)
        counters.open = len(self._open)
        counters.waiting = len(self._told)

    def _settle(self, call: Call, *, let_go: bool) -> None:
        before = self._open.get(call.id)
        if call.ended_at is None:
            self._open[call.id] = call
            self.counters.begun += before is None
            return
        self._open.pop(call.id, None)
        self._tokens.pop(call.id, None)
        self._hearsay.pop(call.id, None)
        if before is not None:
            self.counters.ended += 1
            log.info("call %s: %s", call.id, _in_words(call))
        if call.recording.status is RecordingStatus.UNNOTICED:
            log.error("call %s was NOT recorded: %s", call.id, call.recording.reason)
        if let_go:
            self._finishing.let_go(call)
        elif call.recording.status is RecordingStatus.PENDING or before is not None:
            self._finishing.finish(call)
        else:
            self._finishing.describe(call)


def _as_it_is(call: Call) -> Call:
    return call


def _in_words(call: Call) -> str:
    talk = f", talked {call.talk_seconds:.1f} s with {call.answered_by}" if call.talk_seconds is not None else ""
    return f"{call.outcome}{talk}"
