"""Alembic's entry: runs migrations on the connection that `app.store.migrate` hands over."""

from alembic import context

from app.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    # SQLite's batch mode rebuilds tables and drops triggers on the way: never for this schema.
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
