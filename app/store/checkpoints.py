"""Checkpoints in the database: every one that was signed, and what witnesses added to each.

Signing is the notary's; cosignatures come later, and are attached when a checkpoint is read.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, and_, func, select

from app.chain.note import VerifierKey
from app.store import rows
from app.store.tables import metadata

_checkpoints = metadata.tables["checkpoints"]
_cosignatures = metadata.tables["cosignatures"]


def keep_checkpoint(connection: Connection, fund: str, size: int, note: bytes) -> None:
    """Store a signed checkpoint; one that is stored already stays."""
    _keep(connection, _checkpoints, {"fund": fund, "size": size}, note=note.decode())


def keep_cosignature(
    connection: Connection, fund: str, size: int, witness: VerifierKey, line: str
) -> None:
    """Store a cosignature of a checkpoint; one that is stored already stays."""
    _keep(
        connection,
        _cosignatures,
        {"fund": fund, "size": size, "witness": label(witness)},
        line=line,
    )


def label(witness: VerifierKey) -> str:
    """The key's name and id, which together identify a witness's key."""
    return f"{witness.name}+{witness.id.hex()}"


def checkpoint_covering(connection: Connection, fund: str, seq: int) -> bytes | None:
    """The first checkpoint that covers entry `seq`; None while none was signed."""
    return _note(connection, fund, _checkpoints.c.size > seq, _checkpoints.c.size)


def checkpoint_at(connection: Connection, fund: str, size: int) -> bytes | None:
    """The checkpoint of exactly this size, with its cosignatures, if one was signed."""
    return _note(connection, fund, _checkpoints.c.size == size, _checkpoints.c.size)


def newest_checkpoint(connection: Connection, fund: str) -> bytes | None:
    """The newest checkpoint that is stored, with the cosignatures that have come."""
    return _note(connection, fund, _checkpoints.c.size > 0, _checkpoints.c.size.desc())


def newest_first(connection: Connection, fund: str, limit: int = 1_000) -> Iterator[bytes]:
    """The newest checkpoints, with cosignatures."""
    query = (
        select(_checkpoints.c.size, _checkpoints.c.note)
        .where(_checkpoints.c.fund == fund)
        .order_by(_checkpoints.c.size.desc())
        .limit(limit)
    )
    for row in connection.execute(query).all():
        yield (row.note + _lines(connection, fund, [row.size]).get(row.size, "")).encode()


def newest_signed(connection: Connection, fund: str) -> bytes | None:
    """The newest checkpoint as the log signed it, without what witnesses added."""
    query = select(_checkpoints.c.note).where(_checkpoints.c.fund == fund)
    note = connection.execute(query.order_by(_checkpoints.c.size.desc()).limit(1)).scalar()
    return note.encode() if note is not None else None


def listed(connection: Connection, fund: str, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Checkpoints of more than `after` entries: size and note, with cosignatures."""
    query = (
        select(_checkpoints.c.size, _checkpoints.c.note)
        .where(_checkpoints.c.fund == fund, _checkpoints.c.size > after)
        .order_by(_checkpoints.c.size)
        .limit(limit)
    )
    found = connection.execute(query).all()
    added = _lines(connection, fund, [row.size for row in found])
    return [(row.size, (row.note + added.get(row.size, "")).encode()) for row in found]


def newest_cosigned(connection: Connection, fund: str, witness: VerifierKey) -> int:
    """The size that a witness has cosigned last; 0 before the first."""
    query = select(func.max(_cosignatures.c.size)).where(
        _cosignatures.c.fund == fund, _cosignatures.c.witness == label(witness)
    )
    return connection.execute(query).scalar_one() or 0


def cosigned(
    connection: Connection, fund: str, after: int, *, from_newest: bool, limit: int = 100
) -> Iterator[tuple[int, bytes]]:
    """Checkpoints of more than `after` entries that some witness has cosigned, with all lines."""
    order = _cosignatures.c.size.desc() if from_newest else _cosignatures.c.size
    query = (
        select(_cosignatures.c.size)
        .where(_cosignatures.c.fund == fund, _cosignatures.c.size > after)
        .group_by(_cosignatures.c.size)
        .order_by(order)
        .limit(limit)
    )
    for size in connection.execute(query).scalars().all():
        note = checkpoint_at(connection, fund, size)
        if note is not None:
            yield size, note


def _keep(connection: Connection, table: Table, key: dict[str, Any], **values: str) -> None:
    same = and_(*(table.c[name] == value for name, value in key.items()))
    if not connection.execute(select(func.count()).where(same)).scalar_one():
        rows.add(connection, table, {**key, **values})


def _note(connection: Connection, fund: str, where: Any, order: Any) -> bytes | None:
    query = select(_checkpoints.c.size, _checkpoints.c.note).where(
        _checkpoints.c.fund == fund, where
    )
    found = connection.execute(query.order_by(order).limit(1)).one_or_none()
    if found is None:
        return None
    lines = _lines(connection, fund, [found.size])
    return bytes((found.note + lines.get(found.size, "")).encode())


def _lines(connection: Connection, fund: str, sizes: Iterable[int]) -> dict[int, str]:
    """By size: its cosignature lines, one after the other."""
    query = (
        select(_cosignatures.c.size, _cosignatures.c.line)
        .where(_cosignatures.c.fund == fund, _cosignatures.c.size.in_(list(sizes)))
        .order_by(_cosignatures.c.size, _cosignatures.c.witness)
    )
    lines: dict[int, str] = {}
    for row in connection.execute(query):
        lines[row.size] = lines.get(row.size, "") + row.line
    return lines
