"""Read tables: loading the rows that a batch needs, saving those it changed, rebuilding all.

Nothing here knows what a row means: every state class goes through the same two functions.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from app.chain.entry import time_text
from app.domain.book import Key, State
from app.domain.governance.charter import Charter
from app.domain.governance.funds import Fund
from app.domain.values import Money
from app.store.tables import CURRENCY, READ_TABLES, ReadTable

S = TypeVar("S", bound=State)

CHUNK = 500
"""Rows that one statement names: PostgreSQL and SQLite both allow far more parameters."""


def load(
    connection: Connection, fund: str, wanted: Iterable[Key]
) -> Iterator[tuple[Key, State | None]]:
    """The wanted rows, one query a table; None for those that do not exist."""
    ordered = sorted(wanted, key=lambda row: (row[0].table, row[1]))
    for kind, keys in groupby(ordered, key=lambda row: row[0]):
        identities = [identity for _, identity in keys]
        found = {state.identity: state for state in _rows(connection, fund, kind, identities)}
        for identity in identities:
            yield (kind, identity), found.get(identity)


def save(connection: Connection, fund: str, changed: Mapping[Key, State]) -> None:
    """Write changed rows, one statement a table."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    ordered = sorted(changed.values(), key=lambda state: (state.table, state.identity))
    for kind, states in groupby(ordered, key=_kind):
        plan = READ_TABLES[kind]
        rows = [to_row(plan, fund, state) for state in states]
        statement = dialect.insert(plan.table)
        rest = [name for name in rows[0] if name not in ("fund", *kind.key)]
        if rest:
            statement = statement.on_conflict_do_update(
                index_elements=["fund", *kind.key],
                set_={name: statement.excluded[name] for name in rest},
            )
        connection.execute(statement, rows)


def all_rows(connection: Connection, fund: str, kind: type[S]) -> Iterator[S]:
    """Every row of one table, by key."""
    plan = READ_TABLES[kind]
    columns = [plan.table.c[name] for name in kind.key]
    query = select(plan.table).where(plan.table.c.fund == fund).order_by(*columns)
    for row in connection.execute(query).mappings():
        yield cast("S", from_row(plan, row))


def clear(connection: Connection, fund: str) -> None:
    """Forget every read table of the fund; only for rebuilding them from the log."""
    for plan in READ_TABLES.values():
        connection.execute(delete(plan.table).where(plan.table.c.fund == fund))


def to_row(plan: ReadTable, fund: str, state: State) -> dict[str, Any]:
    """The columns of a state."""
    row: dict[str, Any] = {"fund": fund}
    stated = state.model_dump(mode="json", include=set(plan.json)) if plan.json else {}
    for name in plan.state.model_fields:
        value = getattr(state, name)
        if name in plan.money:
            row[f"{name}_minor"] = value.minor
            row[CURRENCY] = value.currency
        elif name in plan.json:
            row[name] = json.dumps(stated[name], ensure_ascii=False, separators=(",", ":"))
        elif name in plan.times:
            row[name] = None if value is None else time_text(value)
        else:
            row[name] = value
    return row


def from_row(plan: ReadTable, row: Mapping[Any, Any]) -> State:
    """The state in a row."""
    if plan.state is Fund:
        return Fund(charter=_charter(row["charter"]), charter_seq=row["charter_seq"])
    values: dict[str, Any] = {}
    for name in plan.state.model_fields:
        if name in plan.money:
            values[name] = Money(row[f"{name}_minor"], row[CURRENCY])
        elif name in plan.json:
            values[name] = json.loads(row[name])
        elif name in plan.times:
            values[name] = None if row[name] is None else datetime.fromisoformat(row[name])
        else:
            values[name] = row[name]
    return plan.state.model_validate(values)


def _kind(state: State) -> type[State]:
    return type(state)


def _rows(
    connection: Connection, fund: str, kind: type[State], identities: list[tuple[str, ...]]
) -> Iterator[State]:
    plan = READ_TABLES[kind]
    query = select(plan.table).where(plan.table.c.fund == fund)
    if not kind.key:
        for row in connection.execute(query).mappings():
            yield from_row(plan, row)
        return
    columns = [plan.table.c[name] for name in kind.key]
    for start in range(0, len(identities), CHUNK):
        part = identities[start : start + CHUNK]
        if len(columns) == 1:
            chosen = query.where(columns[0].in_([identity[0] for identity in part]))
        else:
            chosen = query.where(tuple_(*columns).in_(part))
        for row in connection.execute(chosen).mappings():
            yield from_row(plan, row)


@lru_cache(maxsize=64)
def _charter(text: str) -> Charter:
    # Every batch reads the charter and it hardly ever changes: parse each text once.
    return Charter.model_validate_json(text)
