"""Visits and leases as rows, and back. Rows for SQLite have times as its text, those for PostgreSQL as datetimes (`When`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from bridge.core.model import Attribution, AttributionKind
from bridge.core.pools.lease import Lease
from bridge.core.site import PageView, Visit
from bridge.core.sources.touch import Touch
from bridge.flows.visit_ports import Note
from bridge.store.rows import storable_text

#: An epoch second as a column has it.
When: TypeAlias = Callable[[float], datetime | str]
_TOUCH = tuple(f.name for f in fields(Touch))
_CREDITED = ("rule", "paid", "medium", "campaign", "keyword", "content", "click_id", "click_id_kind", "referrer_host")


def visit_row(visit: Visit, when: When) -> dict[str, Any]:
    """The columns of `visits`."""
    credited = visit.credited
    return {
        "id": visit.id,
        "site": visit.site,
        "visitor": visit.visitor,
        "began_at": when(visit.began),
        "active_at": when(visit.active),
        "source": visit.source,
        "came_from": credited.source,
        "rule": credited.rule,
        "paid": credited.paid,
        "medium": credited.medium,
        "campaign": credited.campaign,
        "keyword": credited.keyword,
        "content": credited.content,
        "click_id": credited.click_id,
        "click_id_kind": credited.click_id_kind,
        "referrer_host": credited.referrer_host,
        "touch": {} if visit.touch == credited else {name: getattr(visit.touch, name) for name in _TOUCH},
        "landing": visit.landing,
        "referrer": visit.referrer,
        "mobile": visit.mobile,
        "region": visit.region,
        "address": visit.address,
        "consent": visit.consent,
        "ids": dict(visit.ids),
        "covered": visit.covered,
    }


def visit_from(row: Mapping[Any, Any], pages: Iterable[Mapping[Any, Any]] = ()) -> Visit:
    """The visit of a row of `visits` and its rows of `pages`, in order."""
    touch = {name: value for name, value in row["touch"].items() if name in _TOUCH}
    return Visit(
        id=row["id"],
        site=row["site"],
        visitor=row["visitor"],
        began=row["began_at"].timestamp(),
        active=row["active_at"].timestamp(),
        source=row["source"],
        touch=Touch(**touch) if touch else credited_from(row),
        credited=credited_from(row),
        landing=row["landing"],
        referrer=row["referrer"],
        mobile=row["mobile"],
        region=row["region"],
        address=row["address"],
        consent=row["consent"],
        ids=row["ids"],
        covered=row["covered"],
        pages=[PageView(page["at"].timestamp(), page["url"]) for page in pages],
    )


def credited_from(row: Mapping[Any, Any]) -> Touch:
    """What the visit of a row of `visits` is booked on."""
    return Touch(source=row["came_from"], **{name: row[name] for name in _CREDITED})


def page_row(visit: str, seq: int, page: PageView, when: When) -> dict[str, Any]:
    """The columns of `pages`."""
    return {"visit": visit, "seq": seq, "at": when(page.at), "url": page.url}


def lease_row(lease: Lease, when: When) -> dict[str, Any]:
    """The columns of `leases`."""
    return {
        "number": lease.number,
        "began_at": when(lease.began),
        "source": lease.source,
        "visit": lease.visit,
        "visitor": lease.visitor,
        "active_at": when(lease.active),
        "left_at": None if lease.left is None else when(lease.left),
        "ended_at": None if lease.ended is None else when(lease.ended),
        "swapped": lease.swapped,
        "mobile": lease.mobile,
        "region": lease.region,
        "taps": list(lease.taps),
    }


def lease_from(row: Mapping[Any, Any]) -> Lease:
    """The lease of a row of `leases`."""
    return Lease(
        number=row["number"],
        source=row["source"],
        visit=row["visit"],
        visitor=row["visitor"],
        began=row["began_at"].timestamp(),
        active=row["active_at"].timestamp(),
        mobile=row["mobile"],
        region=row["region"],
        left=None if row["left_at"] is None else row["left_at"].timestamp(),
        ended=None if row["ended_at"] is None else row["ended_at"].timestamp(),
        swapped=row["swapped"],
        taps=tuple(row["taps"]),
    )


def note_row(note: Note, seq: int) -> dict[str, Any]:
    """The columns of `attributions`; `at` is a datetime."""
    found = note.attribution
    return {
        "call_id": note.call_id,
        "seq": seq,
        "at": note.at,
        "kind": found.kind.value,
        "source": found.source,
        "visit": found.visit,
        "confidence": found.confidence,
        "reason": found.reason,
        "by": note.by,
        "candidates": [list(candidate) for candidate in note.candidates],
    }


def storable(value: Any) -> Any:
    """A row, or a value of it, without what a database refuses in texts."""
    if isinstance(value, dict):
        return {name: storable(one) for name, one in value.items()}
    return storable_text(value)


def instant(at: float) -> datetime:
    """An epoch second as the books have it."""
    return datetime.fromtimestamp(at, UTC)


@lru_cache(maxsize=1024)
def instant_text(at: float) -> str:
    """An epoch second as the books have it on SQLite."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def note_from(row: Mapping[Any, Any]) -> Note:
    """A row of `attributions`."""
    found = Attribution(AttributionKind(row["kind"]), row["source"], row["reason"], row["visit"], row["confidence"])
    candidates = tuple((visit, probability) for visit, probability in row["candidates"])
    return Note(row["call_id"], row["at"], found, row["by"], candidates)
