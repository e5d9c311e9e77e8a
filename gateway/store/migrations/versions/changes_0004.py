"""Changes of status, for those who asked to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TOLD = "NEW.direction = 'out' AND NEW.status <> OLD.status AND NEW.status <> 'sending'"
COPY = """
    INSERT INTO change (name, transmission_id, status, error)
    SELECT name, NEW.id, NEW.status, NEW.error FROM listener WHERE statuses = 1;
"""


def upgrade() -> None:
    """Add the table, and the trigger that fills it in the commit of each change."""
    op.add_column("listener", sa.Column("statuses", sa.Integer(), nullable=False, server_default="0"))
    transmission = sa.ForeignKey("transmission.id", ondelete="CASCADE")
    op.create_table(
        "change",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", sa.Text(), sa.ForeignKey("listener.name", ondelete="CASCADE"), nullable=False),
        sa.Column("transmission_id", Id, transmission, nullable=False, index=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("epoch", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_change", "change", ["name", "id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER tell AFTER UPDATE OF status ON transmission WHEN {TOLD} BEGIN {COPY} END")
        return
    op.execute(f"CREATE FUNCTION tell() RETURNS trigger AS $$ BEGIN {COPY} RETURN NULL; END $$ LANGUAGE plpgsql")
    op.execute(
        f"CREATE TRIGGER tell AFTER UPDATE OF status ON transmission FOR EACH ROW WHEN ({TOLD}) EXECUTE FUNCTION tell()"
    )
