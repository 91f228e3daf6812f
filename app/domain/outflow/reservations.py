"""Reservations: money set aside for a request, under the mandates that allow it, and given back.

Money that is given back returns to the pools, contributors and mandates that it came from, at
exactly those shares.
"""

from collections.abc import Iterable, Iterator

from app.domain.book import Book, Key
from app.domain.books.attribution import RULE
from app.domain.books.draws import Draw, drawn, reserved_from, shares_of
from app.domain.books.journal import contributor, credit, debit, post, posting_keys, reserved
from app.domain.books.pools import Pool, Shares, paid_back, pool_key, pool_of
from app.domain.books.positions import moved, position_key
from app.domain.charter.approval_steps import Who
from app.domain.charter.charter import Charter
from app.domain.event import Act, LedgerEvent
from app.domain.governance.funds import charter_of
from app.domain.governance.seats import require_quorum
from app.domain.inflow.mandates import Use, authorised, mandate_key, mandate_keys, released_under
from app.domain.outflow.attributions import attributed, attribution_key, ended
from app.domain.outflow.disbursements import (
    Disbursement,
    DisbursementReference,
    DisbursementState,
)
from app.domain.outflow.money_kinds import kinds_for, windows_for
from app.domain.outflow.steps import label
from app.domain.refusals.decisions import DrawnPartyMissing
from app.domain.values import Money


class DisbursementReserved(DisbursementReference, LedgerEvent, type="disbursement.reserved"):
    """The money is reserved and attributed to contributors. Never more than is available."""

    amount: Money
    rule: str
    draws: tuple[Draw, ...]
    mandates: tuple[Use, ...] = ()

    @property
    def shares(self) -> Shares:
        """What each contributor gives, by party code."""
        return shares_of(self.draws)

    @classmethod
    def of(cls, book: Book, disbursement_id: str, act: Act) -> "DisbursementReserved":
        """The reservation as it follows from the book.

        Raises InsufficientFunds, DrawnPartyMissing, MandateRequired, ExceedsMandate.
        """
        disbursement = book.get(Disbursement, disbursement_id)
        draws = _draws(book, disbursement, disbursement.amount)
        return cls(
            disbursement_id=disbursement_id,
            cause=act.seq,
            amount=disbursement.amount,
            rule=RULE,
            draws=draws,
            mandates=_mandates(book, disbursement, draws, act),
        )

    def permit(self, book: Book, act: Act) -> None:
        """Check that the request is approved, that the quorum is there, and that the money, the
        parties asked and the mandates suffice. Raises ProposalClosed, QuorumLost,
        InsufficientFunds, DrawnPartyMissing, MandateRequired, ExceedsMandate.
        """
        disbursement = book.get(Disbursement, self.disbursement_id)
        disbursement.require(DisbursementState.APPROVED)
        require_quorum(book)
        require_reservable(book, disbursement, self.amount, act)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        book = reserved_from(book, self.draws)
        book = post(
            book,
            act.day,
            *(
                debit(contributor(party, window), share)
                for window, party, share in each(self.draws)
            ),
            credit(reserved(self.disbursement_id), self.amount),
        )
        for draw in self.draws:
            book = moved(book, draw.window, draw.shares, "reserved")
        book = attributed(book, disbursement, self.shares, act.seq)
        book = released_under(book, self.mandates)
        return book.put(
            disbursement.but(
                state=DisbursementState.RESERVED,
                draws=self.draws,
                mandates=self.mandates,
                reserved_seq=act.seq,
            )
        )

    def sentence(self, act: Act) -> str:
        parts = ", ".join(f"{party} {share}" for party, share in self.shares.items())
        return f"{self.amount} was reserved for disbursement {self.disbursement_id}: {parts}."


class DisbursementUnreserved(DisbursementReference, LedgerEvent, type="disbursement.unreserved"):
    """An approval was revoked before the bank was told: the money is free, the request waits."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the money is reserved and the bank was not told yet. Raises ProposalClosed,
        PeriodClosed.
        """
        book.get(Disbursement, self.disbursement_id).require(DisbursementState.RESERVED)

    def fold(self, book: Book, act: Act) -> Book:
        disbursement = book.get(Disbursement, self.disbursement_id)
        book = unreserved(book, disbursement, act)
        return book.put(
            disbursement.but(
                state=DisbursementState.REQUESTED, draws=(), mandates=(), reserved_seq=None
            )
        )

    def sentence(self, act: Act) -> str:
        return f"What was reserved for disbursement {self.disbursement_id} is free again."


def require_reservable(book: Book, disbursement: Disbursement, amount: Money, act: Act) -> None:
    """Check that the money is there, of parties that were asked, under mandates that allow it.

    Raises InsufficientFunds, DrawnPartyMissing, MandateRequired, ExceedsMandate.
    """
    draws = _draws(book, disbursement, amount)
    _require_asked(charter_of(book), disbursement, shares_of(draws))
    _mandates(book, disbursement, draws, act)


def unreserved(book: Book, disbursement: Disbursement, act: Act) -> Book:
    """The book in which what was reserved is available again."""
    draws = disbursement.draws
    book = post(
        book,
        act.day,
        debit(reserved(disbursement.disbursement_id), disbursement.amount),
        *(credit(contributor(party, window), share) for window, party, share in each(draws)),
    )
    book = given_back(book, disbursement, "-reserved")
    return ended(book, disbursement.disbursement_id, disbursement.shares, act.seq)


def given_back(book: Book, disbursement: Disbursement, change: str) -> Book:
    """The book in which pools and mandates have again what was drawn from them."""
    for draw in disbursement.draws:
        book = moved(book, draw.window, draw.shares, change)
        pool = pool_of(book, draw.window, draw.restriction, draw.amount.currency)
        book = book.put(paid_back(pool, draw.amount, draw.split))
    return released_under(book, disbursement.mandates, back=True)


def each(draws: Iterable[Draw]) -> Iterator[tuple[str, str, Money]]:
    """Window, party and share for every contributor to these draws."""
    for draw in draws:
        for party, share in draw.shares.items():
            yield draw.window, party, share


def reservation_keys(book: Book, charter: Charter, disbursement: Disbursement) -> Iterator[Key]:
    """The rows that reserving the money reads."""
    currency, identifier = disbursement.amount.currency, disbursement.disbursement_id
    yield from posting_keys(book, reserved(identifier), currency)
    for window, tie in kinds_for(charter, disbursement.window, disbursement.purpose):
        yield pool_key(window, tie, currency)
        pool = book.peek(Pool, window, tie, currency)
        parties = tuple(pool.balances) if pool is not None else ()
        for party in parties:
            yield position_key(party, window, currency)
            yield attribution_key(party, identifier)
            yield from posting_keys(book, contributor(party, window), currency)
        yield from mandate_keys(book, _mandated(charter, parties))


def drawn_keys(disbursement: Disbursement) -> Iterator[Key]:
    """The rows of pools, positions and mandates that are read when drawn money moves on or back."""
    for draw in disbursement.draws:
        yield pool_key(draw.window, draw.restriction, draw.amount.currency)
    for window, party, share in each(disbursement.draws):
        yield position_key(party, window, share.currency)
        yield attribution_key(party, disbursement.disbursement_id)
    # Withdrawn mandates too, because what was released under them comes back to them.
    yield from (mandate_key(use.mandate_id) for use in disbursement.mandates)


def drawn_account_keys(book: Book, disbursement: Disbursement) -> Iterator[Key]:
    """The accounts that money returns to when the bank was not told yet."""
    currency = disbursement.amount.currency
    yield from posting_keys(book, reserved(disbursement.disbursement_id), currency)
    for window, party, _ in each(disbursement.draws):
        yield from posting_keys(book, contributor(party, window), currency)


def _mandated(charter: Charter, parties: Iterable[str]) -> list[str]:
    known = {party.id for party in charter.parties if party.mandated}
    return [party for party in parties if party in known]


def _draws(book: Book, disbursement: Disbursement, amount: Money) -> tuple[Draw, ...]:
    """The draws of which the amount would be made up now. Raises InsufficientFunds."""
    kinds = kinds_for(charter_of(book), disbursement.window, disbursement.purpose)
    return drawn(book, kinds, amount, disbursement.window)


def _mandates(
    book: Book, disbursement: Disbursement, draws: tuple[Draw, ...], act: Act
) -> tuple[Use, ...]:
    shares = shares_of(draws).items()
    return authorised(book, charter_of(book), shares, disbursement.purpose, act.day)


def _require_asked(charter: Charter, disbursement: Disbursement, shares: Shares) -> None:
    """Check that every party whose money is drawn was asked, where the charter demands that. Raises
    DrawnPartyMissing.
    """
    windows = windows_for(charter, disbursement.window, disbursement.purpose)
    for step in charter.steps_for(disbursement.amount, windows):
        if step.who is not Who.EACH_DRAWN:
            continue
        for party, share in shares.items():
            if share.minor > 0 and label(step.id, party) not in disbursement.asked:
                raise DrawnPartyMissing(
                    f"The release would draw on {party}, whose money came after the request: "
                    f"cancel it and ask again."
                )
