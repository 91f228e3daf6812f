"""Membership: each party's admins add, remove and deny their own people."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from app.domain.book import Book, Key
from app.domain.charter.parts import ROLES_OF
from app.domain.command import Actor, Command
from app.domain.event import Act, Event, Terms
from app.domain.governance.funds import charter_of, fund_key
from app.domain.governance.members import Member, member_key
from app.domain.governance.quorum import quorum_turned
from app.domain.governance.seats import seated, seats_key
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.people import LastAdmin, RoleNotPermitted, SubjectDenied, WrongParty
from app.domain.values import Distinct, Role, Subject, Text


class MemberTerms(Terms):
    """A person of the actor's own party, and what they may do from now on."""

    subject: Subject
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=8), Distinct]


class MemberAdded(MemberTerms, Event, type="member.added", roles=(Role.ADMIN,)):
    """A person may act for their party, in these roles."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that a party of this kind has these roles, and that the person is neither another
        party's, nor denied, nor a member now. Raises RoleNotPermitted, WrongParty, AlreadyExists,
        SubjectDenied.
        """
        party = charter_of(book).party(act.party)
        if party is None or not set(self.roles) <= ROLES_OF[party.kind]:
            raise RoleNotPermitted("A role does not exist in a party of this kind.")
        before = book.find(Member, self.subject)
        _require_own(before, act)
        if before is not None and before.denied:
            raise SubjectDenied(f"This person was denied by entry {before.until_seq}, for good.")
        if before is not None and before.active:
            raise AlreadyExists("This person is a member; remove them before giving other roles.")

    def fold(self, book: Book, act: Act) -> Book:
        book = seated(book, act.party, self.roles, 1)
        return book.put(
            Member(
                subject=self.subject,
                party=act.party,
                roles=self.roles,
                since_seq=act.seq,
                until_seq=None,
            )
        )

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return quorum_turned(book, charter_of(book), act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} made {self.subject} a member with roles {', '.join(self.roles)}."


class AddMember(MemberTerms, Command, event=MemberAdded):
    """Add a person of your own party."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _membership_keys(self.subject)

    def decide(self, book: Book, act: Act) -> Event:
        return MemberAdded(**self.stated())


class RemovalTerms(Terms):
    """A person of the actor's own party."""

    subject: Subject


class MemberRemoved(RemovalTerms, Event, type="member.removed", roles=(Role.ADMIN,)):
    """A person may not act for their party any more. What they did stays."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the person is an active member of the actor's party and not the actor. Raises
        NotFound, WrongParty, LastAdmin.
        """
        member = book.get(Member, self.subject)
        if member.party != act.party:
            raise WrongParty(f"This person belongs to {member.party}, not to {act.party}.")
        if not member.active:
            raise NotFound(f"This person was removed by entry {member.until_seq}.")
        if self.subject == act.subject:
            # An admin can be removed by another one only, so a party always keeps one.
            raise LastAdmin("An admin is removed by another admin.")

    def fold(self, book: Book, act: Act) -> Book:
        member = book.get(Member, self.subject)
        book = seated(book, act.party, member.roles, -1)
        return book.put(member.but(until_seq=act.seq, delegations=()))

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return quorum_turned(book, charter_of(book), act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} removed its member {self.subject}."


class RemoveMember(RemovalTerms, Command, event=MemberRemoved):
    """Remove a person of your own party; it takes effect at once."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _membership_keys(self.subject)

    def decide(self, book: Book, act: Act) -> Event:
        return MemberRemoved(**self.stated())


class DenialTerms(Terms):
    """A person of the actor's own party, member now or before, and why."""

    subject: Subject
    reason: Text


class MemberDenied(DenialTerms, Event, type="member.denied", roles=(Role.ADMIN,)):
    """A person can never act in this fund again, whatever token they show. What they did stays."""

    def permit(self, book: Book, act: Act) -> None:
        """Check that the person was ever a member of the actor's party, is not denied yet, and is
        not the actor. Raises NotFound, WrongParty, LastAdmin, SubjectDenied.
        """
        member = book.get(Member, self.subject)
        _require_own(member, act)
        if member.denied:
            raise SubjectDenied(f"This person was denied by entry {member.until_seq}.")
        if self.subject == act.subject:
            raise LastAdmin("An admin is denied by another admin.")

    def fold(self, book: Book, act: Act) -> Book:
        member = book.get(Member, self.subject)
        if member.active:
            book = seated(book, act.party, member.roles, -1)
        return book.put(member.but(until_seq=act.seq, delegations=(), denied=True))

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return quorum_turned(book, charter_of(book), act)

    def sentence(self, act: Act) -> str:
        return f"{act.party} denied {self.subject} for good: {self.reason}"


class DenyMember(DenialTerms, Command, event=MemberDenied):
    """Deny a person of your own party access to the fund, at once and for good."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield from _membership_keys(self.subject)

    def decide(self, book: Book, act: Act) -> Event:
        return MemberDenied(**self.stated())


def _require_own(member: Member | None, act: Act) -> None:
    """Check that a known subject belongs to the actor's party; an unknown one passes. Raises
    WrongParty.
    """
    if member is not None and member.party != act.party:
        raise WrongParty("Nobody acts for two parties; this subject belongs to another one.")


def _membership_keys(subject: str) -> Iterator[Key]:
    yield fund_key()
    yield seats_key()
    yield member_key(subject)
