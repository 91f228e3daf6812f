"""Changes to the database that bypass the service."""

from sqlalchemy import text

from app.runtime.settings import Settings
from app.store.engine import Database


def without_guards(settings: Settings, *statements: str) -> None:
    """Run statements as a database administrator could, without guards, and create these again."""
    database = Database(settings.database)
    with database.write() as connection:
        if database.dialect == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            guards = connection.execute(text(query)).all()
            for name, _ in guards:
                connection.execute(text(f"DROP TRIGGER {name}"))
            for statement in statements:
                connection.execute(text(statement))
            for _, sql in guards:
                connection.execute(text(sql))
        else:
            tables = ("entries", "heads", "postings", "idempotency", "checkpoints")
            for table in tables:
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            for statement in statements:
                connection.execute(text(statement))
            for table in tables:
                for kind in ("row", "truncate"):
                    enable = f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER guard_{table}_{kind}"
                    connection.execute(text(enable))
    database.close()
