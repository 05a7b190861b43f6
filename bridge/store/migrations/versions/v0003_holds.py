"""Legal holds: recordings that are never deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.store.schema import IdText, Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("call_id", IdText, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("since", Instant, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
