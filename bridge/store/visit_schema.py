"""The tables of the site's side: visits, their pages, the leases of numbers, and what calls were booked on over time."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from bridge.store.schema import IdText, Instant, Json, calls, metadata

visits = Table(
    "visits",
    metadata,
    Column("id", IdText, primary_key=True),
    Column("site", Text, nullable=False),
    Column("visitor", IdText),
    Column("began_at", Instant, nullable=False),
    Column("active_at", Instant, nullable=False),
    Column("source", Text),  # whose numbers it was shown; NULL: the printed ones
    # what it is booked on by the site's policy, which may be an earlier visit's: campaign and keyword belong to it
    Column("came_from", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("paid", Boolean, nullable=False),
    Column("medium", Text),
    Column("campaign", Text),
    Column("keyword", Text),
    Column("content", Text),
    Column("click_id", Text),
    Column("click_id_kind", Text),
    Column("referrer_host", Text),
    Column("touch", Json, nullable=False),  # where this very visit came from, with the same fields; {}: just there
    Column("landing", Text, nullable=False),
    Column("referrer", Text, nullable=False),
    Column("mobile", Boolean),
    Column("region", Text),
    Column("address", Text),  # hashed or truncated, or NULL, as configured; never whole
    Column("consent", Text, nullable=False),
    Column("ids", Json, nullable=False),  # click ids and the analytics' ids
    Column("covered", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("visits_by_time", visits.c.began_at)
Index("visits_by_activity", visits.c.active_at)
_has_visitor = visits.c.visitor.is_not(None)
Index(
    "visits_by_visitor",
    visits.c.visitor,
    visits.c.began_at,
    sqlite_where=_has_visitor,
    postgresql_where=_has_visitor,
)

pages = Table(
    "pages",
    metadata,
    Column("visit", IdText, ForeignKey("visits.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("url", Text, nullable=False),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("number", Text, primary_key=True),
    Column("began_at", Instant, primary_key=True),
    Column("source", Text, nullable=False),
    Column("visit", IdText, nullable=False),
    Column("visitor", IdText),
    Column("active_at", Instant, nullable=False),
    Column("left_at", Instant),
    Column("ended_at", Instant),
    Column("swapped", Boolean, nullable=False),
    Column("mobile", Boolean),
    Column("region", Text),
    Column("taps", Json, nullable=False),  # epoch seconds
    sqlite_with_rowid=False,
)
Index("leases_by_time", leases.c.began_at)

# The last guard against one number shown to two visits at once.
_held = leases.c.ended_at.is_(None)
Index("leases_held", leases.c.number, unique=True, sqlite_where=_held, postgresql_where=_held)

#: What a call was booked on over time: the last row of a call is what `calls` says.
attributions = Table(
    "attributions",
    metadata,
    Column("call_id", IdText, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text),
    Column("visit", IdText),
    Column("confidence", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),  # bridge, or the person who corrected it
    Column("candidates", Json, nullable=False),  # [[visit, probability], ...], likeliest first
    sqlite_with_rowid=False,
)
Index("attributions_by_time", attributions.c.at)

_of_visit = calls.c.visit.is_not(None)
Index("calls_by_visit", calls.c.visit, sqlite_where=_of_visit, postgresql_where=_of_visit)
