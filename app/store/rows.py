"""Rows in bulk: many at a time, with one statement for each table.

The write path uses these functions and nothing of an ORM. Rows are tuples in the order of the
table's columns. The text of a statement does not depend on the number of rows, so the database's
plan stays the same: rows and keys travel as one JSON parameter, or through COPY.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Date, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = Sequence[Any]


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add new rows."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert_values(table), _plain(table, rows))
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_copy(table)) as copy:
        for row in rows:
            copy.write_row(row)


def add(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Add one row, unless there is one with its key already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())


def upsert(connection: Connection, table: Table, keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Replace the rows that have the same `keys`, and add the others. No column may hold bytes."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        statement = f"{_insert_values(table)} {_on_conflict(table, tuple(keys))}"
        connection.exec_driver_sql(statement, _plain(table, rows))
        return
    statement = f"{_insert_json(table)} {_on_conflict(table, tuple(keys))}"
    connection.exec_driver_sql(statement, (_json(rows),))


def select(
    connection: Connection,
    table: Table,
    fund: str,
    keys: Sequence[str],
    identities: Iterable[Sequence[str | int | date]],
) -> list[Mapping[str, Any]]:
    """The fund's rows with these identities, in no order: values as the driver gives them."""
    statement = _select(table, tuple(keys), sqlite=connection.dialect.name == "sqlite")
    wanted = _json([list(identity) for identity in identities])
    return [dict(row) for row in connection.exec_driver_sql(statement, (wanted, fund)).mappings()]


def _plain(table: Table, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """The rows as SQLite takes them, which has no dates: dates are text."""
    places = _dates(table)
    if not places:
        return list(map(tuple, rows))
    plain = list(map(list, rows))
    for row in plain:
        for place in places:
            if row[place] is not None:
                row[place] = row[place].isoformat()
    return list(map(tuple, plain))


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=date.isoformat)


@lru_cache(maxsize=256)
def _dates(table: Table) -> list[int]:
    """The positions of the table's columns that hold dates."""
    return [place for place, column in enumerate(table.columns) if isinstance(column.type, Date)]


@lru_cache(maxsize=256)
def _insert_values(table: Table) -> str:
    marks = ", ".join(["?"] * len(table.columns))
    return f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})"  # noqa: S608  our names


@lru_cache(maxsize=256)
def _insert_json(table: Table) -> str:
    columns = ", ".join(
        f"(r ->> {place}){_cast(column)}" for place, column in enumerate(table.columns)
    )
    return (
        f"INSERT INTO {table.name} ({_names(table)}) "  # noqa: S608  names of our own
        f"SELECT {columns} FROM jsonb_array_elements(%s::jsonb) AS r"
    )


@lru_cache(maxsize=256)
def _copy(table: Table) -> str:
    return f"COPY {table.name} ({_names(table)}) FROM STDIN"


@lru_cache(maxsize=256)
def _on_conflict(table: Table, keys: tuple[str, ...]) -> str:
    conflict = ("fund", *keys)
    rest = [column.name for column in table.columns if column.name not in conflict]
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in rest)
    action = f"UPDATE SET {changes}" if rest else "NOTHING"
    return f"ON CONFLICT ({_quoted(conflict)}) DO {action}"


@lru_cache(maxsize=256)
def _select(table: Table, keys: tuple[str, ...], *, sqlite: bool) -> str:
    if sqlite:
        source, mark = "json_each(?) AS w", "?"
        parts = [f"json_extract(w.value, '$[{place}]')" for place in range(len(keys))]
    else:
        source, mark = "jsonb_array_elements(%s::jsonb) AS w", "%s"
        parts = [f"(w ->> {place}){_cast(table.c[name])}" for place, name in enumerate(keys)]
    same = "".join(f' AND t."{n}" = {part}' for n, part in zip(keys, parts, strict=True))
    # CROSS JOIN: SQLite then takes the few wanted keys first and seeks a row for each.
    return (
        f"SELECT t.* FROM {source} CROSS JOIN {table.name} AS t "  # noqa: S608  our names
        f"WHERE t.fund = {mark}{same}"
    )


def _cast(column: Column[Any]) -> str:
    return f"::{column.type.compile()}"


def _names(table: Table) -> str:
    return _quoted(column.name for column in table.columns)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
