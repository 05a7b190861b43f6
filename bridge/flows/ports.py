"""What the use cases need of the world. Adapters fit these shapes without knowing them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from bridge.core.journal import Entry
from bridge.core.model import Binding, Call, Reached, Recording
from bridge.core.retention import Kept

Clock: TypeAlias = Callable[[], datetime]


class StoreDownError(Exception):
    """The store cannot be written or read now; nothing was changed. Trying again later is right."""


class RecordingLaterError(Exception):
    """The recording cannot be finished now; nothing was lost. Trying again later is right."""


class CallBook(Protocol):
    """The store as the books need it. Every method may raise StoreDownError."""

    async def save_all(
        self, saved: Sequence[Call], *, marks: Mapping[str, str] | None = None, reached: Sequence[Reached] = ()
    ) -> list[Call]: ...
    async def get(self, call_id: str) -> Call | None: ...
    async def get_many(self, call_ids: Collection[str]) -> list[Call]: ...
    async def open_calls(self) -> list[Call]: ...
    async def pending_recordings(self) -> list[Call]: ...
    async def get_mark(self, key: str) -> str | None: ...
    async def record_bindings(self, now: datetime, current: Iterable[Binding]) -> int: ...
    async def bindings_at(self, asked: Collection[tuple[str, datetime]]) -> list[Binding | None]: ...


class RecordingDesk(Protocol):
    """Finishes recordings. `finish` may raise RecordingLaterError."""

    async def finish(self, call: Call) -> Recording: ...
    async def discard(self, call_id: str) -> bool: ...
    async def describe(self, call: Call) -> None: ...


class KeptBook(Protocol):
    """The store as keeping recordings needs it. Every method may raise StoreDownError."""

    async def kept(self, after: Kept | None = None) -> list[Kept]: ...
    async def kept_bytes(self) -> int: ...
    async def half_deleted(self) -> list[Call]: ...
    async def held(self, call_ids: Collection[str]) -> set[str]: ...


class SpoolCall(Protocol):
    """Raw files of one call; `age` is seconds since they were written to."""

    @property
    def call_id(self) -> str: ...
    @property
    def age(self) -> float: ...
    @property
    def empty(self) -> bool: ...


class Sweep(Protocol):
    @property
    def calls(self) -> Sequence[SpoolCall]: ...


class RecordingRoom(Protocol):
    """Recordings as files. `free` may raise OSError, the others RecordingLaterError."""

    async def sweep(self) -> Sweep: ...
    async def remove(self, call: Call, *, keep_sidecar: bool) -> None: ...
    async def free(self) -> float: ...


class JournalBatch(Protocol):
    @property
    def entries(self) -> tuple[Entry, ...]: ...
    @property
    def lines(self) -> tuple[str, ...]: ...
    @property
    def position(self) -> str: ...
    @property
    def more(self) -> bool: ...


class Journal(Protocol):
    """The journal Asterisk writes. Every method blocks; `read` and `set_aside` may raise OSError.

    `set_aside` keeps lines that could not be booked; `tidy` turns a long journal over and removes old ones, `position` being how
    far the books have saved it.
    """

    def read(self, position: str | None) -> JournalBatch: ...
    def set_aside(self, lines: Sequence[str]) -> None: ...
    def tidy(self, position: str | None) -> None: ...


class Question(Protocol):
    """What Asterisk says of a call it asks about. Values are the wire's."""

    @property
    def arguments(self) -> tuple[str, ...]: ...
    @property
    def caller(self) -> str | None: ...
    @property
    def caller_name(self) -> str | None: ...
    @property
    def uniqueid(self) -> str: ...
    def get(self, name: str) -> str: ...


class Asking(Protocol):
    """One call waiting in the dialplan for its answer."""

    @property
    def request(
        self,
    ) -> Any: ...  # a Question; Any because a Protocol's attribute cannot be both set by the adapter and read-only here
    async def set_variable(self, name: str, value: str) -> None: ...
    async def database_put(self, family: str, key: str, value: str) -> None: ...
