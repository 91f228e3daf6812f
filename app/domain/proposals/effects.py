"""Effects: what an accepted proposal changes, recorded by the ledger."""

from collections.abc import Iterator

from app.domain.book import Book, Key
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, LedgerEvent, Terms, TimedEvent
from app.domain.governance.charter_versions import is_stale
from app.domain.governance.funds import Fund, charter_of, fund_key, installed
from app.domain.governance.polls import Poll, poll_key
from app.domain.governance.quorum import quorum_turned
from app.domain.outflow.disbursements import Disbursement, DisbursementState, disbursement_key
from app.domain.outflow.outcomes import concluded
from app.domain.outflow.steps import answer_keys
from app.domain.proposals.compatibility import require_compatible, reread
from app.domain.proposals.custody import CustodyChange
from app.domain.proposals.custody_effects import custody_effect
from app.domain.proposals.proposals import (
    CharterChange,
    IssuerChange,
    Proposal,
    ProposalState,
    closed_proposal,
    proposal_key,
    require_accepted,
)
from app.domain.refusals.decisions import ClockRuns
from app.domain.values import Digest, Identifier, PartyId


class ProposalReference(Terms):
    """Names a proposal."""

    proposal_id: Identifier


class CharterAmended(ProposalReference, LedgerEvent, type="charter.amended"):
    """Another charter is in force. Open matters that it would decide otherwise are dropped.

    `rereads` names their classes; each matter's end is an event of its own (`matter.dropped`).
    """

    charter_digest: Digest
    rereads: tuple[DecisionClass, ...]

    @classmethod
    def of(cls, book: Book, proposal_id: str, cause: int) -> "CharterAmended":
        """The amendment as it follows from the book."""
        new = _charter_of(book, proposal_id)
        return cls(
            proposal_id=proposal_id,
            cause=cause,
            charter_digest=book.get(Proposal, proposal_id).charter_digest or "",
            rereads=tuple(sorted(reread(charter_of(book), new))),
        )

    def permit(self, book: Book, act: Act) -> None:
        """Check that the proposal was accepted, and that its charter still keeps what money and
        obligations depend on. Raises ProposalClosed, CharterIncompatible.
        """
        require_accepted(book, self.proposal_id)
        require_compatible(charter_of(book), _charter_of(book, self.proposal_id))

    def fold(self, book: Book, act: Act) -> Book:
        new, fund = _charter_of(book, self.proposal_id), book.get(Fund)
        fund = fund.but(
            charter=new,
            charter_seq=act.seq,
            charter_digest=self.charter_digest,
            reread={**fund.reread, **dict.fromkeys(self.rereads, act.seq)},
        )
        return installed(book.put(fund), new, new.members, act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return quorum_turned(book, charter_of(book), act)

    def sentence(self, act: Act) -> str:
        return (
            f"The charter of proposal {self.proposal_id} is in force; what is open of "
            f"{', '.join(self.rereads)} is dropped."
        )


class MatterTerms(Terms):
    """Names a disbursement or a proposal."""

    matter_id: Identifier


class MatterDropped(MatterTerms, TimedEvent, type="matter.dropped"):
    """A request or a proposal ends: a newer charter would decide it otherwise."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the matter is open and that the charter in force decides its class otherwise.
        Raises NotFound, ProposalClosed, ClockRuns.
        """
        proposal = book.find(Proposal, self.matter_id)
        if proposal is not None:
            proposal.require_open()
            poll = book.get(Poll, self.matter_id)
            stale = is_stale(book, poll.decision, poll.charter_seq)
        else:
            disbursement = book.get(Disbursement, self.matter_id)
            disbursement.require(DisbursementState.REQUESTED)
            stale = disbursement.is_stale(book)
        if not stale:
            raise ClockRuns("The charter in force decides it as before.")

    def fold(self, book: Book, act: Act) -> Book:
        if book.find(Proposal, self.matter_id) is not None:
            return closed_proposal(book, self.matter_id, ProposalState.DROPPED, act)
        return concluded(book, self.matter_id, DisbursementState.DROPPED)

    def sentence(self, act: Act) -> str:
        return f"{self.matter_id} was dropped: the charter changed."


class DropMatter(MatterTerms, Command, event=MatterDropped, internal=True):
    """Say that a new charter has ended a matter. Only the ledger itself asks for this."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield proposal_key(self.matter_id)
        yield poll_key(self.matter_id)
        yield disbursement_key(self.matter_id)
        disbursement = book.peek(Disbursement, self.matter_id)
        if disbursement is not None:
            yield from answer_keys(book, self.matter_id, disbursement.asked)

    def decide(self, book: Book, act: Act) -> Event:
        return MatterDropped(**self.stated())


class IssuersRegistered(ProposalReference, LedgerEvent, type="issuers.registered"):
    """A party's tokens come from these identity providers from here on, and from no others."""

    party: PartyId
    issuers: tuple[Digest, ...]

    @classmethod
    def of(cls, change: IssuerChange, proposal_id: str, cause: int) -> "IssuersRegistered":
        """The registration as it follows from what was proposed."""
        return cls(proposal_id=proposal_id, cause=cause, party=change.party, issuers=change.issuers)

    def permit(self, book: Book, act: Act) -> None:
        """Check that the proposal was accepted. Raises ProposalClosed otherwise."""
        require_accepted(book, self.proposal_id)

    def fold(self, book: Book, act: Act) -> Book:
        fund = book.get(Fund)
        return book.put(fund.but(issuers={**fund.issuers, self.party: self.issuers}))

    def sentence(self, act: Act) -> str:
        return f"{self.party} signs in through {len(self.issuers)} registered issuer(s)."


def effects_of(book: Book, proposal_id: str, cause: int) -> tuple[Event, ...]:
    """The events that follow when the proposal is accepted."""
    subject = book.get(Proposal, proposal_id).subject
    if isinstance(subject, CharterChange):
        return (CharterAmended.of(book, proposal_id, cause),)
    if isinstance(subject, IssuerChange):
        return (IssuersRegistered.of(subject, proposal_id, cause),)
    if isinstance(subject, CustodyChange):
        return (custody_effect(subject, proposal_id, cause),)
    return ()


def _charter_of(book: Book, proposal_id: str) -> Charter:
    subject = book.get(Proposal, proposal_id).subject
    assert isinstance(subject, CharterChange), "only such a proposal amends"  # noqa: S101
    return subject.charter
