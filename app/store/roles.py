"""PostgreSQL accounts: who may do what, so that putting guards back is not in the service's power.

    <prefix>_owner     owns tables and guards; nobody can sign in as it
    <prefix>_migrator  signs in to migrate and to repair, and acts as the owner then
    <prefix>_app       serves: adds to the log, keeps the read tables; owns nothing
    <prefix>_scrub     reads everything, writes nothing: `fundledger check` from another account

They are created without passwords; the database's administrator gives them theirs.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, text

from app.runtime.faults import Fault
from app.store.suitability import Unsuitable
from app.store.tables import LOG_TABLES, metadata

PREFIX: Final = "fundledger"
_PREFIX: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_ADDED_TO: Final = (*LOG_TABLES, "clock_confirmations", "damages")
"""Tables whose rows the service adds and never changes."""


class RolesUnusable(Fault):
    """The accounts cannot be made; the message says why."""


def create_roles(connection: Connection, prefix: str) -> None:
    """Make the four accounts, where they are missing, and hand the tables to the owner.

    Needs the right to create roles, and to give the tables away. Raises RolesUnusable.
    """
    if connection.dialect.name == "sqlite":
        raise RolesUnusable("SQLite has no accounts: whoever can open the file can change it")
    if not _PREFIX.fullmatch(prefix):
        raise RolesUnusable("a prefix has small letters, digits and underscores")
    logins = {"owner": "NOLOGIN", "migrator": "LOGIN", "app": "LOGIN", "scrub": "LOGIN"}
    for name, login in logins.items():
        if not _exists(connection, f"{prefix}_{name}"):
            _run(connection, f"CREATE ROLE {prefix}_{name} {login}")
    owner = f"{prefix}_owner"
    _run(connection, f"GRANT {owner} TO {prefix}_migrator")
    _run(connection, f"GRANT {owner} TO CURRENT_USER")
    schema = _value(connection, "SELECT current_schema()")
    _run(connection, f'GRANT USAGE, CREATE ON SCHEMA "{schema}" TO {owner}')
    for statement in _handing_over(owner):
        _run(connection, statement)
    # A session of the service cannot give up durability by a setting of its own.
    _run(connection, f"ALTER ROLE {prefix}_app SET synchronous_commit = on")
    grant_rights(connection)


def _handing_over(owner: str) -> Iterator[str]:
    for name in (*metadata.tables, "alembic_version"):
        yield f'ALTER TABLE "{name}" OWNER TO {owner}'
    for name in ("guard_refuse", "guard_head"):
        yield f"ALTER FUNCTION {name}() OWNER TO {owner}"


def act_as_owner(connection: Connection) -> None:
    """Act as the tables' owner until the transaction ends, where this account may."""
    owner, mine = _owner(connection), _value(connection, "SELECT current_user")
    if owner not in (None, mine) and _is_member(connection, owner):
        _run(connection, f'SET LOCAL ROLE "{owner}"')


def grant_rights(connection: Connection) -> None:
    """Give the accounts their rights to every table, where there are such accounts."""
    owner = _owner(connection)
    prefix = (owner or "").removesuffix("_owner")
    app, scrub = f"{prefix}_app", f"{prefix}_scrub"
    if prefix == owner or not (_exists(connection, app) and _exists(connection, scrub)):
        return
    schema = _value(connection, "SELECT current_schema()")
    _run(connection, f'REVOKE CREATE ON SCHEMA "{schema}" FROM PUBLIC')
    _run(connection, f'GRANT USAGE ON SCHEMA "{schema}" TO {app}, {scrub}')
    for name in (*metadata.tables, "alembic_version"):
        _run(connection, f'REVOKE ALL ON "{name}" FROM {app}, {scrub}, PUBLIC')
        _run(connection, f'GRANT SELECT ON "{name}" TO {app}, {scrub}')
        if rights := ", ".join(sorted(_rights(name) - {"SELECT"})):
            _run(connection, f'GRANT {rights} ON "{name}" TO {app}')


def require_rights(connection: Connection, *, production: bool) -> None:
    """Check that this account has the rights that serving needs; in production, that it cannot take
    the guards down. Raises Unsuitable.
    """
    if connection.dialect.name == "sqlite":
        return
    mine = _value(connection, "SELECT current_user")
    for name in (*metadata.tables, "alembic_version"):
        for right in sorted(_rights(name)):
            if not _value(
                connection, f"SELECT has_table_privilege(current_user, '{name}', '{right}')"
            ):
                raise Unsuitable(
                    f"the account {mine} lacks the right {right} on {name}: "
                    "`fundledger migrate` as the migrator gives it"
                )
    owner = _owner(connection)
    if production and owner is not None and _is_member(connection, owner):
        raise Unsuitable(
            f"the account {mine} owns its tables, or may act as their owner, and could take the "
            f"log's guards down: serve as {PREFIX}_app (`fundledger migrate --roles` makes it)"
        )


def _rights(table: str) -> set[str]:
    """What serving needs of a table."""
    if table == "alembic_version":
        return {"SELECT"}
    if table in _ADDED_TO:
        return {"SELECT", "INSERT"}
    if table == "heads":
        return {"SELECT", "INSERT", "UPDATE"}
    return {"SELECT", "INSERT", "UPDATE", "DELETE"}


def _owner(connection: Connection) -> str | None:
    query = "SELECT tableowner FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
    found: str | None = connection.exec_driver_sql(f"{query}'heads'").scalar()
    return found


def _is_member(connection: Connection, owner: str) -> bool:
    query = text("SELECT pg_has_role(current_user, :owner, 'MEMBER')")
    return bool(connection.execute(query, {"owner": owner}).scalar_one())


def _exists(connection: Connection, role: str) -> bool:
    query = text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
    return bool(connection.execute(query, {"role": role}).scalar_one())


def _value(connection: Connection, question: str) -> Any:
    return connection.exec_driver_sql(question).scalar_one()


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
