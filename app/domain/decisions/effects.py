"""Effects: what an accepted proposal changes, recorded by the ledger."""

from app.domain.book import Book
from app.domain.decisions.compatibility import reread
from app.domain.decisions.proposals import (
    CharterChange,
    IssuerChange,
    Proposal,
    ProposalState,
    closed_proposal,
)
from app.domain.event import Act, Event, LedgerEvent, Terms
from app.domain.governance.charter import Charter
from app.domain.governance.docket import Docket
from app.domain.governance.funds import Fund, charter_of, installed
from app.domain.governance.quorum import quorum_turned
from app.domain.governance.rules import DecisionClass
from app.domain.outflow.outcomes import DisbursementDropped
from app.domain.refusals import ProposalClosed
from app.domain.values import Digest, Identifier, PartyId


class ProposalReference(Terms):
    """Which proposal."""

    proposal_id: Identifier


class CharterAmended(ProposalReference, LedgerEvent, type="charter.amended"):
    """Another charter is in force. Open matters that it would read otherwise are dropped."""

    charter_digest: Digest
    drops: tuple[Identifier, ...] = ()

    @classmethod
    def of(cls, book: Book, proposal_id: str, cause: int) -> "CharterAmended":
        """The amendment as it follows from the book."""
        old, new = charter_of(book), _charter_of(book, proposal_id)
        classes, docket = reread(old, new), book.get(Docket)
        return cls(
            proposal_id=proposal_id,
            cause=cause,
            charter_digest=book.get(Proposal, proposal_id).charter_digest or "",
            drops=tuple(matter for matter, kind in docket.open.items() if kind in classes),
        )

    def permit(self, book: Book, act: Act) -> None:
        """Raises ProposalClosed."""
        _require_accepted(book, self.proposal_id)

    def fold(self, book: Book, act: Act) -> Book:
        new = _charter_of(book, self.proposal_id)
        fund = book.get(Fund)
        book = book.put(
            fund.but(charter=new, charter_seq=act.seq, charter_digest=self.charter_digest)
        )
        return installed(book, new, new.members, act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        docket = book.get(Docket)
        dropped: list[Event] = []
        for matter in self.drops:
            if docket.open[matter] is DecisionClass.RELEASE:
                dropped.append(DisbursementDropped(disbursement_id=matter, cause=act.seq))
            else:
                dropped.append(ProposalDropped(proposal_id=matter, cause=act.seq))
        return (*dropped, *quorum_turned(book, charter_of(book), act))

    def sentence(self, act: Act) -> str:
        dropped = f" {len(self.drops)} open matters are dropped." if self.drops else ""
        return f"The charter of proposal {self.proposal_id} is in force.{dropped}"


class ProposalDropped(ProposalReference, LedgerEvent, type="proposal.dropped"):
    """The charter changed under it: it would be decided by another rule."""

    def permit(self, book: Book, act: Act) -> None:
        """Raises ProposalClosed."""
        book.get(Proposal, self.proposal_id).require_open()

    def fold(self, book: Book, act: Act) -> Book:
        return closed_proposal(book, self.proposal_id, ProposalState.DROPPED, act)

    def sentence(self, act: Act) -> str:
        return f"Proposal {self.proposal_id} was dropped: the charter changed."


class IssuersRegistered(ProposalReference, LedgerEvent, type="issuers.registered"):
    """A party's tokens come from these identity providers from here on, and from no others."""

    party: PartyId
    issuers: tuple[Digest, ...]

    @classmethod
    def of(cls, change: IssuerChange, proposal_id: str, cause: int) -> "IssuersRegistered":
        """The registration as it follows from what was proposed."""
        return cls(proposal_id=proposal_id, cause=cause, party=change.party, issuers=change.issuers)

    def permit(self, book: Book, act: Act) -> None:
        """Raises ProposalClosed."""
        _require_accepted(book, self.proposal_id)

    def fold(self, book: Book, act: Act) -> Book:
        fund = book.get(Fund)
        return book.put(fund.but(issuers={**fund.issuers, self.party: self.issuers}))

    def sentence(self, act: Act) -> str:
        return f"{self.party} signs in through {len(self.issuers)} registered issuer(s)."


def effects_of(book: Book, proposal_id: str, cause: int) -> tuple[Event, ...]:
    """What an accepted proposal brings about."""
    subject = book.get(Proposal, proposal_id).subject
    if isinstance(subject, CharterChange):
        return (CharterAmended.of(book, proposal_id, cause),)
    if isinstance(subject, IssuerChange):
        return (IssuersRegistered.of(subject, proposal_id, cause),)
    return ()


def _charter_of(book: Book, proposal_id: str) -> Charter:
    subject = book.get(Proposal, proposal_id).subject
    assert isinstance(subject, CharterChange), "only such a proposal amends"  # noqa: S101
    return subject.charter


def _require_accepted(book: Book, proposal_id: str) -> None:
    proposal = book.get(Proposal, proposal_id)
    if proposal.state is not ProposalState.ACCEPTED:
        raise ProposalClosed(f"The proposal is {proposal.state}.")
