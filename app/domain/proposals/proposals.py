"""Proposals: for a new charter, other identity providers, other log keys, the log's end, or a
motion.

open -> accepted | refused | expired (the clock ended without a quorum) | withdrawn | dropped (the
charter changed meanwhile). Decided by the rule of its class, in the charter in force when it was
opened. New content needs a new vote: the ballots are void and the clock begins anew.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from app.domain.book import Book, Key, State, key
from app.domain.books.vote_weights import weight_keys, weights_of
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.charter_versions import require_current
from app.domain.governance.funds import Fund, charter_of, fund_key, require_zones
from app.domain.governance.members import Member, member_key
from app.domain.governance.polls import (
    OpensVote,
    Poll,
    closing,
    ended_poll,
    opened_poll,
    poll_key,
    require_closing,
)
from app.domain.outflow.steps import involved
from app.domain.proposals.compatibility import require_compatible
from app.domain.proposals.custody import (
    CustodyChange,
    require_custody,
)
from app.domain.refusals.base import AlreadyExists
from app.domain.refusals.decisions import ProposalClosed, StaleProposal
from app.domain.refusals.people import WrongParty
from app.domain.values import Digest, Distinct, Identifier, PartyId, PartyKind, Role, Seq, Text

PROPOSERS: Final = (Role.TRUSTEE, Role.TREASURY, Role.TREASURY_APPROVER)


class CharterChange(Terms):
    """Another charter in place of the one in force. Its members are those of new parties only."""

    kind: Literal["charter"]
    charter: Charter


class IssuerChange(Terms):
    """The identity providers whose tokens a party uses in this fund, and no others.

    Each is the SHA-256 of its row in the service's registry, in canonical JSON, so that its name,
    keys, algorithms and roles cannot be changed without the partners.
    """

    kind: Literal["issuers"]
    party: PartyId
    issuers: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=10), Distinct]


class Motion(Terms):
    """Something to be decided that changes nothing in the ledger itself."""

    kind: Literal["motion"]
    text: Text


Subject = Annotated[
    CharterChange | IssuerChange | CustodyChange | Motion,
    Field(discriminator="kind"),
]


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    DROPPED = "dropped"


class ProposalTerms(Terms):
    """What is proposed."""

    title: Text
    subject: Subject


class Proposal(
    State, table="proposals", key=("proposal_id",), listed_by="opened_seq", is_matter=True
):
    """A proposal and what became of it.

    A ballot names `digest`. `charter_digest` is that of the charter which the proposal would bring
    into force.
    """

    proposal_id: Identifier
    party: PartyId
    decision: DecisionClass
    title: str
    subject: Subject
    digest: Digest
    charter_digest: Digest | None
    state: ProposalState
    opened_seq: Seq
    decided_seq: Seq | None

    def require_open(self) -> None:
        """Check that the proposal is still to be decided. Raises ProposalClosed otherwise."""
        if self.state is not ProposalState.OPEN:
            raise ProposalClosed(f"The proposal is {self.state}.")


class ProposalOpened(
    ProposalTerms, OpensVote, type="proposal.opened", roles=PROPOSERS, creates=Proposal
):
    """The governments are asked to decide something."""

    proposal_id: Identifier

    def permit(self, book: Book, act: Act) -> None:
        """Check that a government or the trustee proposes something that could take effect, and
        that its vote can be weighed and closes when the charter says. Raises WrongParty,
        RateMissing, CalendarEnds, CharterIncompatible, AlreadyExists, DeadlineImpossible.
        """
        _require_proposable(self, book, act)
        _require_closing(self, book, act)

    def fold(self, book: Book, act: Act) -> Book:
        decision = DecisionClass(self.subject.kind)
        book = book.put(
            Proposal(
                proposal_id=self.proposal_id,
                party=act.party,
                decision=decision,
                title=self.title,
                subject=self.subject,
                digest=act.digest,
                charter_digest=_charter_digest(self, act),
                state=ProposalState.OPEN,
                opened_seq=act.seq,
                decided_seq=None,
            )
        )
        book = involved(book, self.proposal_id, act, "proposer")
        weights = weights_of(book, charter_of(book), decision, act.day)
        return opened_poll(book, decision, self, self.proposal_id, weights, act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} proposed ({self.subject.kind}): {self.title}"


class OpenProposal(ProposalTerms, Command, event=ProposalOpened):
    """Ask the governments to decide something, by the rule of its class."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _opening_keys(book, self.subject, actor.day)

    def decide(self, book: Book, act: Act) -> Event:
        ids = {"proposal_id": act.new_id()}
        return ProposalOpened(**self.stated(), **ids, **_closing(self, book, act))


class RevisionTerms(ProposalTerms):
    """New content for a proposal; `replaces` is the digest of its present content."""

    proposal_id: Identifier
    replaces: Digest


class ProposalRevised(RevisionTerms, OpensVote, type="proposal.revised", roles=PROPOSERS):
    """The content changed: what was voted is void, and the clock begins anew."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the party revises its own open proposal, names the content that it replaces,
        keeps its kind, and states something that could be proposed now. Raises NotFound,
        WrongParty, ProposalClosed, StaleProposal, RateMissing, CalendarEnds, CharterIncompatible,
        AlreadyExists, DeadlineImpossible.
        """
        proposal = _own(book, self.proposal_id, act)
        poll = book.get(Poll, self.proposal_id)
        require_current(book, poll.decision, poll.charter_seq)
        if self.replaces != proposal.digest:
            raise StaleProposal(f"The proposal has digest {proposal.digest}.")
        if self.subject.kind != proposal.subject.kind:
            raise StaleProposal("A proposal stays of its kind: open another one.")
        _require_proposable(self, book, act)
        _require_closing(self, book, act)

    def fold(self, book: Book, act: Act) -> Book:
        proposal = book.get(Proposal, self.proposal_id)
        book = book.put(
            proposal.but(
                title=self.title,
                subject=self.subject,
                digest=act.digest,
                charter_digest=_charter_digest(self, act),
            )
        )
        book = involved(book, self.proposal_id, act, "proposer")
        weights = weights_of(book, charter_of(book), proposal.decision, act.day)
        return opened_poll(book, proposal.decision, self, self.proposal_id, weights, act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} changed its proposal {self.proposal_id}; the vote begins anew."


class ReviseProposal(RevisionTerms, Command, event=ProposalRevised):
    """Change what your party proposed; everybody votes anew."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield proposal_key(self.proposal_id)
        yield poll_key(self.proposal_id)
        yield from _opening_keys(book, self.subject, actor.day)

    def decide(self, book: Book, act: Act) -> Event:
        return ProposalRevised(**self.stated(), **_closing(self, book, act))


class ProposalWithdrawalTerms(Terms):
    """Names the proposal, and says why it is withdrawn."""

    proposal_id: Identifier
    reason: Text


class ProposalWithdrawn(ProposalWithdrawalTerms, Event, type="proposal.withdrawn", roles=PROPOSERS):
    """The party that made a proposal takes it back."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the proposal is the actor's party's and open. Raises NotFound, WrongParty,
        ProposalClosed.
        """
        _own(book, self.proposal_id, act)

    def fold(self, book: Book, act: Act) -> Book:
        return closed_proposal(book, self.proposal_id, ProposalState.WITHDRAWN, act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} withdrew proposal {self.proposal_id}: {self.reason}"


class WithdrawProposal(ProposalWithdrawalTerms, Command, event=ProposalWithdrawn):
    """Take your party's proposal back."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield proposal_key(self.proposal_id)
        yield poll_key(self.proposal_id)

    def decide(self, book: Book, act: Act) -> Event:
        return ProposalWithdrawn(**self.stated())


def proposal_key(proposal_id: str) -> Key:
    """The key of a proposal's row."""
    return key(Proposal, proposal_id)


def closed_proposal(book: Book, proposal_id: str, state: ProposalState, act: Act) -> Book:
    """The book in which the proposal has ended in `state`."""
    proposal = book.get(Proposal, proposal_id)
    book = ended_poll(book, proposal_id)
    return book.put(proposal.but(state=state, decided_seq=act.seq))


def _closing(command: ProposalTerms, book: Book, act: Act) -> dict[str, Any]:
    """The `closes_at` of the event, where the vote on it has a clock. Raises CalendarEnds,
    UnknownTimeZone.
    """
    if isinstance(command.subject, CharterChange):
        require_zones(command.subject.charter)
    charter = charter_of(book)
    closes_at = closing(charter, charter.rule(DecisionClass(command.subject.kind)), act.at)
    return {} if closes_at is None else {"closes_at": closes_at}


def _require_closing(event: "ProposalOpened | ProposalRevised", book: Book, act: Act) -> None:
    """Check when the event says that its vote closes, by the rule of its class. Raises
    CalendarEnds, DeadlineImpossible.
    """
    charter = charter_of(book)
    rule = charter.rule(DecisionClass(event.subject.kind))
    require_closing(charter, rule, act.at, event.closes_at)


def _charter_digest(event: "ProposalOpened | ProposalRevised", act: Act) -> str | None:
    """The digest of the charter as it was stated, where one is proposed."""
    charter = event.data()["subject"].get("charter")
    return None if charter is None else act.digest_of(charter)


def _own(book: Book, proposal_id: str, act: Act) -> Proposal:
    """An open proposal of the actor's party. Raises NotFound, WrongParty, ProposalClosed."""
    proposal = book.get(Proposal, proposal_id)
    if proposal.party != act.party:
        raise WrongParty(f"This proposal is {proposal.party}'s.")
    proposal.require_open()
    if book.get(Poll, proposal_id).is_over(act.at):
        raise ProposalClosed("The vote on it is over; the decision is about to be recorded.")
    return proposal


def require_accepted(book: Book, proposal_id: str) -> None:
    """Check that the proposal was accepted. Raises ProposalClosed otherwise."""
    proposal = book.get(Proposal, proposal_id)
    if proposal.state is not ProposalState.ACCEPTED:
        raise ProposalClosed(f"The proposal is {proposal.state}.")


def _require_proposable(terms: ProposalTerms, book: Book, act: Act) -> None:
    charter, subject = charter_of(book), terms.subject
    party = charter.party(act.party)
    if party is None or party.kind not in (PartyKind.GOVERNMENT, PartyKind.TRUSTEE):
        raise WrongParty("Governments and the trustee propose.")
    weights_of(book, charter, DecisionClass(subject.kind), act.day)
    if isinstance(subject, IssuerChange) and charter.party(subject.party) is None:
        raise WrongParty("The charter names no such party.")
    if isinstance(subject, CustodyChange):
        require_custody(book, subject, charter.fund, act.seq)
    if isinstance(subject, CharterChange):
        require_compatible(charter, subject.charter)
        if subject.charter == charter:
            raise AlreadyExists("This charter is in force.")
        for member in subject.charter.members:
            if book.find(Member, member.subject) is not None:
                raise AlreadyExists("Somebody of a new party is known in this fund already.")


def _opening_keys(book: Book, subject: Subject, day: date | None) -> Iterator[Key]:
    yield fund_key()
    fund = book.peek(Fund)
    if fund is not None:
        yield from weight_keys(fund.charter, DecisionClass(subject.kind), day)
    if isinstance(subject, CharterChange):
        yield from (member_key(member.subject) for member in subject.charter.members)
