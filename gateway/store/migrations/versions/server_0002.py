"""The SMPP server: what its users handed in, and what they are to be given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "submission",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("wishes", Json, nullable=True),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("locking", sa.Integer(), nullable=False),
        sa.Column("single", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_submission"),
    )
    _partial("ix_submission_open", ["id"], "open = 1")
    _partial("ix_submission_part", ["user", "reference"], "reference IS NOT NULL AND message_id IS NULL")
    op.create_table(
        "handout",
        sa.Column("id", Id, nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("message_seq", Id, nullable=True),
        sa.Column("receipt", Json, nullable=True),
        sa.Column("owner", sa.BigInteger(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_seq"], ["message.seq"], name="fk_handout_message_seq", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_handout"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_handout_message_seq", "handout", ["message_seq"])
    op.create_index("ix_handout_user", "handout", ["user", "id"])


def _partial(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "submission", columns, sqlite_where=condition, postgresql_where=condition)
