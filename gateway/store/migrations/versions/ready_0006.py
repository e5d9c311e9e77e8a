"""What an SMPP user's message has come to is noted in the commit of the change, and need not be looked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ENDED = "NEW.direction = 'out' AND NEW.status IN ('sent', 'delivered', 'failed', 'expired', 'cancelled')"
# Of those that are noted already too: on PostgreSQL that waits for who judges them now, and is noted again after it.
NOTE = (
    "UPDATE submission SET open = 2 WHERE open > 0"
    " AND message_id = (SELECT id FROM message WHERE seq = NEW.message_seq);"
)


def upgrade() -> None:
    """Add the trigger, and the indices that it and its reader use."""
    op.drop_index("ix_submission_open", "submission")
    op.execute("UPDATE submission SET open = 2 WHERE open = 1")
    _partial("ix_submission_message", "message_id", "open > 0")
    _partial("ix_submission_ready", "id", "open = 2")
    if op.get_bind().dialect.name == "sqlite":
        # To look first whether there is any costs a tenth of finding out in the UPDATE.
        any_open = "EXISTS (SELECT 1 FROM submission WHERE open > 0)"
        op.execute(
            f"CREATE TRIGGER note AFTER UPDATE OF status ON transmission WHEN {ENDED} AND {any_open} BEGIN {NOTE} END"
        )
        return
    op.execute(f"CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN {NOTE} RETURN NULL; END $$ LANGUAGE plpgsql")
    op.execute(
        f"CREATE TRIGGER note AFTER UPDATE OF status ON transmission FOR EACH ROW WHEN ({ENDED})"
        " EXECUTE FUNCTION note()"
    )


def _partial(name: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "submission", [column], sqlite_where=condition, postgresql_where=condition)
