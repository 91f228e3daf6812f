"""The inbox: what the caller's party has to do, since when and until when."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Connection

from app.api.auth.policies import ReaderHere
from app.api.http.documented import reading
from app.api.services import ServicesHere
from app.domain.book import Book, Key, State
from app.domain.charter.charter import Charter
from app.domain.governance.members import Member, holds, member_key, principal_keys
from app.domain.governance.party_keys import KeyState, PartyKey
from app.domain.governance.polls import Poll, PollState
from app.domain.inflow.agreements import Agreement, AgreementState
from app.domain.inflow.mandates import Mandate, MandateState
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.outflow.steps import Answer, Approval, comes_after
from app.domain.values import PartyKind, Role
from app.runtime import clock
from app.store import queries

router = APIRouter(prefix="/v1/funds/{fund}", tags=["inbox"])


SEARCHED: Final = 2_000


"""Upper limit of pending rows of each kind that are searched for the caller's."""


S = TypeVar("S", bound=State)


MOST: Final = 100


"""Upper limit of rows of each kind in an inbox; those that have waited longest come first."""


WARN_DAYS: Final = 60


"""How many days before its end a mandate is in the inbox."""


class InboxItem(BaseModel):
    """Something that the caller could do. `open` says whether it is their turn already."""

    kind: str
    id: str
    sentence: str
    path: str
    step: str | None = None
    role: Role
    open: bool = True
    since: datetime | None = None
    until: datetime | None = None


class Inbox(BaseModel):
    """What is pending for the caller, in no order of importance; each item names the role that it
    takes.
    """

    items: list[InboxItem]


@router.get("/inbox", summary="What waits for you", responses=reading())
def get_inbox(fund: str, actor: ReaderHere, here: ServicesHere) -> Inbox:
    """Approvals, votes, signatures, keys, payments and mandates, for the roles that you hold."""
    now = clock.now()
    with here.database.read() as connection:
        book = queries.book_of(connection, fund, lambda b: _own_keys(b, actor.subject))
        member = book.find(Member, actor.subject)
        state = queries.fund(connection, fund)
        if member is None or state is None or member.party != actor.party or not member.active:
            return Inbox(items=[])
        held = {role for role in actor.roles if holds(book, member, role, now.date())}
        desk = _Desk(connection, fund, state.charter, actor.party, held, now)
        return Inbox(items=[item for item in desk.items() if item.role in held])


def _own_keys(book: Book, subject: str) -> Iterator[Key]:
    yield member_key(subject)
    yield from principal_keys(book.peek(Member, subject))


class _Desk:
    """Collects the inbox of one party, as of one day."""

    def __init__(
        self,
        connection: Connection,
        fund: str,
        charter: Charter,
        party: str,
        held: set[Role],
        now: datetime,
    ) -> None:
        self._connection = connection
        self._fund = fund
        self._charter = charter
        self._party = party
        self._held = held
        self._now = now

    def items(self) -> Iterator[InboxItem]:
        """Everything that is pending for the party; each names the role that it takes."""
        yield from self._approvals()
        yield from self._votes()
        yield from self._agreements()
        yield from self._mandates()
        yield from self._keys()
        yield from self._payments()

    def _approvals(self) -> Iterator[InboxItem]:
        waiting = [
            row
            for answer in (Answer.PENDING, Answer.REVOKED, Answer.ABSTAINED)
            for role in self._held
            for row in self._rows(Approval, answer=answer, party=self._party, role=role, passes=0)
        ]
        for row in sorted(waiting, key=lambda one: one.waiting_since)[:MOST]:
            others = queries.approvals(self._connection, self._fund, row.disbursement_id)
            before = comes_after(others, self._charter, row)
            after = f", after {before.step} of {before.party}" if before is not None else ""
            yield InboxItem(
                kind="approval",
                id=row.disbursement_id,
                sentence=f"Step {row.step} of disbursement {row.disbursement_id} waits{after}.",
                path=f"/v1/funds/{self._fund}/disbursements/{row.disbursement_id}/approvals",
                step=row.step,
                role=row.role,
                open=before is None and not row.is_overdue(self._now),
                since=row.waiting_since,
                until=row.due_at,
            )

    def _votes(self) -> Iterator[InboxItem]:
        mine = [
            poll
            for poll in self._rows(Poll, state=PollState.OPEN)
            if self._party in poll.electorate and self._party not in poll.cast
        ]
        for poll in sorted(mine, key=lambda one: (one.closes_at is None, one.closes_at))[:MOST]:
            if poll.vote.role in self._held:
                yield InboxItem(
                    kind="vote",
                    id=poll.matter_id,
                    sentence=f"A vote by {poll.vote.rule} on {poll.matter_id} is open.",
                    path=f"/v1/funds/{self._fund}/votes/{poll.matter_id}/ballots",
                    role=poll.vote.role,
                    open=not poll.is_over(self._now),
                    since=poll.opened_at,
                    until=poll.closes_at,
                )

    def _agreements(self) -> Iterator[InboxItem]:
        trustees = {party.id for party in self._charter.parties_of(PartyKind.TRUSTEE)}
        drafts = self._rows(Agreement, state=AgreementState.DRAFT)
        for agreement in drafts:
            mine = agreement.party == self._party
            if (mine or self._party in trustees) and self._party not in agreement.signed_by:
                yield self._agreement(agreement, "waits to be signed", "signatures", mine=mine)
        for agreement in self._rows(Agreement, state=AgreementState.QUALIFIED, party=self._party):
            yield self._agreement(agreement, "waits for a mandate", "cover", mine=True)

    def _agreement(self, agreement: Agreement, what: str, ending: str, *, mine: bool) -> InboxItem:
        return InboxItem(
            kind="agreement",
            id=agreement.agreement_id,
            sentence=f"The agreement of {agreement.party} on {agreement.amount} {what}.",
            path=f"/v1/funds/{self._fund}/agreements/{agreement.agreement_id}/{ending}",
            role=Role.TREASURY if mine else Role.TRUSTEE,
        )

    def _mandates(self) -> Iterator[InboxItem]:
        limit = self._now.date() + timedelta(days=WARN_DAYS)
        for mandate in self._rows(Mandate, state=MandateState.IN_FORCE, party=self._party):
            if mandate.headroom and self._now.date() <= mandate.valid_through <= limit:
                yield InboxItem(
                    kind="mandate_ends",
                    id=mandate.mandate_id,
                    sentence=(
                        f"The mandate {mandate.citation} ends on {mandate.valid_through}; "
                        f"{mandate.headroom} of it is not released."
                    ),
                    path=f"/v1/funds/{self._fund}/mandates",
                    role=Role.LEGISLATURE_CLERK,
                )

    def _keys(self) -> Iterator[InboxItem]:
        for waiting in self._rows(PartyKey, state=KeyState.PENDING):
            yield InboxItem(
                kind="key",
                id=waiting.kid,
                sentence=f"A key of {waiting.party} waits to be endorsed.",
                path=f"/v1/funds/{self._fund}/keys/endorsements",
                role=Role.ADMIN,
                open=waiting.party == self._party,
            )

    def _payments(self) -> Iterator[InboxItem]:
        for state, ending in (
            (DisbursementState.RESERVED, "instruction"),
            (DisbursementState.INSTRUCTED, "settlement"),
        ):
            for paid in self._rows(Disbursement, state=state):
                yield InboxItem(
                    kind=ending,
                    id=paid.disbursement_id,
                    sentence=f"{paid.amount} of disbursement {paid.disbursement_id} is {state}.",
                    path=f"/v1/funds/{self._fund}/disbursements/{paid.disbursement_id}/{ending}",
                    role=Role.TRUSTEE,
                )

    def _rows(self, kind: type[S], **only: str | int) -> list[S]:
        return queries.matching(self._connection, self._fund, kind, only, SEARCHED)
