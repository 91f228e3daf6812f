"""Tables: the log, which only grows, and the read tables, which are computed from it.

Log tables are written out below. A read table is *derived* from its state class, so nothing is
declared twice: the fund first, then the state's fields, its key as primary key. One rule for each
kind of field:

    Money            <name>_minor BIGINT; all amounts of a row are in one `currency`
    int              BIGINT
    date             DATE
    datetime         TEXT, as entries write it, so that text order is time order
    str, StrEnum     TEXT
    all else         TEXT holding JSON
"""

import types
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Union, get_args, get_origin

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from app.domain.book import State
from app.domain.catalogue import STATES
from app.domain.values import Money

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING
metadata: Final[MetaData] = SQLModel.metadata

_WITHOUT_ROWID: Final = {"sqlite_with_rowid": False}
"""Without SQLite's hidden row number, which is another key by which a row could be replaced."""


class HeadRow(SQLModel, table=True):
    """The end of each fund's log. Writers lock this row, and no other."""

    __tablename__ = "heads"
    __table_args__ = (_WITHOUT_ROWID,)
    fund: str = Field(primary_key=True, sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    frontier: bytes = Field(sa_type=LargeBinary)
    last_leaf: bytes = Field(sa_type=LargeBinary)
    last_at: str = Field(sa_type=Text)


class EntryRow(SQLModel, table=True):
    """One entry. `body` is the canonical text; the other columns are for finding it."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("fund", "prev"),
        UniqueConstraint("fund", "id"),
        Index(None, "fund", "type", "seq"),
        Index(None, "fund", "party", "seq"),
        CheckConstraint("seq >= 0", name="seq"),
        _WITHOUT_ROWID,
    )
    fund: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    party: str = Field(sa_type=Text)
    at: str = Field(sa_type=Text)
    prev: bytes = Field(sa_type=LargeBinary)
    leaf: bytes = Field(sa_type=LargeBinary)
    body: str = Field(sa_type=Text)


class TileHashRow(SQLModel, table=True):
    """The root of a complete tile: one for 256 entries, one for 65,536, and so on."""

    __tablename__ = "tile_hashes"
    __table_args__ = (_WITHOUT_ROWID,)
    fund: str = Field(primary_key=True, sa_type=Text)
    level: int = Field(primary_key=True, sa_type=Integer)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)


class PostingRow(SQLModel, table=True):
    """One line of the journal: minor units, debit positive; the account's totals after it.

    The totals as of an entry are those of the account's last line up to it: one index seek.
    """

    __tablename__ = "postings"
    __table_args__ = (
        UniqueConstraint("fund", "account", "currency", "version"),
        Index(None, "fund", "account", "currency", "seq"),
        ForeignKeyConstraint(["fund", "seq"], ["entries.fund", "entries.seq"]),
        CheckConstraint("minor <> 0", name="minor"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("debits >= 0 AND credits >= 0", name="totals"),
        _WITHOUT_ROWID,
    )
    fund: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    line: int = Field(primary_key=True, sa_type=Integer)
    account: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    effective: date = Field(sa_type=Date)
    minor: int = Field(sa_type=BigInteger)
    version: int = Field(sa_type=BigInteger)
    debits: int = Field(sa_type=BigInteger)
    credits: int = Field(sa_type=BigInteger)


class IdempotencyRow(SQLModel, table=True):
    """A party's key, the digest of the request it stood for, and the entries that it made."""

    __tablename__ = "idempotency"
    __table_args__ = (
        ForeignKeyConstraint(["fund", "seq"], ["entries.fund", "entries.seq"]),
        _WITHOUT_ROWID,
    )
    fund: str = Field(primary_key=True, sa_type=Text)
    party: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(sa_type=LargeBinary)
    seq: int = Field(sa_type=BigInteger)
    entry_count: int = Field(sa_type=Integer)


class CheckpointRow(SQLModel, table=True):
    """Every checkpoint that was ever signed."""

    __tablename__ = "checkpoints"
    __table_args__ = (_WITHOUT_ROWID,)
    fund: str = Field(primary_key=True, sa_type=Text)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    note: str = Field(sa_type=Text)


class CosignatureRow(SQLModel, table=True):
    """A witness's cosignature of a checkpoint: its key's name and id, and the signature line."""

    __tablename__ = "cosignatures"
    __table_args__ = (Index(None, "fund", "witness", "size"), _WITHOUT_ROWID)
    fund: str = Field(primary_key=True, sa_type=Text)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    witness: str = Field(primary_key=True, sa_type=Text)
    line: str = Field(sa_type=Text)


class ClockConfirmationRow(SQLModel, table=True):
    """An operator's word that the clock was right; it is about the service, not about a fund."""

    __tablename__ = "clock_confirmations"
    at: str = Field(primary_key=True, sa_type=Text)
    off_ms: int = Field(sa_type=BigInteger)
    reason: str = Field(sa_type=Text)


class MarkRow(SQLModel, table=True):
    """What the database is bound to outside itself: its second store, by that one's name."""

    __tablename__ = "marks"
    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)


class DamageRow(SQLModel, table=True):
    """An entry that is not what was signed; the fund is not written to while there is one.

    `seq` is -1 where it cannot be told which entry it is. `signed_hash` (hex) is the leaf hash that
    the signed tree has for it, empty where that is not known.
    """

    __tablename__ = "damages"
    fund: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    found_at: str = Field(sa_type=Text)
    why: str = Field(sa_type=Text)
    signed_hash: str = Field(sa_type=Text)


LOG_TABLES: Final = (
    "entries",
    "tile_hashes",
    "postings",
    "idempotency",
    "checkpoints",
    "cosignatures",
)
"""Tables whose rows are written once: guards refuse UPDATE, DELETE, TRUNCATE and REPLACE."""

CURRENCY: Final = "currency"


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A state class, its table, and how each field is stored."""

    state: type[State]
    table: Table
    money: tuple[str, ...]
    times: tuple[str, ...]
    json: tuple[str, ...]
    own_currency: bool
    """Whether `currency` is a field of the state, or only a column for its amounts."""


def _read_table(state: type[State]) -> ReadTable:
    columns: list[Column[Any]] = [Column("fund", Text, nullable=False)]
    money, times, json = [], [], []
    for name, field in state.model_fields.items():
        kind, optional = _plain(field.annotation)
        if kind is Money:
            money.append(name)
            columns.append(Column(f"{name}_minor", BigInteger, nullable=False))
            continue
        if kind is datetime:
            times.append(name)
        elif not (isinstance(kind, type) and issubclass(kind, (str, int, date))):
            json.append(name)
        columns.append(Column(name, _sql_type(kind), nullable=optional))
    own_currency = CURRENCY in state.model_fields
    if money and not own_currency:
        columns.append(Column(CURRENCY, Text, nullable=False))
    constraints: list[Any] = [PrimaryKeyConstraint("fund", *state.key)]
    for name, check in state.checks.items():
        constraints.append(CheckConstraint(check, name=name))
    if state.listed_by:
        constraints.append(Index(None, "fund", state.listed_by))
    constraints += [Index(None, *columns) for columns in state.indexes]
    table = Table(state.table, metadata, *columns, *constraints)
    return ReadTable(state, table, tuple(money), tuple(times), tuple(json), own_currency)


def _plain(annotation: Any) -> tuple[Any, bool]:
    """The bare type behind Annotated and `| None`, and whether None is allowed."""
    optional = False
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        arguments = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation = arguments[0]
        else:
            parts = [part for part in arguments if part is not type(None)]
            optional = len(parts) < len(arguments)
            if len(parts) > 1:
                return object, optional  # one of several kinds: JSON
            (annotation,) = parts
    return annotation, optional


def _sql_type(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, int):
        return BigInteger
    return Date if kind is date else Text


READ_TABLES: Final[dict[type[State], ReadTable]] = {
    state: _read_table(state) for state in STATES.values()
}
"""Every read table by its state class."""
