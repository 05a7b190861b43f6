"""Sums over calls for the reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

from bridge.store.schema import IdText, Instant

revision = "0006"
down_revision = "0005"

_Serial = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    _cut_landings()
    waiting = sa.column("wants_callback").is_(True)
    op.create_index(
        "calls_wanting_by_caller",
        "calls",
        ["caller", "started_at", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "rollup_dirty",
        sa.Column("id", _Serial, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rollup_calendar",
        sa.Column("begin_at", Instant, primary_key=True),
        sa.Column("day", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_groups",
        sa.Column("id", _Serial, primary_key=True),
        sa.Column("level", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "campaign", "keyword", "landing")),
    )
    key = ["level", "source", "campaign", "keyword", "landing"]
    op.create_index("rollup_groups_by_key", "rollup_groups", key, unique=True)
    _of_groups()
    op.create_table(
        "rollup_operators",
        _key("period", sa.Integer),
        sa.Column("line", sa.Text, primary_key=True),
        sa.Column("answered_by", sa.Text, primary_key=True),
        *_counts("calls", "target", "talk_ms", "wait_ms"),
        *_counts("within_5", "within_10", "within_20", "within_30", "within_60", "later"),
        sa.Column("score", sa.Float, nullable=False),
        *_counts("scored"),
        sa.Column("mos", sa.Float, nullable=False),
        *_counts("measured"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_pools",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("hour_at", Instant, primary_key=True),
        *_counts("visits", "covered", "peak", "busy_ms", "taken", "early"),
        sqlite_with_rowid=False,
    )
    op.create_index("rollup_pools_by_hour", "rollup_pools", ["hour_at"])
    op.create_table(
        "rollup_origins",
        sa.Column("visit", IdText, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("campaign", "keyword", "landing")),
        sqlite_with_rowid=False,
    )


def _cut_landings() -> None:
    """Landing pages stand in `calls` without query and fragment."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE calls SET landing = split_part(split_part(landing, '?', 1), '#', 1)")
        return
    ends = (f"coalesce(nullif(instr(landing, '{mark}'), 0), 1000000)" for mark in "?#")
    op.execute(f"UPDATE calls SET landing = substr(landing, 1, min({', '.join(ends)}) - 1)")  # noqa: S608 - our own text


def _of_groups() -> None:
    """Tables by group and period."""
    _by_period(
        "rollups",
        *_counts("calls", "first_time", "answered", "missed", "target", "sure", "spam", "talk_ms", "wait_ms", "value"),
        sa.Column("expected", sa.Float, nullable=False),
        *_counts("newcomers"),
    )
    _by_period("rollup_callers", _key("previous_day", sa.Integer), *_counts("calls"))
    _by_period(
        "rollup_hours",
        _key("weekday", sa.Integer),
        _key("hour", sa.Integer),
        *_counts("calls", "answered", "missed", "wait_ms"),
        sa.Column("mos", sa.Float, nullable=False),
        *_counts("measured"),
    )
    _by_period("rollup_pages", sa.Column("page", sa.Text, primary_key=True), *_counts("calls"))


def _by_period(table: str, *columns: sa.Column[object]) -> None:
    key = _key("group_id", sa.BigInteger), _key("period", sa.Integer)
    op.create_table(table, *key, *columns, sqlite_with_rowid=False)
    op.create_index(f"{table}_by_period", table, ["period"])


def _key(name: str, kind: type[sa.Integer]) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _counts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
