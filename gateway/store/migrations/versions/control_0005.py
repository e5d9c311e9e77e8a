"""Who may give orders by SMS: which of their codes are used, and how often a wrong one came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "control",
        sa.Column("admin", sa.Text(), primary_key=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until_ms", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
