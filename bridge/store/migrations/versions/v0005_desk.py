"""The desk: people and their sessions, what they say of calls, and the trace of it all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.store.schema import IdText, Instant, Json

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for column in (
        sa.Column("campaign", sa.Text),
        sa.Column("keyword", sa.Text),
        sa.Column("landing", sa.Text),
        sa.Column("class", sa.Text),
        sa.Column("value", sa.BigInteger),
        sa.Column("comment", sa.Text),
        sa.Column("score", sa.Float),
        sa.Column("wants_callback", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("called_back_at", Instant),
        sa.Column("called_back_by", sa.Text),
    ):
        op.add_column("calls", column)
    _take_over_visits()
    for name, of in (("class", "class"), ("campaign", "campaign"), ("answerer", "answered_by")):
        op.create_index(f"calls_by_{name}", "calls", [of, "started_at", "id"])
    _partial("calls_wanting_callback", "calls", ["started_at", "id"], sa.column("wants_callback").is_(True))
    _people()
    _said_of_calls()
    _trace()


def _take_over_visits() -> None:
    op.execute(
        "UPDATE calls SET campaign = visits.campaign, keyword = visits.keyword, landing = visits.landing"
        " FROM visits WHERE visits.id = calls.visit"
    )


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("name", IdText, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("line", sa.Text),
        sa.Column("password", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("oidc_subject", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("disabled_at", Instant),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("locked_until", Instant),
    )
    _partial("users_by_subject", "users", ["oidc_subject"], sa.column("oidc_subject").is_not(None), unique=True)
    op.create_table(
        "sessions",
        sa.Column("token", IdText, primary_key=True),
        sa.Column("user", IdText, sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
        sa.Column("began_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
    )
    op.create_index("sessions_by_user", "sessions", ["user"])
    op.create_table(
        "links",
        sa.Column("token", IdText, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("made_by", IdText, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("revoked_at", Instant),
        sa.Column("scope", sa.Text, nullable=False),
    )
    op.create_table(
        "views",
        sa.Column("user", IdText, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()),
        sqlite_with_rowid=False,
    )


def _said_of_calls() -> None:
    op.create_table(
        "tags",
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("started_at", Instant, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("tags_by_tag", "tags", ["tag", "started_at", "call_id"])
    op.create_table(
        "checks",
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("passed", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "words",
        sa.Column("word", IdText, primary_key=True),
        sa.Column("started_at", Instant, primary_key=True),
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("words_by_call", "words", ["call_id"])
    op.create_table(
        "samples",
        sa.Column("week", IdText, primary_key=True),
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _trace() -> None:
    op.create_table(
        "changes",
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("by", IdText, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("before", Json),
        sa.Column("after", Json),
        sa.Column("batch", IdText, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("changes_by_batch", "changes", ["batch"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("by", IdText, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("call_id", IdText),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
    )
    op.create_index("audit_by_time", "audit", ["at", "id"])
    _partial("audit_by_call", "audit", ["call_id", "at"], sa.column("call_id").is_not(None))
    op.create_table(
        "alerts",
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("due_at", Instant),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("done_at", Instant),
        sa.Column("problem", sa.Text),
        sqlite_with_rowid=False,
    )
    _partial("alerts_due", "alerts", ["due_at"], sa.column("due_at").is_not(None))


def _partial(name: str, table: str, columns: list[str], where: sa.ColumnElement[bool], *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
