"""Missed callers are told of by mail and webhook: once each, tried again where it fails, not at all where somebody talked to them meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from bridge.core.desk.alerts import FRESH, Alert, next_try
from bridge.flows.ports import Clock, StoreDownError

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
_AT_ONCE: Final = 20


class UndeliveredError(Exception):
    """Nobody took it; the text says why. `final`: nobody ever will."""

    def __init__(self, problem: str, *, final: bool = False) -> None:
        super().__init__(problem)
        self.final = final


class AlertBook(Protocol):
    """The store. Every method may raise StoreDownError."""

    async def due(
        self,
        targets: Sequence[str],
        without: Sequence[str],
        missed_before: datetime,
        fresh: datetime,
        now: datetime,
        limit: int,
    ) -> list[Alert]: ...
    async def settle(
        self, alert: Alert, attempts: int, done_at: datetime | None, due_at: datetime | None, problem: str | None
    ) -> None: ...


class Teller(Protocol):
    """Tells of a missed call. Raises UndeliveredError."""

    async def tell(self, alert: Alert) -> None: ...


@dataclass(slots=True)
class AlertCounters:
    """Since the start."""

    delivered: int = 0
    failed: int = 0  #: tries
    given_up: int = 0


class Alerting:
    """`run` looks every few seconds. `tellers` by target; empty: nobody is told. All may be set anew at any time."""

    def __init__(self, book: AlertBook, clock: Clock) -> None:
        self.counters = AlertCounters()
        self.tellers: Mapping[str, Teller] = {}
        self.after = timedelta(minutes=15)
        self.without: Sequence[str] = ()  #: classes of calls nobody is told of
        self._book = book
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.turn()
            except StoreDownError as error:
                log.warning("nobody can be told of missed calls now: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def turn(self) -> int:
        """Tells of what is due. Returns how many were delivered. Raises StoreDownError."""
        if not self.tellers:
            return 0
        now, delivered = self._clock(), 0
        tellers = dict(self.tellers)
        due = await self._book.due(tuple(tellers), self.without, now - self.after, now - FRESH, now, _AT_ONCE)
        for alert in due:
            delivered += await self._tell(tellers[alert.target], alert)
        return delivered

    async def _tell(self, teller: Teller, alert: Alert) -> bool:
        attempts = alert.attempts + 1
        try:
            await teller.tell(alert)
        except UndeliveredError as error:
            self.counters.failed += 1
            again = None if error.final else next_try(attempts, self._clock())
            said = f"tried again at {again:%H:%M}" if again else "given up"
            log.warning("call %s: the %s could not be delivered, %s: %s", alert.call_id, alert.target, said, error)
            self.counters.given_up += again is None
            await self._book.settle(alert, attempts, None, again, str(error)[:500])
            return False
        self.counters.delivered += 1
        log.info("call %s: told by %s", alert.call_id, alert.target)
        await self._book.settle(alert, attempts, self._clock(), None, None)
        return True
