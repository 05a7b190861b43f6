"""Reading and saving records where one of them may be poison: what cannot be booked must not keep the others out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bridge.core.model import Call
from bridge.flows.ports import CallBook, StoreDownError

T = TypeVar("T", str, Call)


async def read_known(store: CallBook, call_ids: Sequence[str]) -> tuple[dict[str, Call], dict[str, Exception]]:
    """The calls of those ids that the books have, and those whose record cannot be read. Raises StoreDownError."""
    found, bad = await _by_halves(call_ids, store.get_many)
    return {call.id: call for call in found}, dict(bad)


async def save_apart(store: CallBook, calls: Sequence[Call]) -> tuple[list[Call], dict[str, Exception]]:
    """Save `calls`, and name those that cannot be. Raises StoreDownError where it is the store that fails."""
    saved, bad = await _by_halves(calls, store.save_all)
    return saved, {call.id: error for call, error in bad}


async def _by_halves(
    items: Sequence[T], work: Callable[[Sequence[T]], Awaitable[list[Call]]]
) -> tuple[list[Call], list[tuple[T, Exception]]]:
    if not items:
        return [], []
    try:
        return await work(items), []
    except StoreDownError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it may be one record's own fault
        if len(items) == 1:
            return [], [(items[0], error)]
    middle = len(items) // 2
    done, bad = await _by_halves(items[:middle], work)
    more, worse = await _by_halves(items[middle:], work)
    return done + more, bad + worse
