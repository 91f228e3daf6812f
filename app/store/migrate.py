"""Bringing a database to this version's schema, and refusing one of another version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.runtime.faults import Fault
from app.store.engine import LONG_S, Database
from app.store.guards import verify_guards
from app.store.roles import act_as_owner, create_roles, grant_rights
from app.store.suitability import require_suitable

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class WrongSchema(Fault):
    """The database is of another version; the message says what to run."""


def migrate(database: Database, roles: str | None = None) -> bool:
    """Apply every missing migration, then verify the guards; returns whether one was missing.

    With `roles`, a prefix, also make PostgreSQL's accounts. Raises Unsuitable, RolesUnusable.
    """
    config = _config()
    with database.write(patience_s=LONG_S) as connection:
        require_suitable(connection, durable=False)
        on_postgresql = database.dialect == "postgresql"
        if on_postgresql and roles is None:
            act_as_owner(connection)
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        verify_guards(connection)
        if roles is not None:
            create_roles(connection, roles)
        elif on_postgresql:
            grant_rights(connection)
        return MigrationContext.configure(connection).get_current_revision() != before


def check_schema(connection: Connection) -> None:
    """Check that the database has this version's schema. Raises WrongSchema otherwise."""
    found = MigrationContext.configure(connection).get_current_revision()
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    if found != wanted:
        raise WrongSchema(f"the schema is at {found}, this version needs {wanted}: run migrate")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
