"""Read tables: loading the rows that a batch needs, saving those it changed, rebuilding all.

All state classes go through the same functions; nothing here depends on what a row means.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select

from app.chain.entry import time_text
from app.domain.book import Identity, Key, State
from app.domain.charter.charter import Charter
from app.domain.governance.funds import Fund
from app.domain.values import Money
from app.store import rows
from app.store.tables import CURRENCY, READ_TABLES, ReadTable

S = TypeVar("S", bound=State)


def load(
    connection: Connection, fund: str, wanted: Iterable[Key]
) -> Iterator[tuple[Key, State | None]]:
    """The wanted rows, with one query for each table; None for those that do not exist."""
    ordered = sorted(wanted, key=lambda row: (row[0].table, row[1]))
    for kind, keys in groupby(ordered, key=lambda row: row[0]):
        identities = [identity for _, identity in keys]
        found = {state.identity: state for state in _rows(connection, fund, kind, identities)}
        for identity in identities:
            yield (kind, identity), found.get(identity)


def save(connection: Connection, fund: str, changed: Mapping[Key, State]) -> None:
    """Write changed rows, with one statement for each table."""
    ordered = sorted(changed.values(), key=lambda state: (state.table, state.identity))
    for kind, states in groupby(ordered, key=_kind):
        plan = READ_TABLES[kind]
        changed_rows = [to_row(plan, fund, state) for state in states]
        rows.upsert(connection, plan.table, kind.key, changed_rows)


def all_rows(connection: Connection, fund: str, kind: type[S]) -> Iterator[S]:
    """Every row of one table, by key."""
    plan = READ_TABLES[kind]
    columns = [plan.table.c[name] for name in kind.key]
    query = select(plan.table).where(plan.table.c.fund == fund).order_by(*columns)
    for row in connection.execute(query).mappings():
        yield cast("S", from_row(plan, row))


def clear(connection: Connection, fund: str) -> None:
    """Delete the fund's rows of every read table; only for rebuilding them from the log."""
    for plan in READ_TABLES.values():
        connection.execute(delete(plan.table).where(plan.table.c.fund == fund))


def to_row(plan: ReadTable, fund: str, state: State) -> tuple[Any, ...]:
    """The state's values in the order of the table's columns."""
    row: list[Any] = [fund]
    for name in plan.state.model_fields:
        value = getattr(state, name)
        if name in plan.money:
            row.append(value.minor)
        elif value is None:
            row.append(None)
        elif name in plan.json:
            row.append(_json_text(plan.state, name, value))
        elif name in plan.times:
            row.append(time_text(value))
        else:
            # Both databases have truth values as numbers.
            row.append(int(value) if isinstance(value, bool) else value)
    if plan.money and not plan.own_currency:
        row.append(getattr(state, plan.money[0]).currency)
    return tuple(row)


def from_row(plan: ReadTable, row: Mapping[Any, Any]) -> State:
    """The state in a row."""
    if plan.state is Fund:
        return Fund(
            charter=_charter(row["charter"]),
            charter_seq=row["charter_seq"],
            charter_digest=row["charter_digest"],
            issuers=json.loads(row["issuers"]),
            reread=json.loads(row["reread"]),
        )
    values: dict[str, Any] = {}
    for name in plan.state.model_fields:
        if name in plan.money:
            values[name] = Money(row[f"{name}_minor"], row[CURRENCY])
        elif name in plan.json:
            values[name] = None if row[name] is None else json.loads(row[name])
        elif name in plan.times:
            values[name] = None if row[name] is None else datetime.fromisoformat(row[name])
        else:
            values[name] = row[name]
    return plan.state.model_validate(values)


def _kind(state: State) -> type[State]:
    return type(state)


def _rows(
    connection: Connection, fund: str, kind: type[State], identities: list[Identity]
) -> Iterator[State]:
    plan = READ_TABLES[kind]
    for row in rows.select(connection, plan.table, fund, kind.key, identities):
        yield from_row(plan, row)


@lru_cache(maxsize=256)
def _field(kind: type[State], name: str) -> TypeAdapter[Any]:
    annotation: Any = kind.model_fields[name].annotation
    return TypeAdapter(annotation)


def _json_text(kind: type[State], name: str, value: Any) -> str:
    return _field(kind, name).dump_json(value).decode()


@lru_cache(maxsize=64)
def _charter(text: str) -> Charter:
    # Every batch reads the charter and it hardly ever changes: parse each text once.
    return Charter.model_validate_json(text)
