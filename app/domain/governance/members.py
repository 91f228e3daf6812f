"""Members: who acts for whom, and in which roles.

A member is a pseudonymous subject at its party's identity provider. Nobody acts for two parties:
a subject that was ever a member of one party can never become one of another. Membership is in
the log, so an auditor can tell whether an approver held the role when they approved.
"""

from collections.abc import Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict

from app.domain.book import Book, Key, State, key
from app.domain.event import Act
from app.domain.refusals.people import NotAMember, RoleNotPermitted
from app.domain.values import LEDGER_PARTY, PartyId, Role, Seq, Subject


class Delegation(BaseModel):
    """A role that a member holds as an alternate, from a day to a day, both included (UTC)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    from_day: date
    through: date
    principal: Subject | None
    granted_seq: Seq


class Member(State, table="members", key=("subject",), listed_by="since_seq"):
    """A subject's roles since one entry and until another (None: to this day).

    Whoever is `denied` can never act again, nor be made a member.
    """

    subject: Subject
    party: PartyId
    roles: tuple[Role, ...]
    since_seq: Seq
    until_seq: Seq | None
    delegations: tuple[Delegation, ...] = ()
    denied: bool = False

    @property
    def active(self) -> bool:
        return self.until_seq is None

    def lent(self, role: Role, day: date) -> Delegation | None:
        """The delegation by which they may act on this day in a role that is not their own, or
        None.
        """
        return next(
            (
                lent
                for lent in self.delegations
                if lent.role is role and lent.from_day <= day <= lent.through
            ),
            None,
        )


def member_key(subject: str) -> Key:
    """The key of a member's row."""
    return key(Member, subject)


def principal_keys(member: Member | None) -> Iterator[Key]:
    """The rows of those for whom a member stands in."""
    for lent in member.delegations if member is not None else ():
        if lent.principal is not None:
            yield member_key(lent.principal)


def holds(book: Book, member: Member, role: Role, day: date) -> bool:
    """Whether a member may act in a role on a day: their own, or lent by somebody who has it."""
    if role in member.roles:
        return True
    lent = member.lent(role, day)
    if lent is None or lent.principal is None:
        return lent is not None
    principal = book.find(Member, lent.principal)
    return principal is not None and principal.active and role in principal.roles


def require_actor(book: Book, act: Act, roles: frozenset[Role]) -> None:
    """Check that the actor is an active member of their party and holds the role they act in.

    Raises NotAMember, RoleNotPermitted.
    """
    if act.party == LEDGER_PARTY:
        raise RoleNotPermitted("The ledger itself records consequences only.")
    member = book.find(Member, act.subject)
    if member is None or member.party != act.party or not member.active:
        raise NotAMember(f"This person is not a member of {act.party} in this fund.")
    if act.role not in roles or not holds(book, member, act.role, act.day):
        needed = " or ".join(sorted(roles))
        raise RoleNotPermitted(f"This takes the role {needed}, held in this fund.")
