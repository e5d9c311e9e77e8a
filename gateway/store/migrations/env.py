"""What Alembic runs: the steps, on the connection and in the transaction of ``gateway.store.upgrades``."""

from __future__ import annotations

from alembic import context

from gateway.store.indices import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
