"""What the screening found about a caller, and whether the call is counted apart as spam."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("screening_verdict", sa.Text),
        sa.Column("screening_reason", sa.Text),
        sa.Column("screening_measure", sa.Text),
        sa.Column("screening_passed", sa.Boolean),
        sa.Column("spam", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("calls", column)
