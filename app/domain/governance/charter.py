"""The charter: what the partners agreed on, as data. It is entry 0 of the fund's log.

Declarative, no scripts: parties, members, windows, currencies, bank accounts, restrictions, the
trustee's own accounts, where exchange rates come from, and the approval steps that stand between
a request and the money. A charter that contradicts itself is refused as a whole, with the member
that is wrong.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from app.domain.books.chart import AccountKind
from app.domain.event import Terms
from app.domain.values import (
    AccountId,
    BankAccountId,
    Currency,
    Distinct,
    FundSlug,
    PartyId,
    PartyKind,
    Purpose,
    RestrictionId,
    Role,
    StepId,
    Subject,
    Text,
    WindowId,
)

MAX_PARTIES: Final = 100
MAX_MEMBERS: Final = 2_000
MAX_STEPS: Final = 20
MAX_APPROVALS: Final = 500
"""Answers that one request may need: rows that one transaction writes and reads."""

_GOVERNMENT_ROLES: Final = {
    Role.TREASURY,
    Role.LEGAL_REVIEWER,
    Role.LEGISLATURE_CLERK,
    Role.RISK_OFFICER,
    Role.TREASURY_APPROVER,
}
_ANY_PARTY: Final = {Role.ADMIN, Role.OBSERVER}
ROLES_OF: Final[dict[PartyKind, frozenset[Role]]] = {
    PartyKind.GOVERNMENT: frozenset(_GOVERNMENT_ROLES | _ANY_PARTY),
    PartyKind.RECIPIENT: frozenset({Role.REQUESTER} | _ANY_PARTY),
    PartyKind.SUPERVISOR: frozenset({Role.SUPERVISOR} | _ANY_PARTY),
    PartyKind.TRUSTEE: frozenset({Role.TRUSTEE} | _ANY_PARTY),
    PartyKind.CUSTODIAN: frozenset(_ANY_PARTY),
    PartyKind.AUDITOR: frozenset({Role.AUDITOR} | _ANY_PARTY),
}
"""The roles that a member of each kind of party may hold."""


class Who(StrEnum):
    """Whose approval a step asks for."""

    EACH_GOVERNMENT = "each_government"
    SUPERVISOR = "supervisor"


class MoneyKind(StrEnum):
    """How closely money is bound: what a release draws on, in the charter's order."""

    TIED = "tied"
    WINDOW = "window"
    UNRESTRICTED = "unrestricted"


class CharterParty(Terms):
    """A participating government, the recipient, a supervisor, the trustee …"""

    id: PartyId
    name: Text
    kind: PartyKind


class CharterMember(Terms):
    """A pseudonymous subject at a party's identity provider, and what they may do."""

    subject: Subject
    party: PartyId
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=8), Distinct]


class Window(Terms):
    """A part of the fund whose money may be used for certain purposes only.

    Money of an unrestricted window also pays what is asked of the other windows, for the
    purposes that it names.
    """

    id: WindowId
    name: Text
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=50), Distinct]
    unrestricted: StrictBool = False


class Restriction(Terms):
    """A tie that a contributor may put on money: for these purposes only, or for any but these."""

    id: RestrictionId
    name: Text
    only: Annotated[tuple[Purpose, ...], Field(max_length=50), Distinct] = ()
    excludes: Annotated[tuple[Purpose, ...], Field(max_length=50), Distinct] = ()

    def allows(self, purpose: str) -> bool:
        """Whether money that is tied so may pay for it."""
        return purpose in self.only if self.only else purpose not in self.excludes


class ChartAccount(Terms):
    """An account of the trustee's own, for journal entries that move none of the fund's money."""

    id: AccountId
    name: Text
    kind: AccountKind
    currency: Currency


class ExchangeRates(Terms):
    """Whose published rates value and check every exchange: units of a currency for one `base`.

    A day without a rate takes the last one before it, at most `max_age_days` old. What a bank
    gave may differ from it by `tolerance_bp` hundredths of a percent.
    """

    source: Text
    base: Currency
    max_age_days: Annotated[int, Field(strict=True, ge=0, le=31)]
    tolerance_bp: Annotated[int, Field(strict=True, ge=0, le=2_000)]


class BankAccount(Terms):
    """An account at the trustee's bank, in one currency."""

    id: BankAccountId
    currency: Currency


class Step(Terms):
    """One approval that every disbursement needs: by whom, after which others."""

    id: StepId
    name: Text
    role: Role
    who: Who
    after: Annotated[tuple[StepId, ...], Field(max_length=MAX_STEPS), Distinct] = ()
    evidence: StrictBool = False


class Charter(Terms):
    """The agreed rules of one fund."""

    fund: FundSlug
    title: Text
    notice: Text | None = None
    parties: Annotated[tuple[CharterParty, ...], Field(min_length=3, max_length=MAX_PARTIES)]
    members: Annotated[tuple[CharterMember, ...], Field(min_length=1, max_length=MAX_MEMBERS)]
    currencies: Annotated[tuple[Currency, ...], Field(min_length=1, max_length=50)]
    holding_currency: Currency
    windows: Annotated[tuple[Window, ...], Field(min_length=1, max_length=100)]
    bank_accounts: Annotated[tuple[BankAccount, ...], Field(min_length=1, max_length=200)]
    approval_steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    decision_rule: Literal["unanimity"]
    restrictions: Annotated[tuple[Restriction, ...], Field(max_length=20)] = ()
    draw_order: Annotated[tuple[MoneyKind, ...], Field(min_length=3, max_length=3), Distinct] = (
        MoneyKind.TIED,
        MoneyKind.WINDOW,
        MoneyKind.UNRESTRICTED,
    )
    accounts: Annotated[tuple[ChartAccount, ...], Field(max_length=200)] = ()
    exchange_rates: ExchangeRates | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        """Check what no single member shows. Raises PydanticCustomError `charter_invalid`."""
        _require_unique("parties", (party.id for party in self.parties))
        _require_unique("members", (member.subject for member in self.members))
        _require_unique("currencies", self.currencies)
        _require_unique("windows", (window.id for window in self.windows))
        _require_unique("bank_accounts", (account.id for account in self.bank_accounts))
        _require_unique("approval_steps", (step.id for step in self.approval_steps))
        _require_unique("restrictions", (tie.id for tie in self.restrictions))
        _require_unique("accounts", (account.id for account in self.accounts))
        self._check_parties()
        self._check_members()
        self._check_currencies()
        self._check_restrictions()
        self._check_steps()
        return self

    def party(self, party_id: str) -> CharterParty | None:
        """The party, or None."""
        return next((party for party in self.parties if party.id == party_id), None)

    def parties_of(self, kind: PartyKind) -> list[CharterParty]:
        """All parties of one kind, in the charter's order."""
        return [party for party in self.parties if party.kind is kind]

    def window(self, window_id: str) -> Window | None:
        """The window, or None."""
        return next((window for window in self.windows if window.id == window_id), None)

    def bank_account(self, account_id: str) -> BankAccount | None:
        """The bank account, or None."""
        return next((account for account in self.bank_accounts if account.id == account_id), None)

    def restriction(self, restriction_id: str) -> Restriction | None:
        """The restriction, or None."""
        return next((tie for tie in self.restrictions if tie.id == restriction_id), None)

    def account(self, account_id: str) -> ChartAccount | None:
        """The trustee's own account, or None."""
        return next((account for account in self.accounts if account.id == account_id), None)

    def step(self, step_id: str) -> Step | None:
        """The approval step, or None."""
        return next((step for step in self.approval_steps if step.id == step_id), None)

    def approvers(self, step: Step) -> list[str]:
        """The parties whose approval a step asks for."""
        each = PartyKind.GOVERNMENT if step.who is Who.EACH_GOVERNMENT else PartyKind.SUPERVISOR
        return [party.id for party in self.parties_of(each)]

    def _check_parties(self) -> None:
        for kind, least, most in (
            (PartyKind.GOVERNMENT, 1, MAX_PARTIES),
            (PartyKind.TRUSTEE, 1, 1),
            (PartyKind.RECIPIENT, 1, MAX_PARTIES),
        ):
            count = len(self.parties_of(kind))
            if not least <= count <= most:
                most_text = "or more" if most > least else "exactly"
                raise _wrong("parties", f"a fund has {least} {most_text} party of kind {kind}")

    def _check_members(self) -> None:
        for member in self.members:
            party = self.party(member.party)
            if party is None:
                raise _wrong("members", "a member belongs to a party of this charter")
            if not set(member.roles) <= ROLES_OF[party.kind]:
                raise _wrong("members", f"a role does not exist in a party of kind {party.kind}")

    def _check_currencies(self) -> None:
        if self.holding_currency not in self.currencies:
            raise _wrong("holding_currency", "the holding currency is one of the currencies")
        if any(account.currency not in self.currencies for account in self.bank_accounts):
            raise _wrong("bank_accounts", "a bank account is in one of the currencies")
        if any(account.currency not in self.currencies for account in self.accounts):
            raise _wrong("accounts", "an account is in one of the currencies")

    def _check_restrictions(self) -> None:
        purposes = {purpose for window in self.windows for purpose in window.purposes}
        for tie in self.restrictions:
            if bool(tie.only) == bool(tie.excludes):
                raise _wrong("restrictions", "a restriction names either only or excludes")
            if not {*tie.only, *tie.excludes} <= purposes:
                # A slip of the pen would leave money free that was meant to be tied.
                raise _wrong("restrictions", "a restriction names purposes of the windows")

    def _check_steps(self) -> None:
        for position, step in enumerate(self.approval_steps):
            above = {earlier.id for earlier in self.approval_steps[:position]}
            # Naming only steps above makes a circle impossible.
            if not set(step.after) <= above:
                raise _wrong("approval_steps", "a step comes after steps that stand above it")
            each = PartyKind.GOVERNMENT
            if step.who is Who.SUPERVISOR:
                each = PartyKind.SUPERVISOR
            if step.role not in ROLES_OF[each] - _ANY_PARTY:
                raise _wrong("approval_steps", f"no member of a {each} could take this step")
            if not self.approvers(step):
                raise _wrong("approval_steps", f"a step asks for a {each}, and there is none")
        if sum(len(self.approvers(step)) for step in self.approval_steps) > MAX_APPROVALS:
            raise _wrong("approval_steps", f"a request would need more than {MAX_APPROVALS}")
        if all(step.who is not Who.EACH_GOVERNMENT for step in self.approval_steps):
            raise _wrong("approval_steps", "at least one step is each government's own")


def _require_unique(member: str, names: Iterable[str]) -> None:
    listed: Sequence[str] = list(names)
    if len(set(listed)) != len(listed):
        raise _wrong(member, "a name stands twice")


def _wrong(member: str, why: str) -> PydanticCustomError:
    return PydanticCustomError(
        "charter_invalid", "{member}: {why}.", {"member": member, "why": why}
    )
