"""Putting entries back that were changed in the database, by the exact bytes that were signed.

Nobody decides anything here: what comes out is the log that the last signed checkpoint was signed
for, or nothing is changed. It needs the rights of the database's migrator, for the log's guards are
taken down and put up again in one transaction. The fund's second log then says that it was done.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, delete, insert, update

from app.audit.replay import NotPermitted, Replay
from app.chain.entry import BadEntry, BrokenChain
from app.chain.log_reader import LogReader
from app.chain.tiles import TILE_WIDTH, stored_hashes
from app.chain.tree import Frontier
from app.domain.book import Posting
from app.ledger.notary import Notary
from app.ledger.sealing import sealed_before
from app.ops.rebuild import refold
from app.ops.recovery import NotRecovered
from app.store import log, rows
from app.store.damages import forget_damages
from app.store.engine import LONG_S, Database
from app.store.guards import create_guards, drop_guards
from app.store.log import Sealed
from app.store.log_names import is_access_log, main_log
from app.store.roles import act_as_owner
from app.store.tables import metadata

_entries = metadata.tables["entries"]
_postings = metadata.tables["postings"]
_tile_hashes = metadata.tables["tile_hashes"]
_heads = metadata.tables["heads"]


@dataclass(frozen=True, slots=True)
class Repaired:
    """Which entries were put back, and how long the log is."""

    entries: list[int]
    size: int


def repair(database: Database, notary: Notary, fund: str, lines: Iterable[bytes]) -> Repaired:
    """Make the log what was signed: `lines` are its entries from the first on, from a mirror or a
    bundle; what they lack at the end is taken as it is stored.

    Read tables, journal and tree are computed anew. Raises NotRecovered; then nothing is changed.
    """
    signed = notary.last_signed(fund)
    if signed is None:
        raise NotRecovered("nothing outside the database says what was signed")
    try:
        with database.write(patience_s=LONG_S) as connection:
            if database.dialect == "postgresql":
                act_as_owner(connection)
            head = log.lock_head(connection, fund)
            if head is None or head.size < signed.size:
                raise NotRecovered("entries are missing: `fundledger recover` adds them first")
            # Beyond what was signed nobody can say what is right: that is taken as it is stored.
            wanted = _merged(lines, connection, fund, signed.size, head.size)
            changed, frontier = _put_back(connection, fund, wanted, signed.size, signed.root)
            forget_damages(connection, fund)
    except (BadEntry, BrokenChain, NotPermitted) as error:
        raise NotRecovered(f"these entries are no log: {error}") from None
    return Repaired(changed, frontier.size)


def _merged(
    lines: Iterable[bytes], connection: Connection, fund: str, signed: int, size: int
) -> Iterator[bytes]:
    """The given lines, as far as they were signed, and after them those that are stored."""
    seq = 0
    for line in islice(lines, signed):
        yield line
        seq += 1
    yield from log.bodies(connection, fund, seq, size)


def _put_back(
    connection: Connection, fund: str, lines: Iterable[bytes], size: int, root: bytes
) -> tuple[list[int], Frontier]:
    """Store what differs; the entries that did. Raises NotRecovered unless the root comes out."""
    replay = None if is_access_log(fund) else Replay()
    reader, frontier, changed = LogReader(), Frontier(), list[int]()
    drop_guards(connection)
    connection.execute(delete(_tile_hashes).where(_tile_hashes.c.fund == fund))
    waiting = list[Sealed]()
    for line in lines:
        entry = reader.read(line)
        if entry.fund != main_log(fund):
            raise NotRecovered(f"these are entries of {entry.fund}")
        postings = replay.step(entry).postings if replay is not None else ()
        assert reader.leaf is not None, "it has read an entry"  # noqa: S101
        waiting.append(sealed_before(entry, line, reader.leaf, postings))
        if len(waiting) == TILE_WIDTH:
            frontier = _store(connection, fund, waiting, frontier, changed)
            waiting = []
        if reader.size == size and reader.frontier.root() != root:
            raise NotRecovered(f"the first {size} entries of these are not those that were signed")
    frontier = _store(connection, fund, waiting, frontier, changed)
    if replay is not None:
        replay.finish(reader.size - 1)
        refold(connection, fund, reader.size)
    assert reader.last is not None, "a log has entries"  # noqa: S101
    values = {
        "frontier": b"".join(frontier.peaks),
        "last_leaf": reader.leaf,
        "last_at": reader.last.at,
    }
    connection.execute(update(_heads).where(_heads.c.fund == fund).values(values))
    create_guards(connection)
    return changed, frontier


def _store(
    connection: Connection, fund: str, entries: list[Sealed], frontier: Frontier, changed: list[int]
) -> Frontier:
    """Compare some entries, their journal and their hashes with what is stored, and replace."""
    if not entries:
        return frontier
    first, end = entries[0].seq, entries[-1].seq + 1
    stored = {link.seq: link for link in log.stored_entries(connection, fund, first, end)}
    journal: dict[int, list[Posting]] = {}
    for seq, posting in log.postings(connection, fund, end, first):
        journal.setdefault(seq, []).append(posting)
    for entry in entries:
        here = stored.get(entry.seq)
        wanted = log.StoredEntry(
            entry.seq, entry.body, entry.leaf, entry.prev, entry.type, entry.party, entry.at
        )
        differs = here != wanted
        if differs:
            _replace_entry(connection, fund, entry)
        if tuple(journal.get(entry.seq, ())) != entry.postings:
            place = (_postings.c.fund == fund) & (_postings.c.seq == entry.seq)
            connection.execute(delete(_postings).where(place))
            lines = [(fund, entry.seq, n, *line) for n, line in enumerate(entry.postings)]
            rows.insert(connection, _postings, lines)
            differs = True
        if differs:
            changed.append(entry.seq)
    after, completed = frontier.extend(entry.leaf for entry in entries)
    finished = stored_hashes(completed.items())
    rows.insert(connection, _tile_hashes, [(fund, *complete) for complete in finished])
    return after


def _replace_entry(connection: Connection, fund: str, entry: Sealed) -> None:
    values = {
        "id": entry.id,
        "type": entry.type,
        "party": entry.party,
        "at": entry.at,
        "prev": entry.prev,
        "leaf": entry.leaf,
        "body": entry.body.decode(),
    }
    here = (_entries.c.fund == fund) & (_entries.c.seq == entry.seq)
    if connection.execute(update(_entries).where(here).values(values)).rowcount == 0:
        connection.execute(insert(_entries).values(fund=fund, seq=entry.seq, **values))
