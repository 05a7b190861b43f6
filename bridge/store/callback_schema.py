"""When the company reached somebody by telephone, as Asterisk's journal tells of calls that go out."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from bridge.store.schema import IdText, Instant, metadata

reached = Table(
    "reached",
    metadata,
    Column("number", IdText, primary_key=True),
    Column("at", Instant, primary_key=True),  # when they began to talk
    Column("phone", Text, nullable=False),  # the company's
    Column("talk_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
