"""Sums over calls that reports read instead of the calls: kept by the writer, and always to be had again from the raw rows.

`period` is a local day as ``YYYYMMDD`` or a whole month as ``YYYYMM``; months are there once they are over. Groups are all calls (level 0), a
source (1), with its campaign (2), keyword (3) and landing page (4); '' is none. Spam is in `spam` only.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text
from sqlalchemy.dialects import sqlite

from bridge.store.schema import IdText, Instant, metadata

_Serial = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")

#: Calls changed since their day was summed up: when they began. Ids are never used again, so that nobody takes away what he has not seen.
rollup_dirty = Table(
    "rollup_dirty",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("at", Instant, nullable=False),
    sqlite_autoincrement=True,
)

#: When each local day began: from the first call on.
rollup_calendar = Table(
    "rollup_calendar",
    metadata,
    Column("begin_at", Instant, primary_key=True),
    Column("day", Integer, nullable=False),
    sqlite_with_rowid=False,
)

rollup_groups = Table(
    "rollup_groups",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("keyword", Text, nullable=False),
    Column("landing", Text, nullable=False),
)
_g = rollup_groups.c
Index("rollup_groups_by_key", _g.level, _g.source, _g.campaign, _g.keyword, _g.landing, unique=True)

rollups = Table(
    "rollups",
    metadata,
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    Column("first_time", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("sure", BigInteger, nullable=False),
    Column("spam", BigInteger, nullable=False),
    Column("talk_ms", BigInteger, nullable=False),
    Column("wait_ms", BigInteger, nullable=False),  # until a phone was connected
    Column("value", BigInteger, nullable=False),
    Column("expected", Float, nullable=False),  # calls, each shared among the visits it may have come from
    Column("newcomers", BigInteger, nullable=False),  # calls of callers who had never called in this group
    sqlite_with_rowid=False,
)
Index("rollups_by_period", rollups.c.period)

#: Calls of those who had: by the day of their last call before. A period's unique callers are its newcomers and those from before it.
rollup_callers = Table(
    "rollup_callers",
    metadata,
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("previous_day", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("rollup_callers_by_period", rollup_callers.c.period)

#: Levels 0 and 1 by the hour of the day; Monday is 0.
rollup_hours = Table(
    "rollup_hours",
    metadata,
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("weekday", Integer, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("wait_ms", BigInteger, nullable=False),
    Column("mos", Float, nullable=False),
    Column("measured", BigInteger, nullable=False),  # calls that `mos` is the sum of
    sqlite_with_rowid=False,
)
Index("rollup_hours_by_period", rollup_hours.c.period)

#: Levels 0 and 1: calls of visits that had seen a page before, without query and fragment.
rollup_pages = Table(
    "rollup_pages",
    metadata,
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("page", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("rollup_pages_by_period", rollup_pages.c.period)

#: Answered calls by line and phone.
rollup_operators = Table(
    "rollup_operators",
    metadata,
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("line", Text, primary_key=True),
    Column("answered_by", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("talk_ms", BigInteger, nullable=False),
    Column("wait_ms", BigInteger, nullable=False),
    Column("within_5", BigInteger, nullable=False),  # answered within so many seconds, and not within the ones before
    Column("within_10", BigInteger, nullable=False),
    Column("within_20", BigInteger, nullable=False),
    Column("within_30", BigInteger, nullable=False),
    Column("within_60", BigInteger, nullable=False),
    Column("later", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("scored", BigInteger, nullable=False),  # calls that `score` is the sum of
    Column("mos", Float, nullable=False),
    Column("measured", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: What each pool did in an hour.
rollup_pools = Table(
    "rollup_pools",
    metadata,
    Column("source", Text, primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    Column("visits", BigInteger, nullable=False),  # that began in it
    Column("covered", BigInteger, nullable=False),
    Column("peak", BigInteger, nullable=False),  # numbers held by visits under way, at the most
    Column("busy_ms", BigInteger, nullable=False),  # the same, summed over the hour
    Column("taken", BigInteger, nullable=False),  # numbers taken from a visit for another one
    Column("early", BigInteger, nullable=False),  # of them, from a page that was still open
    sqlite_with_rowid=False,
)
Index("rollup_pools_by_hour", rollup_pools.c.hour_at)

#: Where visits came from that a call may have come from: this outlives the visits.
rollup_origins = Table(
    "rollup_origins",
    metadata,
    Column("visit", IdText, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("keyword", Text, nullable=False),
    Column("landing", Text, nullable=False),
    sqlite_with_rowid=False,
)
