"""Indexes of the list of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("calls_by_time", "calls")
    op.create_index("calls_by_time", "calls", ["started_at", "id", "talk_ms", "attribution_confidence", "first_time"])
    for name, of in (("keyword", "keyword"), ("landing", "landing"), ("kind", "attribution_kind")):
        op.create_index(f"calls_by_{name}", "calls", [of, "started_at", "id"])
    op.create_index("calls_by_ending", "calls", [sa.text("substr(caller, length(caller) - 3)"), "started_at", "id"])
    for name, which in (
        ("spam", sa.column("spam").is_(True)),
        ("called_back", sa.column("called_back_at").is_not(None)),
        (
            "not_called_back",
            sa.and_(
                sa.column("wants_callback").is_(False),
                sa.column("called_back_at").is_(None),
                sa.column("outcome") != sa.literal_column("'answered'"),
            ),
        ),
        ("recording_kept", sa.column("recording_status") == sa.literal_column("'kept'")),
    ):
        order = ["started_at", "id"]
        op.create_index(f"calls_{name}", "calls", order, sqlite_where=which, postgresql_where=which)
