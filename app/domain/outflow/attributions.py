"""Attributions: for each contributor, every release of their money, as parliaments ask for it."""

from collections.abc import Mapping
from typing import Protocol

from app.domain.book import Book, Key, State, key
from app.domain.values import Identifier, Money, PartyId, Purpose, Seq


class Attribution(
    State, table="attributions", key=("party", "disbursement_id"), listed_by="reserved_seq"
):
    """A contributor's share of one disbursement, and the entries that moved it.

    `ended_seq` is the entry that gave it back; until then it is the contributor's money that is
    reserved or, from `settled_seq` on, disbursed.
    """

    party: PartyId
    disbursement_id: Identifier
    recipient: PartyId
    purpose: Purpose
    amount: Money
    reserved_seq: Seq
    settled_seq: Seq | None
    ended_seq: Seq | None


class Released(Protocol):
    """What attributions need to know of a disbursement."""

    @property
    def disbursement_id(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def purpose(self) -> str: ...


def attributed(book: Book, released: Released, shares: Mapping[str, Money], seq: int) -> Book:
    """The book in which the release of entry `seq` is attributed by these shares."""
    for party, share in shares.items():
        book = book.put(
            Attribution(
                party=party,
                disbursement_id=released.disbursement_id,
                recipient=released.recipient,
                purpose=released.purpose,
                amount=share,
                reserved_seq=seq,
                settled_seq=None,
                ended_seq=None,
            )
        )
    return book


def settled(book: Book, disbursement_id: str, parties: Mapping[str, Money], seq: int) -> Book:
    """The book in which the release was paid, by entry `seq`."""
    for party in parties:
        line = book.get(Attribution, party, disbursement_id)
        book = book.put(line.but(settled_seq=seq))
    return book


def ended(book: Book, disbursement_id: str, parties: Mapping[str, Money], seq: int) -> Book:
    """The book in which the money went back to its contributors, by entry `seq`."""
    for party in parties:
        line = book.get(Attribution, party, disbursement_id)
        book = book.put(line.but(ended_seq=seq))
    return book


def attribution_key(party: str, disbursement_id: str) -> Key:
    """The key of one attribution's row."""
    return key(Attribution, party, disbursement_id)
