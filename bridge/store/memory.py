"""The same books in memory, for tests of what stands on them. Held to the same contract tests as the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.core.model import Binding, Call, Reached, RecordingStatus
from bridge.store.filters import CallFilter, Page, read_cursor, write_cursor
from bridge.store.rows import storable


@dataclass
class _Span:
    binding: Binding
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass
class MemoryStore:
    """`CallStore` without a database: the same methods, nothing survives it."""

    _calls: dict[str, Call] = field(default_factory=dict)
    _revisions: dict[str, int] = field(default_factory=dict)
    _bindings: dict[str, list[_Span]] = field(default_factory=dict)
    _marks: dict[str, str] = field(default_factory=dict)

    async def begin(self, call: Call) -> Call:
        return self._calls.get(call.id) or self._put(call)

    async def save(self, call: Call, *, marks: Mapping[str, str] | None = None) -> Call:
        return (await self.save_all([call], marks=marks))[0]

    async def save_all(
        self, saved: Sequence[Call], *, marks: Mapping[str, str] | None = None, reached: Sequence[Reached] = ()
    ) -> list[Call]:
        stored = [storable(call) for call in saved]  # what cannot be stored fails before anything is
        for call in stored:
            self._put(call)
        self._marks.update(marks or {})
        return [self._calls[call.id] for call in stored]

    async def get(self, call_id: str) -> Call | None:
        return self._calls.get(call_id)

    async def get_many(self, call_ids: Collection[str]) -> list[Call]:
        return [self._calls[call_id] for call_id in call_ids if call_id in self._calls]

    async def get_by_prefix(self, prefix: str, limit: int = 10) -> list[Call]:
        return [self._calls[key] for key in sorted(self._calls) if key.startswith(prefix)][:limit]

    async def open_calls(self) -> list[Call]:
        return [call for call in sorted(self._calls.values(), key=_order) if call.ended_at is None]

    async def pending_recordings(self) -> list[Call]:
        in_order = sorted(self._calls.values(), key=_order)
        return [call for call in in_order if call.recording.status is RecordingStatus.PENDING]

    async def is_first_call(self, caller: str, before: datetime) -> bool:
        return not any(call.caller == caller and call.started_at < before for call in self._calls.values())

    async def find(self, wanted: CallFilter | None = None, limit: int = 50, cursor: str | None = None) -> Page:
        before = None if cursor is None else read_cursor(cursor)
        fits = (wanted or CallFilter()).fits
        newest_first = sorted(self._calls.values(), key=_order, reverse=True)
        found = [call for call in newest_first if fits(call) and (before is None or _order(call) < before)]
        limit = min(max(limit, 1), 1000)
        return Page(tuple(found[:limit]), write_cursor(found[limit - 1]) if len(found) > limit else None)

    async def latest_revision(self) -> int:
        return max(self._revisions.values(), default=0)

    async def changed_after(
        self, revision: int, wanted: CallFilter | None = None, limit: int = 100
    ) -> tuple[list[Call], int]:
        fits = (wanted or CallFilter()).fits
        changed = sorted((number, key) for key, number in self._revisions.items() if number > revision)
        found = [(number, self._calls[key]) for number, key in changed if fits(self._calls[key])][:limit]
        newest = max(revision, await self.latest_revision())
        return [call for _, call in found], found[-1][0] if len(found) == limit else newest

    async def record_bindings(self, now: datetime, current: Iterable[Binding]) -> int:
        wanted = {binding.number: binding for binding in current}
        changed = 0
        for number in {*wanted, *self._bindings}:
            spans = self._bindings.setdefault(number, [])
            in_force = spans[-1].binding if spans and spans[-1].valid_to is None else None
            if wanted.get(number) == in_force:
                continue
            changed += 1
            if in_force is not None and spans[-1].valid_from < now:
                spans[-1].valid_to = now
            if number in wanted:
                spans[:] = [span for span in spans if span.valid_from < now]
                spans.append(_Span(wanted[number], now))
            elif spans and spans[-1].valid_to is None:
                spans.pop()
        return changed

    async def binding_at(self, number: str, at: datetime) -> Binding | None:
        for span in reversed(self._bindings.get(number, [])):
            if span.valid_from <= at:
                return span.binding if span.valid_to is None or span.valid_to > at else None
        return None

    async def bindings_at(self, asked: Collection[tuple[str, datetime]]) -> list[Binding | None]:
        return [await self.binding_at(number, at) for number, at in asked]

    async def get_mark(self, key: str) -> str | None:
        return self._marks.get(key)

    async def set_marks(self, values: Mapping[str, str]) -> None:
        self._marks.update(values)

    def _put(self, call: Call) -> Call:
        old = self._calls.get(call.id)
        call = replace(storable(call), first_time=old.first_time if old else None)
        if call == old:
            return old
        self._set(call)
        for caller in {call.caller, old.caller if old else None} - {None}:
            his = sorted((known for known in self._calls.values() if known.caller == caller), key=_order)
            for index, known in enumerate(his):
                if known.first_time is not (index == 0):
                    self._set(replace(known, first_time=index == 0))
        if call.caller is None:
            self._calls[call.id] = replace(call, first_time=None)
        return self._calls[call.id]

    def _set(self, call: Call) -> None:
        self._calls[call.id] = call
        self._revisions[call.id] = max(self._revisions.values(), default=0) + 1


def _order(call: Call) -> tuple[datetime, str]:
    return (call.started_at, call.id)
