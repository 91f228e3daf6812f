"""A ledger on paper: the domain alone, without database, web or keys.

It runs the same `record` as the writer, on one complete book. A refusal changes nothing, because a
book is a value.
"""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from app.chain import canonical
from app.chain.canonical import encode
from app.domain.admission import record
from app.domain.book import Book, Posting
from app.domain.books.periods import ClosePeriod
from app.domain.books.rates import PublishRates
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.funds import OpenFund
from app.domain.inflow.agreements import Agreement, DraftAgreement, SignAgreement
from app.domain.inflow.pledges import AnnouncePledge
from app.domain.inflow.receipts import BookReceipt
from app.domain.inflow.suspense import BookUnidentified, SuspenseItem
from app.domain.outflow.approvals import AnswerStep
from app.domain.outflow.disbursements import Disbursement, RequestDisbursement
from app.domain.outflow.payments import InstructDisbursement, SettleDisbursement
from app.domain.outflow.steps import Approval
from app.domain.proposals.effects import DropMatter
from app.domain.proposals.votes import ElapseClock
from app.domain.trustee.conversions import BookConversion
from app.domain.trustee.journals import JournalEntry, PostJournal
from app.domain.trustee.revaluations import RevalueFund
from app.domain.values import LEDGER_PARTY, LEDGER_SUBJECT, Role
from tests.support.builders import (
    EVIDENCE,
    EXPORT_KID,
    LOG_VKEY,
    RATES,
    REQUESTER,
    TRUSTEE,
    VALUE_DATE,
    Person,
    a_charter,
    a_conversion,
    a_journal,
    a_receipt,
    a_request,
    an_agreement,
    an_approval,
    an_unidentified,
    treasury,
)


class _Ledger(Person):
    """The ledger itself as an actor, for entries that record that time has passed."""

    @property
    def subject(self) -> str:
        return LEDGER_SUBJECT


LEDGER = _Ledger(LEDGER_PARTY, Role.LEDGER)
START = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)


@dataclass
class Recorded:
    """An event in its circumstances, and the journal lines it brought."""

    event: Event
    act: Act
    postings: tuple[Posting, ...]


@dataclass
class Paper:
    """One fund's book and everything that was recorded in it."""

    book: Book = field(default_factory=lambda: Book(complete=True))
    log: list[Recorded] = field(default_factory=list)
    now: datetime = START

    def __post_init__(self) -> None:
        self._ids = (f"01947b6e-3c00-7000-8000-{number:012x}" for number in itertools.count(1))

    def do(self, who: Person, command: Command, *, kid: str = "", nonce: str = "") -> Event:
        """Record what `command` asks for; the actor's event. Raises Refusal.

        `kid` is the key that signed it, under `nonce` (one of its own where none is given).
        """
        if kid and not nonce:
            nonce = f"nonce-{len(self.log)}"
        actor = self.actor(who, kid, nonce)
        role = command.in_role(self.book, actor)
        act = Act(
            seq=len(self.log),
            at=self.now,
            party=who.party,
            subject=who.subject,
            role=role,
            digest="",
            new_id=lambda: next(self._ids),
            log_vkey=LOG_VKEY,
            export_kid=EXPORT_KID,
            kid=kid,
            nonce=nonce,
            digest_of=canonical.digest_of,
        )
        steps = record(self.book, command, act, encode)
        recorded = [Recorded(step.event, step.act, step.book.postings) for step in steps]
        self.book, self.log = steps[-1].book, [*self.log, *recorded]
        self.now += timedelta(seconds=1)
        return recorded[0].event

    def actor(self, who: Person, kid: str = "", nonce: str = "") -> Actor:
        """Who asks, at this moment."""
        held = frozenset({who.role})
        return Actor(who.party, who.subject, held, day=self.now.date(), kid=kid, nonce=nonce)

    def elapsed(self, matter_id: str) -> Event:
        """Record, as the ledger, that a clock has ended. Raises Refusal."""
        return self.do(LEDGER, ElapseClock(matter_id=matter_id))

    def dropped(self, matter_id: str) -> Event:
        """Record, as the ledger, that a new charter has ended a matter. Raises Refusal."""
        return self.do(LEDGER, DropMatter(matter_id=matter_id))

    def open(self, **changes: Any) -> Self:
        self.do(TRUSTEE, OpenFund.model_validate(a_charter(**changes)))
        return self

    def agreed(
        self, party: str, amount: dict[str, str], window: str = "budget", **changes: Any
    ) -> Agreement:
        """An agreement in force."""
        draft = DraftAgreement.model_validate(an_agreement(amount, window, **changes))
        self.do(treasury(party), draft)
        agreement = self.newest(Agreement)
        signature = SignAgreement(agreement_id=agreement.agreement_id, digest=agreement.digest)
        self.do(treasury(party), signature)
        self.do(TRUSTEE, signature)
        return self.book.get(Agreement, agreement.agreement_id)

    def paid(
        self,
        agreement: Agreement,
        amount: dict[str, str],
        reference: str | None = None,
        **changes: Any,
    ) -> Event:
        """A receipt on an agreement."""
        reference = reference or f"IN-{len(self.log)}"
        body = a_receipt(agreement.agreement_id, amount, reference, **changes)
        return self.do(treasury(agreement.party), BookReceipt.model_validate(body))

    def pledged(self, party: str, amount: dict[str, str], window: str = "budget") -> Event:
        command = AnnouncePledge.model_validate({"window": window, "amount": amount})
        return self.do(treasury(party), command)

    def requested(
        self, amount: dict[str, str], window: str = "budget", **changes: Any
    ) -> Disbursement:
        command = RequestDisbursement.model_validate(a_request(amount, window, **changes))
        self.do(REQUESTER, command)
        disbursement: Disbursement = self.newest(Disbursement)
        return disbursement

    def waiting(self, disbursement: Disbursement) -> list[Approval]:
        """Approvals that nobody has given, in the order in which they may be."""
        order = [step["id"] for step in a_charter()["approval_steps"]]
        rows = [row for row in self.rows(Approval) if row.answer == "pending"]
        mine = [row for row in rows if row.disbursement_id == disbursement.disbursement_id]
        return sorted(mine, key=lambda row: (order.index(row.step), row.party))

    def answer(self, approval: Approval, **changes: Any) -> Event:
        """The answer of the person whom the step asks."""
        disbursement = self.book.get(Disbursement, approval.disbursement_id)
        body = an_approval(approval.disbursement_id, approval.step, disbursement.digest, **changes)
        return self.do(Person(approval.party, approval.role), AnswerStep.model_validate(body))

    def approved(self, disbursement: Disbursement, *, but: int = 0) -> Disbursement:
        """Every approval that waits, but the last `but`; the disbursement after that."""
        waiting = self.waiting(disbursement)
        for approval in waiting[: len(waiting) - but]:
            self.answer(approval)
        return self.book.get(Disbursement, disbursement.disbursement_id)

    def instructed(self, disbursement: Disbursement) -> Disbursement:
        account = f"BANK-{disbursement.amount.currency}"
        identifier = disbursement.disbursement_id
        self.do(TRUSTEE, InstructDisbursement(disbursement_id=identifier, bank_account=account))
        return self.book.get(Disbursement, identifier)

    def settled(
        self, disbursement: Disbursement, reference: str | None = None, day: str = VALUE_DATE
    ) -> Disbursement:
        body = {
            "disbursement_id": disbursement.disbursement_id,
            "bank_reference": reference or f"OUT-{len(self.log)}",
            "value_date": day,
        }
        self.do(TRUSTEE, SettleDisbursement.model_validate(body))
        return self.book.get(Disbursement, disbursement.disbursement_id)

    def published(self, day: str = VALUE_DATE, **rates: str) -> Event:
        """The rates of a day; `RATES` where none are given."""
        body = {"day": day, "rates": rates or RATES, "evidence": EVIDENCE}
        return self.do(TRUSTEE, PublishRates.model_validate(body))

    def converted(
        self, sold: dict[str, str], bought: dict[str, str], rate: str, **changes: Any
    ) -> Event:
        body = a_conversion(sold, bought, rate, **changes)
        return self.do(TRUSTEE, BookConversion.model_validate(body))

    def revalued(self, day: str) -> Event:
        return self.do(TRUSTEE, RevalueFund.model_validate({"day": day}))

    def unplaced(self, amount: dict[str, str], **changes: Any) -> SuspenseItem:
        """An unidentified payment, booked by the trustee."""
        body = an_unidentified(amount, f"SUS-{len(self.log)}", **changes)
        self.do(TRUSTEE, BookUnidentified.model_validate(body))
        item: SuspenseItem = self.newest(SuspenseItem)
        return item

    def posted(self, amount: dict[str, str], **changes: Any) -> JournalEntry:
        self.do(TRUSTEE, PostJournal.model_validate(a_journal(amount, **changes)))
        posted: JournalEntry = self.newest(JournalEntry)
        return posted

    def closed(self, through: str) -> Event:
        return self.do(TRUSTEE, ClosePeriod.model_validate({"through": through}))

    def rows(self, kind: type[Any]) -> list[Any]:
        """Every row of a kind."""
        return [state for (found, _), state in self.book.rows.items() if found is kind]

    def newest(self, kind: type[Any]) -> Any:
        """The row of a kind that came into being last."""
        return max(self.rows(kind), key=lambda row: getattr(row, kind.listed_by))


def digest_of(event: Event) -> str:
    """The digest of an event's data."""
    return canonical.digest_of(event.data())
