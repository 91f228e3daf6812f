"""Guards: triggers that keep the log append-only, whoever holds the connection.

The tables of the log refuse UPDATE and DELETE, on PostgreSQL also TRUNCATE, on SQLite also INSERT
OR REPLACE, which would bypass the other two. A head may grow and change in no other way. Guards are
created by migrations and compared with this file at every start: a guard that was removed or
changed stops the service.
"""

from collections.abc import Iterator, Sequence, Set
from typing import Final

from sqlalchemy import Connection, PrimaryKeyConstraint, UniqueConstraint

from app.runtime.faults import Fault
from app.store.tables import LOG_TABLES, metadata

_POSTGRES_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
$guard${body}$guard$
"""
_REFUSE_BODY: Final = """
BEGIN
  RAISE EXCEPTION USING
    MESSAGE = 'the log is append-only: ' || TG_OP || ' on ' || TG_TABLE_NAME || ' refused',
    ERRCODE = 'integrity_constraint_violation';
END
"""
_HEAD_BODY: Final = """
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.fund = OLD.fund AND NEW.size > OLD.size THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING
    MESSAGE = 'a head only grows: ' || TG_OP || ' refused',
    ERRCODE = 'integrity_constraint_violation';
END
"""
_SQLITE_HEAD_TRIGGERS: Final = {
    "guard_heads_update": (
        "CREATE TRIGGER guard_heads_update BEFORE UPDATE ON heads "
        "WHEN NEW.fund <> OLD.fund OR NEW.size <= OLD.size BEGIN "
        "SELECT RAISE(ABORT, 'a head only grows'); END"
    ),
    "guard_heads_delete": (
        "CREATE TRIGGER guard_heads_delete BEFORE DELETE ON heads BEGIN "
        "SELECT RAISE(ABORT, 'a head only grows'); END"
    ),
    "guard_heads_replace": (
        "CREATE TRIGGER guard_heads_replace BEFORE INSERT ON heads "
        "WHEN EXISTS (SELECT 1 FROM heads WHERE fund = NEW.fund) BEGIN "
        "SELECT RAISE(ABORT, 'a head only grows'); END"
    ),
}
_FUNCTIONS: Final = {"guard_refuse": _REFUSE_BODY, "guard_head": _HEAD_BODY}


class GuardsMissing(Fault):
    """A guard is missing or changed; the message names it."""


GUARDED: Final = (*LOG_TABLES, "heads")
"""Every table with guards."""


def create_guards(connection: Connection, tables: Sequence[str] = GUARDED) -> None:
    """Create the guards of these tables; run by migrations, as the schema's owner."""
    if connection.dialect.name == "sqlite":
        for statement in _sqlite_triggers(tables).values():
            connection.exec_driver_sql(statement)
        return
    for name, body in _FUNCTIONS.items():
        connection.exec_driver_sql(_POSTGRES_FUNCTION.format(name=name, body=body))
    for name, (table, definition) in _postgres_triggers(tables).items():
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {definition}")
        # ALWAYS: the trigger fires in sessions with session_replication_role = replica too.
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def drop_guards(connection: Connection, tables: Sequence[str] = GUARDED) -> None:
    """Take the guards of these tables down, to put back what was signed. Needs the owner's rights;
    whoever does it puts them up again in the same transaction.
    """
    if connection.dialect.name == "sqlite":
        for name in _sqlite_triggers(tables):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        return
    for name, (table, _) in _postgres_triggers(tables).items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def verify_guards(connection: Connection, tables: Sequence[str] = GUARDED) -> None:
    """Compare every guard with its definition here. Raises GuardsMissing."""
    if connection.dialect.name == "sqlite":
        _verify_sqlite(connection, tables)
    else:
        _verify_postgres(connection, tables)


def _sqlite_triggers(tables: Sequence[str]) -> dict[str, str]:
    triggers = {}
    for table in tables:
        if table == "heads":
            triggers.update(_SQLITE_HEAD_TRIGGERS)
            continue
        for operation in ("UPDATE", "DELETE"):
            name = f"guard_{table}_{operation.lower()}"
            triggers[name] = (
                f"CREATE TRIGGER {name} BEFORE {operation} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, 'the log is append-only'); END"
            )
        # One question a key: SQLite answers each from that key's own index, however long the table.
        taken = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {key})"  # noqa: S608  names of our own
            for key in _taken(table)
        )
        name = f"guard_{table}_replace"
        triggers[name] = (
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} "
            f"WHEN {taken} BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        )
    return triggers


def _taken(table: str) -> Iterator[str]:
    """For each unique key of a table: the condition that a new row would replace an old one."""
    constraints = metadata.tables[table].constraints
    kinds = (PrimaryKeyConstraint, UniqueConstraint)
    uniques = [unique for unique in constraints if isinstance(unique, kinds)]
    for unique in sorted(uniques, key=lambda unique: str(unique.name)):
        same = " AND ".join(f"{column.name} = NEW.{column.name}" for column in unique.columns)
        yield same


def _postgres_triggers(tables: Sequence[str]) -> dict[str, tuple[str, str]]:
    triggers = {}
    for table in tables:
        function = "guard_head" if table == "heads" else "guard_refuse"
        triggers[f"guard_{table}_row"] = (
            table,
            f"BEFORE DELETE OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        )
        triggers[f"guard_{table}_truncate"] = (
            table,
            f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse()",
        )
    return triggers


def _verify_sqlite(connection: Connection, tables: Sequence[str]) -> None:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {str(name): str(sql) for name, sql in rows}
    expected = _sqlite_triggers(tables)
    for name, statement in expected.items():
        if found.get(name) != statement:
            raise GuardsMissing(f"guard {name} is missing or was changed")
    _refuse_strangers(found.keys() - expected.keys())


def _verify_postgres(connection: Connection, tables: Sequence[str]) -> None:
    rows = connection.exec_driver_sql(
        "SELECT t.tgname, t.tgenabled, pg_get_triggerdef(t.oid), p.prosrc, t.tgisinternal, "
        "c.relname "
        "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
        "JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE c.relnamespace = current_schema()::regnamespace"
    ).all()
    for row in rows:
        if row.tgisinternal and row.tgenabled not in ("O", b"O", "A", b"A"):
            raise GuardsMissing(
                f"a foreign key of {row.relname} is not enforced: as the database's administrator, "
                f"ALTER TABLE {row.relname} ENABLE TRIGGER ALL; then `fundledger repair`"
            )
    found = {row.tgname: tuple(row)[1:4] for row in rows if not row.tgisinternal}
    expected = _postgres_triggers(tables)
    for name, (table, definition) in expected.items():
        enabled, text, source = found.get(name, ("", "", ""))
        if isinstance(enabled, bytes):
            enabled = enabled.decode()
        function = "guard_head" if "guard_head()" in definition else "guard_refuse"
        # PostgreSQL writes the table's schema into the definition that it gives back.
        plain = text.replace(f" ON public.{table} ", f" ON {table} ")
        if enabled != "A" or definition not in plain or source != _FUNCTIONS[function]:
            raise GuardsMissing(f"guard {name} is missing, disabled or was changed")
    _refuse_strangers(found.keys() - expected.keys())


def _refuse_strangers(names: Set[str]) -> None:
    """Check that there are no other triggers, which could undo what the guards refuse. Raises
    GuardsMissing.
    """
    if names:
        raise GuardsMissing(f"a trigger that nobody knows: {min(names)}")
