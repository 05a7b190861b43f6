"""Visits, their pages, the leases of numbers, and what calls were booked on over time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.store.schema import IdText, Instant, Json

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("id", IdText, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("visitor", IdText),
        sa.Column("began_at", Instant, nullable=False),
        sa.Column("active_at", Instant, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("came_from", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.Column("medium", sa.Text),
        sa.Column("campaign", sa.Text),
        sa.Column("keyword", sa.Text),
        sa.Column("content", sa.Text),
        sa.Column("click_id", sa.Text),
        sa.Column("click_id_kind", sa.Text),
        sa.Column("referrer_host", sa.Text),
        sa.Column("touch", Json, nullable=False),
        sa.Column("landing", sa.Text, nullable=False),
        sa.Column("referrer", sa.Text, nullable=False),
        sa.Column("mobile", sa.Boolean),
        sa.Column("region", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("ids", Json, nullable=False),
        sa.Column("covered", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("visits_by_time", "visits", ["began_at"])
    op.create_index("visits_by_activity", "visits", ["active_at"])
    _partial("visits_by_visitor", "visits", ["visitor", "began_at"], sa.column("visitor").is_not(None))
    op.create_table(
        "pages",
        sa.Column("visit", IdText, sa.ForeignKey("visits.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("began_at", Instant, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("visit", IdText, nullable=False),
        sa.Column("visitor", IdText),
        sa.Column("active_at", Instant, nullable=False),
        sa.Column("left_at", Instant),
        sa.Column("ended_at", Instant),
        sa.Column("swapped", sa.Boolean, nullable=False),
        sa.Column("mobile", sa.Boolean),
        sa.Column("region", sa.Text),
        sa.Column("taps", Json, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("leases_by_time", "leases", ["began_at"])
    _partial("leases_held", "leases", ["number"], sa.column("ended_at").is_(None), unique=True)
    op.create_table(
        "attributions",
        sa.Column("call_id", IdText, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("visit", IdText),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("candidates", Json, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("attributions_by_time", "attributions", ["at"])
    _partial("calls_by_visit", "calls", ["visit"], sa.column("visit").is_not(None))


def _partial(name: str, table: str, columns: list[str], where: sa.ColumnElement[bool], *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
