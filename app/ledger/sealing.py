"""Sealing: an entry gets its position, id, link to the one before, bytes and hash.

Entries are made here only; `store/log.append` stores them.
"""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from app.chain.entry import GENESIS_PREV, Entry, time_text, write_line
from app.chain.tree import leaf_hash
from app.domain.book import Posting
from app.runtime import clock
from app.store.log import Sealed


class Place(NamedTuple):
    """Where the next entry goes: its log, position and time, and the leaf before it."""

    fund: str
    seq: int
    at: datetime
    prev: bytes
    """The leaf hash of the entry before; empty for a log's first."""


class Content(NamedTuple):
    """What an entry says. `data` and `derived` are canonical bytes."""

    type: str
    by: dict[str, str]
    data: bytes
    derived: bytes | None = None
    jws: str | None = None


def seal(place: Place, content: Content, postings: tuple[Posting, ...] = ()) -> Sealed:
    """A new entry and the journal lines that it brings. Raises BadEntry when it is too long."""
    at, identifier = _written(place.at), clock.new_id(place.at)
    prev = place.prev or bytes.fromhex(GENESIS_PREV)
    body = write_line(
        fund=place.fund,
        seq=place.seq,
        id=identifier,
        type=content.type,
        at=at,
        by=content.by,
        data=content.data,
        derived=content.derived,
        prev=prev.hex(),
        jws=content.jws,
    )
    return Sealed(
        seq=place.seq,
        id=identifier,
        type=content.type,
        party=content.by["party"],
        at=at,
        prev=prev,
        leaf=leaf_hash(body),
        body=body,
        postings=postings,
    )


@lru_cache(maxsize=16)
def _written(at: datetime) -> str:
    """The time as an entry writes it; kept, because all entries of a batch have the same."""
    return time_text(at)


def sealed_before(
    entry: Entry, line: bytes, leaf: bytes, postings: tuple[Posting, ...] = ()
) -> Sealed:
    """An entry that exists already and is stored again with exactly its bytes."""
    return Sealed(
        seq=entry.seq,
        id=entry.id,
        type=entry.type,
        party=entry.by["party"],
        at=entry.at,
        prev=bytes.fromhex(entry.prev),
        leaf=leaf,
        body=line,
        postings=postings,
    )
