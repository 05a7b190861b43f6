"""Keeping recordings: what lies in the spool finds its call, what is old goes, what is on hold stays, a full disk stops recording."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bridge.core.model import Call, Recording, RecordingStatus
from bridge.core.retention import DiskState, Kept, Retention, disk_state, to_delete
from bridge.flows.books import Books
from bridge.flows.ports import CallBook, Clock, KeptBook, RecordingRoom, SpoolCall

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
_SETTLED: Final = 60.0  #: seconds without a write after which a file in the spool is nobody's work in hand
_ORPHANED: Final = 3600.0  #: seconds after which the books would know the call
#: Audio of such a call should not be there at all; it is listed, not touched.
_UNWANTED: Final = (
    RecordingStatus.UNNOTICED,
    RecordingStatus.DECLINED,
    RecordingStatus.OFF_DISK,
    RecordingStatus.DELETED,
)


@dataclass(slots=True)
class KeepingCounters:
    """Since the start, but for `orphans` of now."""

    found: int = 0  #: files of the spool that were handed to their call again
    orphans: int = 0  #: calls with files in the spool that the books do not know, or that should have none
    deleted: int = 0
    held: int = 0  #: deletions that a hold stopped at the last moment


class Keeper:
    """Looks after the files. Only the books write; this tells them what became of recordings."""

    def __init__(self, kept: KeptBook, store: CallBook, room: RecordingRoom, books: Books, clock: Clock) -> None:
        self.counters = KeepingCounters()
        self.disk = DiskState.OK
        self.free = 1.0  #: the free share of the disk
        self._kept = kept
        self._store = store
        self._room = room
        self._books = books
        self._clock = clock
        self._said: set[str] = set()

    async def look_at_disk(self, stop_below: float, alarm_below: float) -> str:
        """How full the disk is, in words; "" while there is room. Raises OSError."""
        before, self.free = self.disk, await self._room.free()
        self.disk = disk_state(before, self.free, stop_below, alarm_below)
        problem = {
            DiskState.OK: "",
            DiskState.ALARM: f"{self.free:.1%} of the disk is free, alarm is below {alarm_below:.1%}",
            DiskState.STOP: f"{self.free:.1%} of the disk is free, nothing is recorded below {stop_below:.1%}",
        }[self.disk]
        if self.disk is not before:
            log.log(
                logging.WARNING if self.disk is DiskState.OK else logging.ERROR,
                "recordings: %s",
                problem or f"there is room again, {self.free:.1%} of the disk is free",
            )
        return problem

    async def sweep(self) -> None:
        """Match what lies in the spool with the books. Raises StoreDownError, RecordingLaterError."""
        found = [call for call in (await self._room.sweep()).calls if call.age >= _SETTLED]
        known = {call.id: call for call in await self._store.get_many([one.call_id for one in found])}
        orphans = set()
        for one in found:
            call = known.get(one.call_id)
            if is_orphan(one, call):
                orphans.add(one.call_id)
            elif call is not None and call.ended_at is not None:
                self.counters.found += 1
                self._books.finish_recording(call)
        for call_id in sorted(orphans - self._said):
            log.error(
                "call %s has audio in the spool that belongs nowhere: see `callbridge recordings orphans`", call_id
            )
        self._said = orphans
        self.counters.orphans = len(orphans)

    async def prune(self, retention: Retention, *, keep_sidecars: bool) -> int:
        """Delete what is to go; how many that were. Raises StoreDownError, RecordingLaterError."""
        for call in await self._kept.half_deleted():
            await self._remove(call, keep_sidecars)
        chosen = [found async for found in doomed(self._kept, retention, self._clock())]
        done = 0
        for start in range(0, len(chosen), AT_ONCE):
            reasons = {kept.call_id: reason for kept, reason in chosen[start : start + AT_ONCE]}
            done += await self._delete(reasons, keep_sidecars)
        return done

    async def _delete(self, reasons: dict[str, str], keep_sidecars: bool) -> int:
        """The books say it first, then a last look for holds, then the file goes: a hold that was granted is always kept."""
        before = {call.id: call for call in await self._store.get_many(list(reasons))}
        at = self._clock().isoformat(timespec="seconds")
        for call in before.values():
            gone = replace(call.recording, status=RecordingStatus.DELETED, reason=f"{at}: {reasons[call.id]}")
            self._books.recorded(call.id, gone)
        await self._books.caught_up()
        held = await self._kept.held(list(before))
        for call in await self._store.get_many(list(before)):
            if call.id in held:
                self.counters.held += 1
                self._books.recorded(call.id, before[call.id].recording)
            elif call.recording.status is RecordingStatus.DELETED:
                await self._remove(call, keep_sidecars)
                log.info("the recording of call %s was deleted: %s", call.id, reasons[call.id])
        await self._books.caught_up()
        return len(before) - len(held)

    async def _remove(self, call: Call, keep_sidecars: bool) -> None:
        gone: Recording = replace(call.recording, path=None)
        await self._room.remove(replace(call, recording=gone), keep_sidecar=keep_sidecars)
        self._books.recorded(call.id, gone)
        self.counters.deleted += 1


def is_orphan(files: SpoolCall, call: Call | None) -> bool:
    """Whether audio in the spool belongs to no call that the books know, or to one that should have none."""
    belongs = call is not None and call.recording.status not in _UNWANTED
    return not belongs and not files.empty and files.age >= _ORPHANED


async def doomed(store: KeptBook, retention: Retention, now: datetime) -> AsyncIterator[tuple[Kept, str]]:
    """The recordings that are to go at `now`, oldest first, each with its reason. Raises StoreDownError."""
    total = await store.kept_bytes() if retention.budget is not None else 0
    last: Kept | None = None
    while page := await store.kept(last):
        chosen = list(to_delete(page, retention, now, total))
        for found in chosen:
            yield found
        total -= sum(kept.size for kept, _ in chosen)
        last = page[-1]
        if not chosen and now - last.started_at <= retention.shortest:
            return
