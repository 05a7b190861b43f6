"""What the page Set-up asks of the books: when each number was called last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from bridge.store.engine import Database
from bridge.store.schema import calls

_AT_ONCE = 200


class LastCalls:
    """May raise StoreBusy or StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_calls(self, numbers: Sequence[str]) -> dict[str, datetime]:
        """When each of these numbers was called last; one look into the index for each. Those never called are left out."""
        found: dict[str, datetime] = {}
        async with self._database.reading() as connection:
            for first in range(0, len(numbers), _AT_ONCE):
                some = numbers[first : first + _AT_ONCE]
                columns = [
                    select(func.max(calls.c.started_at))
                    .where(calls.c.number == number)
                    .scalar_subquery()
                    .label(f"n{place}")
                    for place, number in enumerate(some)
                ]
                row = (await connection.execute(select(*columns))).one()
                found |= {number: at for number, at in zip(some, row, strict=True) if at is not None}
        return found
