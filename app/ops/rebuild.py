"""Rebuilding the read tables from the log, and comparing them with it.

Read tables are computed from the log and hold nothing else, which these functions demonstrate. They
load a fund whole, so they are for operators and not for requests.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from app.audit.replay import read_event, signed_act
from app.chain.entry import Entry
from app.chain.log_reader import LogReader
from app.domain.admission import UnknownEvent
from app.domain.book import Book, Identity, Posting
from app.domain.catalogue import STATES
from app.domain.governance.party_keys import remembered
from app.domain.refusals.base import Refusal
from app.runtime.faults import Fault
from app.store import log, read_tables
from app.store.engine import LONG_S, Database
from app.store.log_names import NoSuchFund, is_access_log
from app.store.migrate import migrate
from app.store.second_store.protocol import SecondStore, last_signed


class CannotCompare(Fault):
    """The log can be called neither right nor wrong."""


def bring_up_to_date(database: Database, roles: str | None = None) -> list[str]:
    """Migrate the database; returns the funds whose read tables were rebuilt because it changed.

    With `roles`, a prefix, PostgreSQL's accounts are made too.
    """
    if not migrate(database, roles):
        return []
    with database.read(LONG_S) as connection:
        funds = [name for name in log.funds(connection) if not is_access_log(name)]
    for fund in funds:
        rebuild(database, fund)
    return funds


def rebuild(database: Database, fund: str) -> int:
    """Delete the fund's read tables and compute them anew from its log; returns the number of
    entries.

    Writers wait meanwhile. Raises NoSuchFund.
    """
    with database.write(patience_s=LONG_S) as connection:
        head = log.lock_head(connection, fund)
        if head is None:
            raise NoSuchFund(fund)
        refold(connection, fund, head.size)
    return head.size


def refold(connection: Connection, fund: str, size: int) -> None:
    """As `rebuild`, in the transaction of a caller who holds the head."""
    book = Book(complete=True)
    for line in log.bodies(connection, fund, 0, size):
        book = _folded(book, Entry.from_bytes(line))
    read_tables.clear(connection, fund)
    read_tables.save(connection, fund, dict(book.changed.items()))


def first_difference(database: Database, fund: str) -> str | None:
    """Compare chain, journal and every read table with a replay; the first difference in words.

    None when there is none. Raises NoSuchFund.
    """
    with database.read(LONG_S) as connection:
        head = log.read_head(connection, fund)
        if head is None:
            raise NoSuchFund(fund)
        book, journal, reader = (
            Book(complete=True),
            _journal(connection, fund, head.size),
            LogReader(),
        )
        has_books = not is_access_log(fund)
        try:
            for line in log.bodies(connection, fund, 0, head.size):
                entry = reader.read(line)
                if not has_books:
                    continue
                book, stored = _folded(book, entry), next(journal, ())
                if stored != book.postings:
                    return f"journal of entry {entry.seq}: stored {stored}, replay {book.postings}"
        except UnknownEvent as error:
            raise CannotCompare(f"entry {reader.size - 1}: {error}") from None
        except (ValueError, Refusal) as error:
            return f"log, behind entry {reader.size - 1}: {error}"
        frontier = reader.frontier
        if frontier != head.frontier:
            return f"head: stored root {head.frontier.root().hex()}, replay {frontier.root().hex()}"
        if reader.last is not None and (head.last_leaf, head.last_at) != (
            reader.leaf,
            reader.last.at,
        ):
            return "head: it names another last entry than is stored"
        return _table_difference(connection, fund, book) if has_books else None


def signed_difference(database: Database, signed: SecondStore, fund: str) -> str | None:
    """How the log differs from its last signed checkpoint, in words; None where it agrees.

    Raises CannotCompare.
    """
    last = last_signed(signed, fund)
    if last is None:
        raise CannotCompare("nothing outside the database says what was signed last")
    with database.read(LONG_S) as connection:
        return log.contradiction(connection, fund, last)


def _folded(book: Book, entry: Entry) -> Book:
    """The book after an entry, without checking again that it was permitted."""
    event, act = read_event(entry), signed_act(entry)
    return remembered(event.fold(book.next_entry(), act), act)


def _journal(connection: Connection, fund: str, size: int) -> Iterator[tuple[Posting, ...]]:
    """The stored journal lines of each entry in turn; an empty tuple for one without lines."""
    stored = log.postings(connection, fund, size)
    ahead = next(stored, None)
    for seq in range(size):
        lines: list[Posting] = []
        while ahead is not None and ahead[0] == seq:
            lines.append(ahead[1])
            ahead = next(stored, None)
        yield tuple(lines)


def _table_difference(connection: Connection, fund: str, book: Book) -> str | None:
    folded: dict[str, dict[Identity, Any]] = {name: {} for name in STATES}
    for (kind, identity), state in book.rows.items():
        folded[kind.table][identity] = state
    for name, kind in sorted(STATES.items()):
        expected = folded[name]
        try:
            for row in read_tables.all_rows(connection, fund, kind):
                state = expected.pop(row.identity, None)
                if state != row:
                    return _describe(kind.table, row, state)
        except ValueError as error:
            return f"{name}: a row cannot be read: {error}"
        if expected:
            identity = min(expected)
            return f"{name} {identity}: missing in the table, in the replay {expected[identity]!r}"
    return None


def _describe(table: str, row: Any, state: Any) -> str:
    if state is None:
        return f"{table} {row.identity}: in the table, but not in the replay"
    names = type(row).model_fields
    column = next(name for name in names if getattr(row, name) != getattr(state, name))
    return (
        f"{table} {row.identity}, {column}: the table has {getattr(row, column)!r}, "
        f"the replay {getattr(state, column)!r}"
    )
