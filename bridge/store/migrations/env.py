"""What Alembic runs: the steps, on the connection and in the transaction that `bridge.store.migrate` hands in."""

from __future__ import annotations

from alembic import context

from bridge.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters by copying
)
context.run_migrations()
