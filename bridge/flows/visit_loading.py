"""What the store knows of visits at a start, and what of it the delays and the caller memory are told again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from bridge.core.attribution.bins import HORIZON
from bridge.core.attribution.delays import Delays, Learned
from bridge.core.attribution.memory import CallerMemory
from bridge.core.pools.book import KEPT
from bridge.core.pools.lease import Lease
from bridge.core.site import Visit
from bridge.flows.learning import LEARNED, learned_from
from bridge.flows.visit_ports import Moment, PastCall, VisitBook

VISIT_SECONDS: Final = 1800.0  #: without a sign of life a visit is over
ADDRESS_KEY: Final = "site.address-key"


@dataclass(frozen=True, slots=True)
class Past:
    """As it was read. `in_pool` is when numbers came into the pool they are in; `address_key` is None at the very first start."""

    learned: Learned
    address_key: bytes | None
    leases: Sequence[Lease]
    moments: Sequence[Moment]
    visits: Sequence[Visit]  #: under way, the one heard of last comes last
    calls: Sequence[PastCall]
    in_pool: Mapping[str, float]


async def read_past(store: VisitBook, now: datetime) -> Past:
    """As far back as a visit explains calls. Raises StoreDownError."""
    since = now - timedelta(seconds=HORIZON)
    learned = learned_from(await store.get_mark(LEARNED))
    key = await store.get_mark(ADDRESS_KEY)
    return Past(
        learned,
        bytes.fromhex(key) if key else None,
        await store.latest_leases(KEPT, since),
        await store.moments(since),
        await store.recent_visits(now - timedelta(seconds=VISIT_SECONDS)),
        await store.past_calls(since),
        await store.in_pool_since(),
    )


def recall(past: Past, delays: Delays, memory: CallerMemory, now: datetime) -> None:
    """Tell `delays` of the visits, and `memory` of the callers."""
    for moment in past.moments:
        delays.visit_began(moment.began, moment.mobile)
        for _ in range(moment.taps):
            delays.tapped()
    closed = [(moment.left, moment) for moment in past.moments if moment.left is not None]
    for left, moment in sorted(closed, key=itemgetter(0)):
        delays.page_closed(left, max(0.0, left - moment.began), moment.mobile, moment.shown_for)
    delays.refresh(now.timestamp())
    for call in past.calls:
        memory.remember(call.caller, call.number, call.at, {call.visit: (call.person, call.confidence)})
