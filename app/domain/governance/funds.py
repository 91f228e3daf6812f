"""Funds: opening one from its charter, and finding the charter again."""

from collections.abc import Iterable, Iterator

from app.domain.book import Book, Key, State, key
from app.domain.charter.calendars import is_zone
from app.domain.charter.charter import Charter
from app.domain.charter.decision_rules import DecisionClass
from app.domain.charter.parts import CharterMember
from app.domain.command import Actor, Command
from app.domain.event import Act, Event
from app.domain.governance.log_keys import first_log_state, log_key
from app.domain.governance.members import Member
from app.domain.governance.quorum import quorum_turned
from app.domain.governance.seats import Seats, seated, seats_key
from app.domain.refusals.base import AlreadyExists
from app.domain.refusals.decisions import UnknownTimeZone
from app.domain.refusals.money import (
    CurrencyMismatch,
    CurrencyNotInCharter,
    RestrictionNotUsable,
    UnknownBankAccount,
    UnknownRestriction,
    UnknownWindow,
)
from app.domain.refusals.people import IssuerNotRegistered, RoleNotPermitted, WrongParty
from app.domain.values import Digest, Money, PartyId, PartyKind, Role, Seq


class Fund(State, table="funds", key=()):
    """The fund itself: its charter in force, and the digest of that charter. One row."""

    charter: Charter
    charter_seq: int
    charter_digest: Digest
    issuers: dict[PartyId, tuple[Digest, ...]]
    """By party: the identity providers whose tokens it may use here. A party that is not named may
    use any registered one.
    """
    reread: dict[DecisionClass, Seq]
    """By class of decisions: the entry from which other rules apply than before."""


class FundOpened(Charter, Event, type="fund.opened", roles=(Role.TRUSTEE, Role.ADMIN)):
    """A fund exists. Its entry names the key that signs the log and the key that signs exports."""

    log_vkey: str
    export_kid: str

    def permit(self, book: Book, act: Act) -> None:
        """Check that no fund is open here, and that the actor stands in the charter as a member of
        its trustee or of a government, in a role that opens funds. Raises AlreadyExists,
        WrongParty, RoleNotPermitted.
        """
        if book.find(Fund) is not None:
            raise AlreadyExists("This fund is open already.")
        charter = self.charter()
        party = charter.party(act.party)
        if party is None or party.kind not in (PartyKind.TRUSTEE, PartyKind.GOVERNMENT):
            raise WrongParty("A fund is opened by its trustee or by one of its governments.")
        listed = any(
            (member.subject, member.party) == (act.subject, act.party) and act.role in member.roles
            for member in charter.members
        )
        if not listed or act.role not in type(self).actor_roles:
            raise RoleNotPermitted(f"The charter does not name this person as {act.role}.")

    def fold(self, book: Book, act: Act) -> Book:
        """The book in which the charter is in force and its members are members."""
        charter = self.charter()
        fund = Fund(
            charter=charter,
            charter_seq=act.seq,
            charter_digest=act.digest,
            issuers={},
            reread={},
        )
        book = book.put(fund).put(Seats(deciders={}, lost_seq=None))
        book = book.put(first_log_state(self.log_vkey, self.export_kid, act.seq))
        return installed(book, charter, charter.members, act)

    def consequences(self, book: Book, act: Act) -> tuple[Event, ...]:
        return quorum_turned(book, self.charter(), act)

    def sentence(self, act: Act) -> str:
        governments = len(self.charter().parties_of(PartyKind.GOVERNMENT))
        return (
            f"{act.party} opened the fund {self.title!r} of {governments} governments "
            f"with {len(self.approval_steps)} approval steps."
        )

    def charter(self) -> Charter:
        """The charter that this event states."""
        return Charter.model_construct(
            _fields_set=self.model_fields_set & Charter.model_fields.keys(),
            **{name: getattr(self, name) for name in Charter.model_fields},
        )


class OpenFund(Charter, Command, event=FundOpened):
    """Open a fund. The body is its charter."""

    def reads(self, book: Book, actor: Actor) -> Iterator[Key]:
        yield fund_key()
        yield log_key()
        yield seats_key()
        for member in self.members:
            yield key(Member, member.subject)

    def decide(self, book: Book, act: Act) -> Event:
        require_zones(self)
        return FundOpened(**self.stated(), log_vkey=act.log_vkey, export_kid=act.export_kid)


def installed(book: Book, charter: Charter, members: Iterable[CharterMember], act: Act) -> Book:
    """The book in which these people are members, and each government of the charter has a seat."""
    seats = book.get(Seats)
    known = dict.fromkeys(charter.governments, 0)
    book = book.put(seats.but(deciders={**known, **seats.deciders}))
    for member in members:
        if book.find(Member, member.subject) is not None:
            # Known here already, or denied: a charter moves nobody to another party and brings
            # nobody back.
            continue
        book = seated(book, member.party, member.roles, 1)
        book = book.put(
            Member(
                subject=member.subject,
                party=member.party,
                roles=member.roles,
                since_seq=act.seq,
                until_seq=None,
            )
        )
    return book


def require_zones(charter: Charter) -> None:
    """Check, while a charter is stated, that its calendars' time zones exist.

    Raises UnknownTimeZone.
    """
    for calendar in charter.calendars:
        if not is_zone(calendar.time_zone):
            raise UnknownTimeZone(f"Calendar {calendar.id}: there is no time zone of this name.")


def fund_key() -> Key:
    """The key of the fund's one row."""
    return key(Fund)


def charter_of(book: Book) -> Charter:
    """The charter in force. Raises NotFound when the fund is not open."""
    return book.get(Fund).charter


def require_issuer(fund: Fund, actor: Actor) -> None:
    """Check that the fund takes tokens of the actor's issuer. Raises IssuerNotRegistered."""
    named = fund.issuers.get(actor.party)
    if named is not None and actor.issuer not in named:
        raise IssuerNotRegistered(
            f"The fund decided which issuers {actor.party} uses; this token is of another one."
        )


def require_window(charter: Charter, window_id: str) -> None:
    """Check that the charter has this window. Raises UnknownWindow otherwise."""
    if charter.window(window_id) is None:
        raise UnknownWindow("The charter names no such window.")


def require_restriction(charter: Charter, window_id: str, restriction_id: str) -> None:
    """Check that money under this restriction could pay for some purpose of the window. Raises
    UnknownRestriction, RestrictionNotUsable.
    """
    tie, window = charter.restriction(restriction_id), charter.window(window_id)
    if tie is None:
        raise UnknownRestriction("The charter names no such restriction.")
    if window is None or not any(map(tie.allows, window.purposes)):
        raise RestrictionNotUsable(f"Nothing that {window_id} pays for is left by {tie.id}.")


def require_currency(charter: Charter, amount: Money) -> None:
    """Check that the charter takes the amount's currency. Raises CurrencyNotInCharter otherwise."""
    if amount.currency not in charter.currencies:
        allowed = ", ".join(charter.currencies)
        raise CurrencyNotInCharter(f"The fund takes {allowed}, not {amount.currency}.")


def require_bank_account(charter: Charter, account_id: str, currency: str) -> None:
    """Check that the charter names the bank account (UnknownBankAccount) and that it is kept in
    this currency (CurrencyMismatch).
    """
    account = charter.bank_account(account_id)
    if account is None:
        raise UnknownBankAccount("The charter names no such bank account.")
    if account.currency != currency:
        raise CurrencyMismatch(f"The bank account is in {account.currency}, not in {currency}.")


def require_kind(charter: Charter, party_id: str, kind: PartyKind) -> None:
    """Check that the charter names the party, and as one of this kind. Raises WrongParty."""
    party = charter.party(party_id)
    if party is None or party.kind is not kind:
        raise WrongParty(f"Only a party of kind {kind} may do this.")
