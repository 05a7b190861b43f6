"""Folding facts into records: what one turn of the books changes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.core import booking
from bridge.core.directory import Directory, NoticeSpec
from bridge.core.journal import Begin, End, Entry, Picked, Rung
from bridge.core.model import Call, DecidedBy, Recording, RecordingStatus
from bridge.core.routing import attribution_of, decide
from bridge.flows.ports import CallBook

log = logging.getLogger(__name__)


@dataclass(slots=True)
class BooksCounters:
    """Since the start, but for `open` and `waiting` of now."""

    begun: int = 0
    ended: int = 0
    late: int = 0  #: calls that the daemon did not decide: it was down, or too late
    interrupted: int = 0
    from_events: int = 0  #: calls whose end came by AMI because the journal did not have it
    store_failures: int = 0
    open: int = 0
    waiting: int = 0  #: facts told by AGI that are not saved yet


class Fold:
    """The records that one turn changes. Reads the store only for calls that are not open."""

    def __init__(
        self, store: CallBook, directory: Directory, open_calls: Mapping[str, Call], counters: BooksCounters
    ) -> None:
        self.changed: dict[str, Call] = {}
        self._store = store
        self._directory = directory
        self._open = open_calls
        self._counters = counters

    async def told(self, call: Call) -> None:
        known = await self._known(call.id)
        if known is None:
            self.changed[call.id] = call
        elif known.decided_by is not DecidedBy.DAEMON and known.ended_at is None:
            self.changed[call.id] = replace(
                known,
                attribution=call.attribution,
                binding=call.binding,
                line=call.line,
                caller_name=call.caller_name,
                screening=call.screening,
                spam=call.spam,
                decided_by=DecidedBy.DAEMON,
            )

    async def entry(self, entry: Entry) -> None:
        call = await self._known(entry.call_id)
        if call is None:
            if not isinstance(entry, Begin | End):
                log.warning("the journal tells of call %s, which never began", entry.call_id)
                return
            call = await self._late(entry)
        match entry:
            case Begin():
                call = booking.begun(call, entry)
            case Rung():
                call = booking.rung(call, entry)
            case Picked():
                call = booking.answered(call, entry)
            case End():
                call = booking.ended(call, entry, notice=self._notice(entry.notice))
                self._counters.late += call.decided_by is not DecidedBy.DAEMON
        self.changed[call.id] = call

    async def hearsay(self, end: End) -> None:
        call = await self._known(end.call_id)
        if call is not None and call.ended_at is None:
            log.error(
                "call %s ended and the journal does not say so: is the disk full? Booked from Asterisk's event", call.id
            )
            self._counters.from_events += 1
            await self.entry(end)

    async def cut(self, call_id: str, at: datetime) -> None:
        call = await self._known(call_id)
        if call is None or call.ended_at is not None:
            return
        self._counters.interrupted += 1
        status = RecordingStatus.PENDING if call.answered_at else RecordingStatus.NONE
        self.changed[call_id] = replace(booking.interrupted(call, at), recording=Recording(status))

    async def recorded(self, call_id: str, recording: Recording) -> None:
        call = await self._known(call_id)
        if call is not None:
            self.changed[call_id] = replace(call, recording=recording)

    async def _known(self, call_id: str) -> Call | None:
        if call_id in self.changed:
            return self.changed[call_id]
        return self._open.get(call_id) or await self._store.get(call_id)

    async def _late(self, entry: Begin | End) -> Call:
        """The record of a call that the daemon was not asked about: decided now, with the binding of its own time."""
        directory = self._directory
        began = entry.at if isinstance(entry, Begin) else entry.began or entry.at
        decision = decide(directory, entry.number, began)
        caller = booking.caller_of(entry.caller, entry.presentation, directory.region)
        call = booking.opened(
            entry.call_id, decision, caller=caller, caller_name=entry.caller_name, uniqueid=entry.uniqueid, at=began
        )
        then = await self._store.binding_at(decision.number, began)
        if then is not None and then != decision.binding:
            source = directory.sources.get(then.source)
            title = source.title if source else then.source
            call = replace(call, attribution=attribution_of(then, title, directory.zone), binding=then.kind)
        return replace(call, decided_by=DecidedBy.CACHE)

    def _notice(self, sound: str) -> NoticeSpec | None:
        return next((notice for notice in self._directory.notices.values() if notice.sound == sound), None)
