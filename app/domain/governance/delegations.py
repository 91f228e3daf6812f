"""Delegations: a member acts as an alternate in one role, from a day to a day.

The party's admins grant them, to members of their own party. An alternate's acts are recorded as
their own, in the role that was lent; nobody acts twice on one request, as principal and as
alternate.
"""

from collections.abc import Iterator
from typing import Final

from app.domain.book import Book, Key
from app.domain.charter.parts import ROLES_OF
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import charter_of, fund_key
from app.domain.governance.members import Delegation, Member, member_key
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.money import DateOutOfRange
from app.domain.refusals.people import NotAMember, RoleNotPermitted, SeparationOfDuties, WrongParty
from app.domain.values import Day, Role, Subject

MAX_DELEGATION_DAYS: Final = 366
MAX_DELEGATIONS: Final = 10
"""Roles that one member may hold as an alternate at the same time."""


class DelegationTerms(Terms):
    """The alternate, the role, its first and last day, and the principal where one is named."""

    subject: Subject
    role: Role
    from_day: Day
    through: Day
    principal: Subject | None = None


def _own(book: Book, subject: str, act: Act) -> Member:
    """An active member of the actor's party. Raises NotAMember, WrongParty."""
    member = book.find(Member, subject)
    if member is None or not member.active:
        raise NotAMember("There is no active member of this name.")
    if member.party != act.party:
        raise WrongParty(f"This person belongs to {member.party}, not to {act.party}.")
    return member


class DelegationGranted(DelegationTerms, Event, type="delegation.granted", roles=(Role.ADMIN,)):
    """A member may act in one more role for some days."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that an admin lends a member of their own party a role which that kind of party has
        and the member does not hold, for days that are allowed and not over. Raises NotAMember,
        WrongParty, SeparationOfDuties, RoleNotPermitted, AlreadyExists, DateOutOfRange.
        """
        member = _own(book, self.subject, act)
        if self.subject == act.subject:
            raise SeparationOfDuties("An admin lends no role to themself.")
        party = charter_of(book).party(act.party)
        if party is None or self.role not in ROLES_OF[party.kind] - {Role.ADMIN}:
            raise RoleNotPermitted("A party of this kind has no such role to lend.")
        if self.principal is not None and self.role not in _own(book, self.principal, act).roles:
            raise RoleNotPermitted("The principal does not hold this role.")
        if self.role in member.roles:
            raise AlreadyExists("This person holds the role already.")
        if any(lent.role is self.role and lent.through >= act.day for lent in member.delegations):
            raise AlreadyExists("This person stands in in this role already; end that first.")
        days = (self.through - self.from_day).days
        if not 0 <= days < MAX_DELEGATION_DAYS or self.through < act.day:
            raise DateOutOfRange(
                f"A delegation lasts from 1 to {MAX_DELEGATION_DAYS} days and is not over yet."
            )
        if len(_lasting(member, act)) >= MAX_DELEGATIONS:
            raise AlreadyExists(f"Nobody stands in in more than {MAX_DELEGATIONS} roles.")

    def fold(self, book: Book, act: Act) -> Book:
        member = book.get(Member, self.subject)
        lent = Delegation(
            role=self.role,
            from_day=self.from_day,
            through=self.through,
            principal=self.principal,
            granted_seq=act.seq,
        )
        return book.put(member.but(delegations=(*_lasting(member, act), lent)))

    def sentence(self, act: Act) -> str:
        whose = f" for {self.principal}" if self.principal is not None else ""
        return (
            f"{act.party} lets {self.subject} act as {self.role}{whose} "
            f"from {self.from_day} through {self.through}."
        )


class GrantDelegation(DelegationTerms, Command, event=DelegationGranted):
    """Let a member of your own party stand in for some days."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield member_key(self.subject)
        if self.principal is not None:
            yield member_key(self.principal)

    def decide(self, book: Book, act: Act) -> Event:
        return DelegationGranted(**self.stated())


class DelegationEndTerms(Terms):
    """The alternate and the role in which their delegation ends."""

    subject: Subject
    role: Role


class DelegationEnded(DelegationEndTerms, Event, type="delegation.ended", roles=(Role.ADMIN,)):
    """A member is no longer an alternate in this role, from this entry on."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the person is a member of the actor's party and holds this role as an
        alternate. Raises NotAMember, WrongParty, NotFound.
        """
        member = _own(book, self.subject, act)
        if all(lent.role is not self.role for lent in member.delegations):
            raise NotFound("This person does not stand in in this role.")

    def fold(self, book: Book, act: Act) -> Book:
        member = book.get(Member, self.subject)
        left = tuple(lent for lent in member.delegations if lent.role is not self.role)
        return book.put(member.but(delegations=left))

    def sentence(self, act: Act) -> str:
        return f"{act.party} ended that {self.subject} acts as {self.role} for others."


class EndDelegation(DelegationEndTerms, Command, event=DelegationEnded):
    """End a delegation before its last day."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield member_key(self.subject)

    def decide(self, book: Book, act: Act) -> Event:
        return DelegationEnded(**self.stated())


def _lasting(member: Member, act: Act) -> tuple[Delegation, ...]:
    """The member's delegations that are not over on the day of the entry."""
    return tuple(lent for lent in member.delegations if lent.through >= act.day)
