"""Visits and leases into the store, many at once: leases at once, for a page waits until its number stands in the books; what else is known
of visits a moment later. The disk has it all within a tenth of a second.

Whatever cannot be written now is kept and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bridge.core.pools.lease import Lease
from bridge.core.site import PageView, Visit
from bridge.flows.ports import StoreDownError
from bridge.flows.visit_ports import Batch, Note, VisitBook

log = logging.getLogger(__name__)

GATHER_SECONDS: Final = 0.002  #: for others to come along in one transaction
DETAILS_SECONDS: Final = 0.05  #: the same for what no page waits for
SYNC_SECONDS: Final = 0.02  #: from a transaction until it is told to the disk
SLOW_SECONDS: Final = 5.0  #: how long it may take until the books know that somebody is still there
#: How long a page, which shows the printed number meanwhile, waits for its own to be written down.
GIVE_UP_SECONDS: Final = 1.5
AT_ONCE: Final = 500  #: visits or pages in one transaction: leases wait for it
RETRY_SECONDS: Final = 1.0
MOST_WAITING: Final = 100_000  #: leases kept for a store that is down


@dataclass(slots=True)
class WritingCounters:
    """Since the start, but for `waiting`."""

    batches: int = 0
    leases: int = 0
    failures: int = 0
    refused: int = 0  #: leases the store would not take: it holds the number for somebody else
    dropped: int = 0  #: facts given up while the store was down, because too many waited
    waiting: int = 0


class Writing:
    """`drain` gives the leases changed since the last time, the ended ones first."""

    def __init__(self, store: VisitBook, drain: Callable[[], list[Lease]]) -> None:
        self.counters = WritingCounters()
        self.problem: str | None = None
        self._store = store
        self._drain = drain
        self._leases: dict[tuple[str, float], Lease] = {}  #: to be written at once
        self._slow: dict[tuple[str, float], Lease] = {}  #: only their last sign of life has changed
        self._written: dict[tuple[str, float], tuple[object, ...]] = {}  #: of leases under way, without that
        self._visits: dict[str, Visit] = {}
        self._slow_visits: dict[str, Visit] = {}
        self._pages: list[tuple[str, int, PageView]] = []
        self._notes: list[Note] = []
        self._marks: dict[str, str] = {}
        self._waiters: list[asyncio.Future[bool]] = []
        self._wake = asyncio.Event()
        self._unsynced = asyncio.Event()
        self._slow_at = 0.0
        self._details_at = 0.0
        self._stored: set[tuple[str, float]] = set()  #: open leases that the store has

    # -- what is to be written -----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """A lease changed that must not wait."""
        self._wake.set()

    def visit(self, visit: Visit, *, soon: bool) -> None:
        """A visit began or changed; `soon` False: only its last sign of life."""
        if soon:
            self._visits[visit.id] = visit
            self._wake.set()
        else:
            self._slow_visits[visit.id] = visit

    def page(self, visit: str, place: int, page: PageView) -> None:
        self._pages.append((visit, place, page))
        self._wake.set()
        if len(self._pages) > MOST_WAITING:
            del self._pages[0]
            self.counters.dropped += 1

    def note(self, note: Note) -> None:
        """A call's attribution, for its history."""
        self._notes.append(note)
        self._wake.set()

    def mark(self, key: str, value: str) -> None:
        self._marks[key] = value

    async def durable(self, lease: Lease) -> bool:
        """Wait until `lease`, which has just changed, is in the store. False if that takes too long, or the store refuses it."""
        if self.problem is not None:
            self._wake.set()
            return False
        loop = asyncio.get_running_loop()
        if not self._waiters:  # all who wait for one transaction give up together
            loop.call_later(GIVE_UP_SECONDS, _resolve, self._waiters, False)
        waiter = loop.create_future()
        self._waiters.append(waiter)
        self._wake.set()
        return await waiter and self.has(lease)

    def has(self, lease: Lease) -> bool:
        """Whether the store has this open lease: nobody else can be shown its number, whatever happens."""
        return (lease.number, lease.began) in self._stored

    def know(self, leases: Iterable[Lease]) -> None:
        """Leases that came from the store."""
        self._stored = {(lease.number, lease.began) for lease in leases if lease.ended is None}

    # -- the one task --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_on(), name="visits-write")
            group.create_task(self._sync_on(), name="visits-sync")

    async def _write_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SLOW_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(GATHER_SECONDS)
            slowly = loop.time() - self._slow_at >= SLOW_SECONDS
            if slowly:
                self._slow_at = loop.time()
            done = await self._flush_leases(slowly=slowly)
            due = self._details_at + DETAILS_SECONDS - loop.time()
            if done and due <= 0:
                done = await self._flush_some()
                self._details_at = loop.time()
            if not done:
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()
            elif self._more():
                loop.call_later(max(0.0, due), self._wake.set)

    async def _sync_on(self) -> None:
        while True:
            await self._unsynced.wait()
            await asyncio.sleep(SYNC_SECONDS)
            self._unsynced.clear()
            try:
                await self._store.sync()
            except StoreDownError as error:
                log.error("leases are written, but may not outlive a power cut: %s", error)  # noqa: TRY400 - the text says it all
                self.counters.failures += 1
                self._unsynced.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self, *, slowly: bool = True) -> bool:
        """Write all there is; `slowly`: also what could wait. False if the store is down."""
        while True:
            if not await self._flush_leases(slowly=slowly) or not await self._flush_some():
                return False
            if not self._more():
                return True
            slowly = False

    async def _flush_leases(self, *, slowly: bool) -> bool:
        """Numbers first: pages wait for them."""
        waiters, self._waiters = self._waiters, []
        batch = self._take_leases(slowly=slowly)
        written = False
        try:
            written = await self._write(batch)
        finally:
            _resolve(waiters, written)
        return written

    async def _flush_some(self) -> bool:
        """Some of what is known of visits; not more than numbers can wait for."""
        return await self._write(self._take_some())

    def _more(self) -> bool:
        return bool(self._visits or self._pages or self._notes)

    async def _write(self, batch: Batch) -> bool:
        refused: set[tuple[str, float]] = set()
        try:
            if batch:
                try:
                    await self._store.write(batch)
                except StoreDownError:
                    raise
                except Exception:
                    log.exception("visits cannot be written together; they are written one by one")
                    refused = await self._apart(batch)
                self._know(batch.leases, refused)
                self._unsynced.set()
                self.counters.batches += 1
                self.counters.leases += len(batch.leases)
        except StoreDownError as error:
            self._back(batch)
            if self.problem is None:
                log.error(  # noqa: TRY400 - the text says it all
                    "visits cannot be written: %s; pages keep what they show, new ones show default numbers", error
                )
            self.problem = str(error)
            self.counters.failures += 1
            return False
        except BaseException:
            self._back(batch)
            raise
        if batch and self.problem is not None:
            log.warning("visits can be written again")
            self.problem = None
        self.counters.waiting = len(self._leases)
        return True

    def _know(self, leases: Iterable[Lease], refused: set[tuple[str, float]]) -> None:
        for lease in leases:
            key = (lease.number, lease.began)
            if lease.ended is None and key not in refused:
                self._stored.add(key)
            else:
                self._stored.discard(key)

    def _take_leases(self, *, slowly: bool) -> Batch:
        for lease in self._drain():
            key = (lease.number, lease.began)
            if self._written.get(key) == _state(lease) and key not in self._leases:
                self._slow[key] = lease
            else:
                self._slow.pop(key, None)
                self._leases.pop(key, None)
                self._leases[key] = lease
        if slowly:
            self._leases |= self._slow
            self._visits = self._slow_visits | self._visits
            self._slow, self._slow_visits = {}, {}
        leases = sorted(self._leases.values(), key=lambda lease: (lease.ended is None, lease.began))
        self._leases = {}
        for lease in leases:
            key = (lease.number, lease.began)
            if lease.ended is None:
                self._written[key] = _state(lease)
            else:
                self._written.pop(key, None)
        return Batch(leases)

    def _take_some(self) -> Batch:
        """Visits before their pages."""
        visits = list(islice(self._visits.values(), AT_ONCE))
        for visit in visits:
            del self._visits[visit.id]
        if self._visits:
            return Batch(visits=visits)
        pages, self._pages = self._pages[:AT_ONCE], self._pages[AT_ONCE:]
        batch = Batch((), visits, pages, self._notes, self._marks)
        self._notes, self._marks = [], {}
        return batch

    def _back(self, batch: Batch) -> None:
        """What could not be written waits, unless it has changed anew."""
        for lease in batch.leases:
            self._leases.setdefault((lease.number, lease.began), lease)
        for visit in batch.visits:
            self._visits.setdefault(visit.id, visit)
        self._pages[:0] = batch.pages
        self._notes[:0] = batch.notes
        self._marks = {**batch.marks, **self._marks}
        while len(self._leases) > MOST_WAITING:
            del self._leases[next(iter(self._leases))]
            self.counters.dropped += 1
        while len(self._visits) > MOST_WAITING:
            del self._visits[next(iter(self._visits))]
            self.counters.dropped += 1
        self.counters.waiting = len(self._leases)

    async def _apart(self, batch: Batch) -> set[tuple[str, float]]:
        """What the store refuses is left out; everything else is written. Returns the leases refused."""
        singles = [
            *(Batch(visits=[visit]) for visit in batch.visits),
            *(Batch(leases=[lease]) for lease in batch.leases),
            *(Batch(pages=[page]) for page in batch.pages),
            *(Batch(notes=[note]) for note in batch.notes),
            Batch(marks=batch.marks),
        ]
        refused: set[tuple[str, float]] = set()
        for single in singles:
            try:
                if single:
                    await self._store.write(single)
            except StoreDownError:
                raise
            except Exception as error:  # noqa: BLE001 - logged; the others must not suffer from it
                self.counters.refused += 1
                refused |= {(lease.number, lease.began) for lease in single.leases}
                log.error("the store refuses %s: %r", single, error)  # noqa: TRY400
        return refused


def _state(lease: Lease) -> tuple[object, ...]:
    return (lease.left, lease.ended, lease.swapped, lease.taps)


def _resolve(waiters: Sequence[asyncio.Future[bool]], written: bool) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(written)
