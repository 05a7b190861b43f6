"""Folding facts into records: what one turn of the books changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from bridge.core import booking
from bridge.core.directory import Directory, NoticeSpec
from bridge.core.journal import Begin, End, Entry, Outgoing, Picked, Rung
from bridge.core.model import Attribution, Binding, Call, DecidedBy, Reached, Recording, RecordingStatus
from bridge.core.phone import normalise
from bridge.core.routing import attribution_of, decide
from bridge.flows.ports import CallBook

log = logging.getLogger(__name__)

_BREATHE_EVERY: Final = 25  #: facts between two chances for everything else in the loop: calls come first


@dataclass(slots=True)
class BooksCounters:
    """Since the start, but for `open` and `waiting` of now."""

    begun: int = 0
    ended: int = 0
    late: int = 0  #: calls that the daemon did not decide: it was down, or too late
    interrupted: int = 0
    from_events: int = 0  #: calls whose end came by AMI because the journal did not have it
    store_failures: int = 0
    rejected: int = 0  #: facts that could not be booked and were set aside
    forgotten: int = 0  #: facts told by AGI given up because too many waited; the journal tells of these calls again
    open: int = 0
    waiting: int = 0  #: facts told by AGI that are not saved yet


@dataclass(frozen=True, slots=True)
class Facts:
    """What one turn has to fold. `lines` are those of the journal that `entries` were read from."""

    told: Sequence[Call] = ()
    entries: Sequence[Entry] = ()
    lines: Sequence[str] = ()
    cut: Mapping[str, datetime] = field(default_factory=dict)
    hearsay: Sequence[End] = ()
    finished: Sequence[tuple[str, Recording]] = ()
    revised: Sequence[tuple[str, Attribution, Attribution]] = ()  #: calls to be booked otherwise: id, before, after

    def __bool__(self) -> bool:
        return bool(self.told or self.entries or self.cut or self.hearsay or self.finished or self.revised)

    def call_ids(self) -> set[str]:
        """The calls they speak of."""
        ids = {call.id for call in self.told} | {entry.call_id for entry in (*self.entries, *self.hearsay)}
        return ids | self.cut.keys() | {found[0] for found in self.finished} | {found[0] for found in self.revised}

    def lines_of(self, call_id: str) -> list[str]:
        """What the journal said of a call in this turn."""
        return [line for entry, line in zip(self.entries, self.lines, strict=True) if entry.call_id == call_id]


class Fold:
    """The records that one turn changes. The store is read once, at the beginning, for the calls that are not open."""

    def __init__(
        self, directory: Directory, known: dict[str, Call], attributed: Callable[[Call], Call] = lambda call: call
    ) -> None:
        self.changed: dict[str, Call] = {}
        self.reached: list[Reached] = []
        self.refused: dict[str, str] = {}  #: calls with a fact that could not be folded, and why
        self.late = self.interrupted = self.from_events = 0
        self._directory = directory
        self._known = known
        self._attributed = attributed
        self._bindings: dict[tuple[str, datetime], Binding | None] = {}

    async def run(self, store: CallBook, facts: Facts) -> None:
        """Fold `facts`. A call with one that cannot be folded is left out: see `refused`."""
        await self._read_bindings(store, facts)
        for number, (call_id, step) in enumerate(self._steps(facts)):
            if number % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                await asyncio.sleep(0)
            if call_id not in self.refused:
                try:
                    step()
                except Exception as error:  # noqa: BLE001 - said by refuse
                    self.refuse(call_id, error)

    def refuse(self, call_id: str, error: Exception) -> None:
        """Leave a call out. Raises nothing, whatever the call is like."""
        log.error("call %s: a fact cannot be booked and is set aside", call_id, exc_info=error)
        self.refused[call_id] = f"{type(error).__name__}: {error}"
        self.changed.pop(call_id, None)

    def _steps(self, facts: Facts) -> Iterator[tuple[str, Callable[[], None]]]:
        yield from ((call.id, partial(self._told, call)) for call in facts.told)
        yield from ((entry.call_id, partial(self._entry, entry)) for entry in facts.entries)
        yield from ((call_id, partial(self._cut, call_id, at)) for call_id, at in facts.cut.items())
        yield from ((end.call_id, partial(self._hearsay, end)) for end in facts.hearsay)
        yield from ((call_id, partial(self._recorded, call_id, found)) for call_id, found in facts.finished)
        yield from ((call_id, partial(self._revised, call_id, old, new)) for call_id, old, new in facts.revised)

    def _told(self, call: Call) -> None:
        known = self._call(call.id)
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
                recording=call.recording,
                decided_by=DecidedBy.DAEMON,
            )

    def _outgoing(self, entry: Outgoing) -> None:
        number = normalise(entry.number, self._directory.region) or entry.number
        talk_ms = round(entry.talked.total_seconds() * 1000)
        self.reached.append(Reached(number, entry.at - entry.talked, entry.phone, talk_ms))

    def _entry(self, entry: Entry) -> None:
        if isinstance(entry, Outgoing):
            self._outgoing(entry)
            return
        call = self._call(entry.call_id)
        if call is None:
            if not isinstance(entry, Begin | End):
                log.warning("the journal tells of call %s, which never began", entry.call_id)
                return
            call = self._late(entry)
        match entry:
            case Begin():
                call = booking.begun(call, entry)
            case Rung():
                call = booking.rung(call, entry)
            case Picked():
                call = booking.answered(call, entry)
            case End():
                self.late += call.ended_at is None and entry.decided_by != DecidedBy.DAEMON
                call = booking.ended(call, entry, notice=self._notice(entry.notice))
        self.changed[call.id] = call

    def _hearsay(self, end: End) -> None:
        call = self._call(end.call_id)
        if call is not None and call.ended_at is None:
            log.error(
                "call %s ended and the journal does not say so: is the disk full? Booked from Asterisk's event", call.id
            )
            self.from_events += 1
            self._entry(end)

    def _cut(self, call_id: str, at: datetime) -> None:
        call = self._call(call_id)
        if call is None or call.ended_at is not None:
            return
        self.interrupted += 1
        recording = call.recording
        if recording.status is RecordingStatus.NONE and call.answered_at and self._directory.record != "no":
            recording = Recording(RecordingStatus.PENDING)
        self.changed[call_id] = replace(booking.interrupted(call, at), recording=recording)

    def _recorded(self, call_id: str, recording: Recording) -> None:
        call = self._call(call_id)
        if call is not None:
            self.changed[call_id] = replace(call, recording=recording)

    def _revised(self, call_id: str, before: Attribution, after: Attribution) -> None:
        """Late evidence; not where a person, or newer evidence, has booked the call otherwise meanwhile."""
        call = self._call(call_id)
        if call is not None and (call.attribution.kind, call.attribution.visit) == (before.kind, before.visit):
            self.changed[call_id] = replace(call, attribution=after)

    def _call(self, call_id: str) -> Call | None:
        return self.changed.get(call_id) or self._known.get(call_id)

    async def _read_bindings(self, store: CallBook, facts: Facts) -> None:
        """What the numbers were bound to when calls came that nobody has heard of yet."""
        told = {call.id for call in facts.told}
        asked = set()
        for entry in facts.entries:
            if isinstance(entry, Begin | End) and entry.call_id not in self._known and entry.call_id not in told:
                try:
                    asked.add((self._number(entry), _began(entry)))
                except Exception as error:  # noqa: BLE001 - said by refuse
                    self.refuse(entry.call_id, error)
        if asked:
            self._bindings = dict(zip(asked, await store.bindings_at(list(asked)), strict=True))

    def _number(self, entry: Begin | End) -> str:
        number = self._directory.number_of(entry.number)
        return number.binding.number if number else normalise(entry.number, self._directory.region) or entry.number

    def _late(self, entry: Begin | End) -> Call:
        """The record of a call that the daemon was not asked about: decided now, with the binding of its own time."""
        directory = self._directory
        began = _began(entry)
        decision = decide(directory, entry.number, began)
        caller = booking.caller_of(entry.caller, entry.presentation, directory.region)
        call = booking.opened(
            entry.call_id, decision, caller=caller, caller_name=entry.caller_name, uniqueid=entry.uniqueid, at=began
        )
        then = self._bindings.get((decision.number, began))
        if then is not None and then != decision.binding:
            source = directory.sources.get(then.source)
            title = source.title if source else then.source
            call = replace(call, attribution=attribution_of(then, title, directory.zone), binding=then.kind)
        return replace(self._attributed(call), decided_by=DecidedBy.CACHE)

    def _notice(self, sound: str) -> NoticeSpec | None:
        return next((notice for notice in self._directory.notices.values() if notice.sound == sound), None)


def _began(entry: Begin | End) -> datetime:
    return entry.at if isinstance(entry, Begin) else entry.began or entry.at
