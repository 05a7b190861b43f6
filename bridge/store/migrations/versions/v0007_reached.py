"""When the company reached somebody by telephone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.store.schema import IdText, Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "reached",
        sa.Column("number", IdText, primary_key=True),
        sa.Column("at", Instant, primary_key=True),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("talk_ms", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
