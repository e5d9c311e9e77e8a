"""The recipients of each SIM, for a limit on how many different ones it may have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "recipient",
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("identity", sa.Text(), primary_key=True),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
