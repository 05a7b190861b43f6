"""Calls, rings, the numbers' bindings over time, marks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.store.schema import IdText, Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("id", IdText, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("caller", sa.Text),
        sa.Column("caller_name", sa.Text),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("answered_at", Instant),
        sa.Column("ended_at", Instant),
        sa.Column("source", sa.Text),
        sa.Column("attribution_kind", sa.Text, nullable=False),
        sa.Column("attribution_reason", sa.Text, nullable=False),
        sa.Column("attribution_confidence", sa.Float, nullable=False),
        sa.Column("visit", sa.Text),
        sa.Column("binding", sa.Text),
        sa.Column("line", sa.Text),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("uniqueid", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("answered_by", sa.Text),
        sa.Column("hung_up_by", sa.Text),
        sa.Column("hangup_cause", sa.BigInteger),
        sa.Column("first_time", sa.Boolean),
        sa.Column("talk_ms", sa.BigInteger),
        sa.Column("wait_ms", sa.BigInteger),
        sa.Column("notice_file", sa.Text),
        sa.Column("notice_sha256", sa.Text),
        sa.Column("notice_language", sa.Text),
        sa.Column("notice_started_at", Instant),
        sa.Column("notice_ended_at", Instant),
        sa.Column("notice_completed", sa.Boolean),
        sa.Column("notice_declined", sa.Boolean),
        sa.Column("recording_status", sa.Text, nullable=False),
        sa.Column("recording_path", sa.Text),
        sa.Column("recording_format", sa.Text),
        sa.Column("recording_sample_rate", sa.BigInteger),
        sa.Column("recording_duration", sa.Float),
        sa.Column("recording_size", sa.BigInteger),
        sa.Column("recording_sha256", sa.Text),
        sa.Column("recording_reason", sa.Text),
        sa.Column("quality", Json, nullable=False),
    )
    op.create_index("calls_by_time", "calls", ["started_at", "id"])
    op.create_index("calls_by_source", "calls", ["source", "started_at", "id"])
    op.create_index("calls_by_number", "calls", ["number", "started_at", "id"])
    op.create_index("calls_by_caller", "calls", ["caller", "started_at", "id"])
    op.create_index("calls_by_outcome", "calls", ["outcome", "started_at", "id"])
    op.create_index("calls_by_line", "calls", ["line", "started_at", "id"])
    op.create_index("calls_by_revision", "calls", ["revision"], unique=True)
    _partial("calls_open", "calls", ["started_at", "id"], sa.column("ended_at").is_(None))
    _partial(
        "calls_recording_pending", "calls", ["started_at", "id"], sa.column("recording_status", sa.Text) == "pending"
    )
    _partial("calls_first", "calls", ["caller"], sa.column("first_time", sa.Boolean).is_(True), unique=True)
    op.create_table(
        "rings",
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("began_at", Instant, nullable=False),
        sa.Column("ended_at", Instant),
        sa.Column("result", sa.Text),
        sa.Column("exact", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bindings",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("valid_from", Instant, primary_key=True),
        sa.Column("valid_to", Instant),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("pool", sa.Text),
        sa.Column("since", Instant),
        sqlite_with_rowid=False,
    )
    _partial("bindings_in_force", "bindings", ["number"], sa.column("valid_to").is_(None), unique=True)
    op.create_table(
        "marks",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _partial(name: str, table: str, columns: list[str], where: sa.ColumnElement[bool], *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
