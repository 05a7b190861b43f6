"""The one queue between the reader of the AMI link and the consumer of its events."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

Marker = TypeVar("Marker")

#: An event as it came, and when.
RawEvent: TypeAlias = tuple[bytes, datetime]


class Closed(Exception):  # noqa: N818 - an end, not an error
    """Nothing more will come."""


class EventBuffer(Generic[Marker]):
    """Bounded and ordered. Putting never waits: what does not fit is shed, and a marker says where. Markers always fit."""

    def __init__(self, max_events: int, max_bytes: int, hole: Marker) -> None:
        self.shed = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._hole = hole
        self._in_hole = False
        self._items: deque[RawEvent | Marker] = deque()
        self._events = 0
        self._bytes = 0
        self._filled = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """Events waiting."""
        return self._events

    def put(self, raw: bytes, arrived: datetime) -> None:
        if self._events >= self._max_events or self._bytes + len(raw) > self._max_bytes:
            self.shed += 1
            self._in_hole = True
            return
        if self._in_hole:
            self._in_hole = False
            self.mark(self._hole)
        self._events += 1
        self._bytes += len(raw)
        self._items.append((raw, arrived))
        self._filled.set()

    def mark(self, marker: Marker) -> None:
        self._items.append(marker)
        self._filled.set()

    def close(self) -> None:
        """`get` raises Closed from now on; what waits is dropped."""
        self._closed = True
        self._items.clear()
        self._filled.set()

    async def get(self) -> RawEvent | Marker:
        """The next event or marker."""
        while not self._items and not self._closed:
            if self._in_hole:
                self._in_hole = False
                return self._hole
            self._filled.clear()
            await self._filled.wait()
        if self._closed:
            raise Closed
        item = self._items.popleft()
        if isinstance(item, tuple):
            self._events -= 1
            self._bytes -= len(item[0])
        return item
