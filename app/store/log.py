"""The log in the database: its head, its entries, its hashes, its checkpoints.

Writing happens in one transaction that holds the head row, with one statement for many rows. The
stored bytes are authoritative: an entry's body is returned exactly as it was written.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, func, select, tuple_, update

from app.chain.checkpoint import Checkpoint
from app.chain.tiles import TILE_WIDTH, HashReader, stored_hashes
from app.chain.tree import HASH_BYTES, Frontier, Subtree
from app.domain.book import Posting
from app.store import rows
from app.store.tables import metadata

_heads = metadata.tables["heads"]
_entries = metadata.tables["entries"]
_tile_hashes = metadata.tables["tile_hashes"]
_postings = metadata.tables["postings"]
_idempotency = metadata.tables["idempotency"]

PAGE = 2_000
"""Entries that are read at a time when many are streamed."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one fund's log: what the next entry needs to know."""

    fund: str
    frontier: Frontier
    last_leaf: bytes
    last_at: str

    @property
    def size(self) -> int:
        return self.frontier.size


class Sealed(NamedTuple):
    """An entry ready to be stored, with its journal lines."""

    seq: int
    id: str
    type: str
    party: str
    at: str
    prev: bytes
    leaf: bytes
    body: bytes
    postings: tuple[Posting, ...]


class HeadDamaged(Exception):
    """The head names another last entry than the one that is stored."""


class StoredEntry(NamedTuple):
    """An entry as it is stored, with the hashes that tie it to its place."""

    seq: int
    body: bytes
    leaf: bytes
    prev: bytes
    type: str
    party: str
    at: str


class KeyUse(NamedTuple):
    """The first use of an idempotency key: the request's digest and the entries it made."""

    party: str
    key: str
    digest: bytes
    seq: int
    entry_count: int

    @property
    def last_seq(self) -> int:
        """The last of the entries that it made."""
        return self.seq + self.entry_count - 1


def lock_head(connection: Connection, fund: str, *, create: bool = False) -> Head | None:
    """Take the fund's head row for this transaction; None when there is no such fund."""
    query = select(_heads).where(_heads.c.fund == fund).with_for_update()
    head = _head(connection, query)
    if head is None and create:
        empty = {"fund": fund, "size": 0, "frontier": b"", "last_leaf": b"", "last_at": ""}
        rows.add(connection, _heads, empty)
        head = _head(connection, query)
    return head


def read_head(connection: Connection, fund: str) -> Head | None:
    """The fund's head as of now; None when there is no such fund."""
    return _head(connection, select(_heads).where(_heads.c.fund == fund, _heads.c.size > 0))


def funds(connection: Connection) -> list[str]:
    """All logs by name: funds, and their second logs `<fund>/access`."""
    query = select(_heads.c.fund).where(_heads.c.size > 0).order_by(_heads.c.fund)
    return list(connection.execute(query).scalars())


def sizes(connection: Connection) -> dict[str, int]:
    """The number of entries of every log, second logs included."""
    query = select(_heads.c.fund, _heads.c.size).where(_heads.c.size > 0)
    return {row.fund: row.size for row in connection.execute(query)}


def newest_time(connection: Connection) -> datetime | None:
    """The time of the newest entry of any log; None when there is none."""
    times = list[datetime]()
    for at in connection.execute(select(_heads.c.last_at).where(_heads.c.size > 0)).scalars():
        with suppress(HeadDamaged):  # the writer and the scrub say so
            times += filter(None, [read_time(at)])
    return max(times, default=None)


def read_time(last_at: str) -> datetime | None:
    """The time of a log's last entry; None before the first. Raises HeadDamaged."""
    if not last_at:
        return None
    with suppress(ValueError):
        at = datetime.fromisoformat(last_at)
        if at.tzinfo is not None:
            return at
    raise HeadDamaged("the head names a time that is none")


def has_grown(connection: Connection, fund: str, size: int, ours: Sequence[str]) -> bool:
    """Whether after the first `size` entries there is one of another type than `ours`."""
    query = (
        select(_entries.c.seq)
        .where(_entries.c.fund == fund, _entries.c.seq >= size, _entries.c.type.not_in(ours))
        .limit(1)
    )
    return connection.execute(query).one_or_none() is not None


def append(
    connection: Connection,
    head: Head,
    entries: Sequence[Sealed],
    keys: Sequence[KeyUse],
    grown: tuple[Frontier, dict[Subtree, bytes]],
    *,
    compared: bool = False,
) -> None:
    """Store a batch of entries after `head`, which this transaction holds locked; `grown` is what
    its frontier gave for them. `compared` says that whoever calls has compared what is stored,
    whatever the head says. Raises HeadDamaged.
    """
    fund, (frontier, completed) = head.fund, grown
    rows.insert(connection, _entries, [_entry_row(fund, entry) for entry in entries])
    lines = [line for entry in entries for line in _posting_rows(fund, entry)]
    rows.insert(connection, _postings, lines)
    used = [(fund, use.party, use.key, use.digest, use.seq, use.entry_count) for use in keys]
    rows.insert(connection, _idempotency, used)
    finished = stored_hashes(completed.items())
    rows.insert(connection, _tile_hashes, [(fund, *complete) for complete in finished])
    statement = update(_heads).where(_heads.c.fund == fund)
    if head.size and not compared:
        # The new entries name the head's last hash as the one before them.
        last = (_entries.c.fund == fund, _entries.c.seq == head.size - 1)
        same = (_entries.c.leaf == _heads.c.last_leaf, _entries.c.at == _heads.c.last_at)
        statement = statement.where(exists().where(*last, *same))
    changed = connection.execute(
        statement.values(
            size=frontier.size,
            frontier=b"".join(frontier.peaks),
            last_leaf=entries[-1].leaf,
            last_at=entries[-1].at,
        )
    )
    if changed.rowcount != 1:
        raise HeadDamaged(f"the head of {fund} names another last entry than is stored")


def _entry_row(fund: str, entry: Sealed) -> tuple[Any, ...]:
    return (
        fund,
        entry.seq,
        entry.id,
        entry.type,
        entry.party,
        entry.at,
        entry.prev,
        entry.leaf,
        entry.body.decode(),
    )


def _posting_rows(fund: str, entry: Sealed) -> Iterator[tuple[Any, ...]]:
    # A posting's fields are the columns after these, in their order.
    for line, posting in enumerate(entry.postings):
        yield (fund, entry.seq, line, *posting)


def find_keys(
    connection: Connection, fund: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], KeyUse]:
    """Which of these (party, key) pairs have been used, and for what."""
    found = rows.select(connection, _idempotency, fund, ("party", "key"), keys)
    return {
        (row["party"], row["key"]): KeyUse(
            row["party"], row["key"], bytes(row["digest"]), row["seq"], row["entry_count"]
        )
        for row in found
    }


def recorded_since(connection: Connection, fund: str, party: str, since: str, most: int) -> int:
    """How many entries of a party there are since a time (as entries write it), up to `most`."""
    newest = (
        select(_entries.c.at)
        .where(_entries.c.fund == fund, _entries.c.party == party)
        .order_by(_entries.c.seq.desc())
        .limit(most)
    )
    return sum(1 for at in connection.execute(newest).scalars() if at >= since)


def bodies(connection: Connection, fund: str, start: int, end: int) -> Iterator[bytes]:
    """The stored bytes of entries [start, end), in order, a page at a time."""
    return (body for body, _ in lines(connection, fund, start, end))


def bytes_at_most(connection: Connection, fund: str, start: int, end: int) -> int:
    """An upper limit of the bytes that entries [start, end) take as lines."""
    query = select(func.count(), func.coalesce(func.sum(func.length(_entries.c.body)), 0)).where(
        _entries.c.fund == fund, _entries.c.seq >= start, _entries.c.seq < end
    )
    count, characters = connection.execute(query).one()
    return int(count) + 4 * int(characters)  # a character takes four bytes of UTF-8 at most


def bodies_at(connection: Connection, fund: str, places: Iterable[int]) -> dict[int, bytes]:
    """The stored bytes of the entries at these positions, by position."""
    found = rows.select(connection, _entries, fund, ("seq",), [(seq,) for seq in places])
    return {row["seq"]: row["body"].encode() for row in found}


def lines(connection: Connection, fund: str, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """As `bodies`, each with the leaf hash that is stored with it."""
    position = start
    while position < end:
        query = (
            select(_entries.c.seq, _entries.c.body, _entries.c.leaf)
            .where(_entries.c.fund == fund, _entries.c.seq >= position, _entries.c.seq < end)
            .order_by(_entries.c.seq)
            .limit(PAGE)
        )
        found = connection.execute(query).all()
        if not found:
            return
        for row in found:
            yield row.body.encode(), bytes(row.leaf)
        position = found[-1].seq + 1


def stored_entries(connection: Connection, fund: str, start: int, end: int) -> list[StoredEntry]:
    """Entries [start, end), a tile of them at most, with their hashes."""
    query = (
        select(
            _entries.c.seq,
            _entries.c.body,
            _entries.c.leaf,
            _entries.c.prev,
            _entries.c.type,
            _entries.c.party,
            _entries.c.at,
        )
        .where(_entries.c.fund == fund, _entries.c.seq >= start, _entries.c.seq < end)
        .order_by(_entries.c.seq)
        .limit(TILE_WIDTH)
    )
    return [
        StoredEntry(
            row.seq,
            row.body.encode(),
            bytes(row.leaf),
            bytes(row.prev),
            row.type,
            row.party,
            row.at,
        )
        for row in connection.execute(query)
    ]


def page(
    connection: Connection,
    fund: str,
    *,
    after: int,
    before: int,
    limit: int,
    filters: dict[str, str],
) -> list[bytes]:
    """Up to `limit` entry bodies with after < seq < before, of one type or party if asked."""
    query = select(_entries.c.body).where(
        _entries.c.fund == fund, _entries.c.seq > after, _entries.c.seq < before
    )
    for column, value in filters.items():
        query = query.where(_entries.c[column] == value)
    found = connection.execute(query.order_by(_entries.c.seq).limit(limit)).scalars()
    return [body.encode() for body in found]


def hashes(connection: Connection, fund: str) -> HashReader:
    """Proofs and roots of the fund's log, read tile by tile."""
    return HashReader(lambda level, number: tile(connection, fund, level, number))


def tile(connection: Connection, fund: str, level: int, number: int) -> list[bytes]:
    """The hashes of a tile so far, left to right: leaves at level 0, stored roots above."""
    first = number * TILE_WIDTH
    if level == 0:
        query = (
            select(_entries.c.leaf)
            .where(_entries.c.fund == fund, _entries.c.seq >= first)
            .where(_entries.c.seq < first + TILE_WIDTH)
            .order_by(_entries.c.seq)
        )
    else:
        query = (
            select(_tile_hashes.c.hash)
            .where(_tile_hashes.c.fund == fund, _tile_hashes.c.level == level)
            .where(_tile_hashes.c.position >= first)
            .where(_tile_hashes.c.position < first + TILE_WIDTH)
            .order_by(_tile_hashes.c.position)
        )
    return [bytes(value) for value in connection.execute(query).scalars()]


def postings(
    connection: Connection, fund: str, end: int, start: int = 0
) -> Iterator[tuple[int, Posting]]:
    """The journal of entries [start, end), in order, with each line's entry."""
    position = (start - 1, 2**31 - 1)
    while True:
        query = (
            select(_postings)
            .where(_postings.c.fund == fund, _postings.c.seq < end)
            .where(tuple_(_postings.c.seq, _postings.c.line) > position)
            .order_by(_postings.c.seq, _postings.c.line)
            .limit(PAGE)
        )
        found = connection.execute(query).all()
        for row in found:
            _, seq, _, *posting = row
            yield seq, Posting(*posting)
        if len(found) < PAGE:
            return
        position = (found[-1].seq, found[-1].line)


def contradiction(connection: Connection, fund: str, signed: Checkpoint) -> str | None:
    """How the log differs from a signed checkpoint, in words; None where it contains it."""
    head = read_head(connection, fund)
    size = 0 if head is None else head.size
    if size < signed.size:
        return f"the database has {size} entries, {signed.size} were signed for"
    root = hashes(connection, fund).root(signed.size)
    if root != signed.root:
        return differs(signed, root)
    return None


def differs(signed: Checkpoint, root: bytes) -> str:
    """The sentence for a log whose first entries do not make the signed root."""
    return (
        f"the first {signed.size} entries have root {root.hex()}, "
        f"but {signed.root.hex()} was signed"
    )


def _head(connection: Connection, query: Any) -> Head | None:
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    peaks = bytes(row.frontier)
    frontier = Frontier(
        row.size,
        tuple(peaks[i : i + HASH_BYTES] for i in range(0, len(peaks), HASH_BYTES)),
    )
    return Head(row.fund, frontier, bytes(row.last_leaf), row.last_at)
