"""Why a call is booked where it is, in words a person believes."""

from __future__ import annotations

from datetime import datetime, tzinfo

from bridge.core.attribution.finding import Candidate, InboundCall
from bridge.core.pools.hold import in_words
from bridge.core.pools.lease import Lease


def for_static(source: str) -> str:
    return f"the number belongs to {source} for good"


def for_default(source: str) -> str:
    return f"the default number of {source}: the source is certain, a visit is never named"


def for_unshown(source: str) -> str:
    return f"the number belongs to the pool of {source}, and no visit has been shown it"


def for_unbound() -> str:
    return "the number is bound to nothing"


def for_visit(
    call: InboundCall,
    winner: Candidate,
    confidence: float,
    lease: Lease | None,
    others: int,
    since_last_call: float | None,
    zone: tzinfo,
) -> str:
    """`others` is how many other visits are possible at all; `since_last_call` is set where the caller is known on this number."""
    sure = f"{confidence:.3f}" if confidence < 0.9995 else "over 0.999"
    if since_last_call is not None and winner.repeat > winner.probability / 2:
        return f"this caller called this very number {in_words(since_last_call)} before and was found to be this visit; {sure}"
    if lease is None:
        return f"the likeliest of the visits that were shown this number; {sure}"
    parts = [
        f"this number was shown to the visit that came from {lease.source} at {_clock(lease.began, call.at, zone)}"
    ]
    tapped = lease.tapped_before(call.at)
    if tapped is not None and winner.tapped > winner.probability / 2:
        parts.append(f"and tapped it {in_words(tapped)} before the call")
    elif lease.open_at(call.at):
        parts.append(f"and had the page open when the call came, {in_words(winner.delay)} later")
    else:
        parts.append(f"and closed the page {in_words(call.at - (lease.left or call.at))} before the call")
    if since_last_call is not None:
        parts.append("; it is the visitor known behind this caller")
    if confidence < 0.9:
        parts.append(
            f"; {others} other visit{'' if others == 1 else 's'} that saw the number before may have called too"
        )
    return " ".join(parts).replace(" ;", ";") + f"; {sure}"


def _clock(at: float, seen_from: float, zone: tzinfo) -> str:
    moment, now = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(seen_from, zone)
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%H:%M on %Y-%m-%d}"
