"""The tables. One name per thing: the columns are `bridge.core.model`'s fields, nested ones with their parent's name in front.

Times are UTC. On SQLite they are ISO text with microseconds and ``+00:00``, which sorts as time does and can be read by eye;
on PostgreSQL they are ``timestamptz``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine


class Instant(TypeDecorator[datetime]):
    """An aware datetime; read back in UTC. A naive one is refused with ValueError."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without its zone: {value.isoformat()}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC)


#: The last of the steps in `bridge/store/migrations`: what a database of this version is at.
REVISION = "0009"

#: Ids are compared byte by byte on both databases, so that ranges and pages agree.
IdText = Text().with_variant(Text(collation="C"), "postgresql")
Json = JSON().with_variant(JSONB(), "postgresql")

metadata = MetaData()

calls = Table(
    "calls",
    metadata,
    Column("id", IdText, primary_key=True),
    Column(
        "revision", BigInteger, nullable=False
    ),  # grows with every change of any call: what a follower reads on from
    Column("number", Text, nullable=False),
    Column("caller", Text),
    Column("caller_name", Text),
    Column("started_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("ended_at", Instant),
    Column("source", Text),
    Column("attribution_kind", Text, nullable=False),
    Column("attribution_reason", Text, nullable=False),
    Column("attribution_confidence", Float, nullable=False),
    Column("visit", Text),
    Column("binding", Text),
    Column("line", Text),
    Column("decided_by", Text, nullable=False),
    Column("uniqueid", Text),
    Column("outcome", Text),
    Column("answered_by", Text),
    Column("hung_up_by", Text),
    Column("hangup_cause", BigInteger),
    Column("first_time", Boolean),
    Column("talk_ms", BigInteger),  # kept by the writer, so that reports need no date arithmetic
    Column("wait_ms", BigInteger),
    Column("notice_file", Text),
    Column("notice_sha256", Text),
    Column("notice_language", Text),
    Column("notice_started_at", Instant),
    Column("notice_ended_at", Instant),
    Column("notice_completed", Boolean),
    Column("notice_declined", Boolean),
    Column("recording_status", Text, nullable=False),
    Column("recording_path", Text),
    Column("recording_format", Text),
    Column("recording_sample_rate", BigInteger),
    Column("recording_duration", Float),
    Column("recording_size", BigInteger),
    Column("recording_sha256", Text),
    Column("recording_reason", Text),
    Column("quality", Json, nullable=False),
    Column("screening_verdict", Text),
    Column("screening_reason", Text),
    Column("screening_measure", Text),
    Column("screening_passed", Boolean),
    Column("spam", Boolean, nullable=False, server_default=false()),
    # where the visit it is booked on came from, kept by the writer: lists and reports need no join, and visits may be forgotten
    Column("campaign", Text),
    Column("keyword", Text),
    Column("landing", Text),
    # what people say of it; see also bridge/store/desk_schema.py
    Column("class", Text),
    Column("value", BigInteger),  # hundredths of the currency
    Column("comment", Text),
    Column("score", Float),  # share of the checklist that was met
    # nobody talked to him, and the company has not reached him since
    Column("wants_callback", Boolean, nullable=False, server_default=false()),
    Column("called_back_at", Instant),
    Column("called_back_by", Text),  # caller, company, or the person who marked it done
    Column("trunk", Text),
)

# Lists are read newest first, page by page, under at most one of these filters that narrows; hence (filter, started_at, id).
# What stands in the first one beside the order is looked at without the call itself.
_facts = calls.c.talk_ms, calls.c.attribution_confidence, calls.c.first_time
Index("calls_by_time", calls.c.started_at, calls.c.id, *_facts)
Index("calls_by_source", calls.c.source, calls.c.started_at, calls.c.id)
Index("calls_by_number", calls.c.number, calls.c.started_at, calls.c.id)
Index("calls_by_caller", calls.c.caller, calls.c.started_at, calls.c.id)
Index("calls_by_outcome", calls.c.outcome, calls.c.started_at, calls.c.id)
Index("calls_by_line", calls.c.line, calls.c.started_at, calls.c.id)
Index("calls_by_revision", calls.c.revision, unique=True)

_open = calls.c.ended_at.is_(None)
Index("calls_open", calls.c.started_at, calls.c.id, sqlite_where=_open, postgresql_where=_open)

_pending = calls.c.recording_status == "pending"
Index("calls_recording_pending", calls.c.started_at, calls.c.id, sqlite_where=_pending, postgresql_where=_pending)

# The last guard of the first-time flag: at most one first call per caller.
_first = calls.c.first_time.is_(True)
Index("calls_first", calls.c.caller, unique=True, sqlite_where=_first, postgresql_where=_first)

rings = Table(
    "rings",
    metadata,
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("phone", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("result", Text),
    Column("exact", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

#: Recordings that are never deleted, whatever their age.
holds = Table(
    "holds",
    metadata,
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

bindings = Table(
    "bindings",
    metadata,
    Column("number", Text, primary_key=True),
    Column("valid_from", Instant, primary_key=True),
    Column("valid_to", Instant),  # exclusive; NULL = still in force
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("pool", Text),
    Column("since", Instant),
    sqlite_with_rowid=False,
)

_in_force = bindings.c.valid_to.is_(None)
Index("bindings_in_force", bindings.c.number, unique=True, sqlite_where=_in_force, postgresql_where=_in_force)

marks = Table(
    "marks",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
