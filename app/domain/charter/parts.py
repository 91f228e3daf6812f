"""The parts of a charter that stand by themselves: parties, members, windows, accounts."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool

from app.domain.charter.approval_steps import MoneySource
from app.domain.charter.attested import AttestedCheckpoint, VerifierKey
from app.domain.charter.chart import AccountKind
from app.domain.event import Terms
from app.domain.values import (
    AccountId,
    BankAccountId,
    Currency,
    Distinct,
    PartyId,
    PartyKind,
    Purpose,
    RestrictionId,
    Role,
    Subject,
    Text,
    WindowId,
)

WHOLE_BP: Final = 10_000
GOVERNMENT_ROLES: Final = {
    Role.TREASURY,
    Role.LEGAL_REVIEWER,
    Role.LEGISLATURE_CLERK,
    Role.RISK_OFFICER,
    Role.TREASURY_APPROVER,
}
ANY_PARTY: Final = {Role.ADMIN, Role.OBSERVER}
ROLES_OF: Final[dict[PartyKind, frozenset[Role]]] = {
    PartyKind.GOVERNMENT: frozenset(GOVERNMENT_ROLES | ANY_PARTY),
    PartyKind.RECIPIENT: frozenset({Role.REQUESTER} | ANY_PARTY),
    PartyKind.SUPERVISOR: frozenset({Role.SUPERVISOR} | ANY_PARTY),
    PartyKind.TRUSTEE: frozenset({Role.TRUSTEE} | ANY_PARTY),
    PartyKind.CUSTODIAN: frozenset(ANY_PARTY),
    PartyKind.AUDITOR: frozenset({Role.AUDITOR} | ANY_PARTY),
}
"""The roles that a member of each kind of party may hold."""


class MoneyKind(StrEnum):
    """How closely money is tied: the kinds from which a release draws, in the charter's order."""

    TIED = "tied"
    WINDOW = "window"
    UNRESTRICTED = "unrestricted"


class CharterParty(Terms):
    """A participating government, the recipient, a supervisor, the trustee or another party.

    `weight_bp` is a government's share of the votes in hundredths of a percent, for rules that
    weigh by the charter. A `mandated` party agrees and releases money only under a mandate of its
    legislature.
    """

    id: PartyId
    name: Text
    kind: PartyKind
    weight_bp: Annotated[int, Field(strict=True, ge=0, le=WHOLE_BP)] | None = None
    mandated: StrictBool = False


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
    source: MoneySource = MoneySource.BUDGET


class Restriction(Terms):
    """A restriction that a contributor may put on money: only these purposes, or all but these."""

    id: RestrictionId
    name: Text
    only: Annotated[tuple[Purpose, ...], Field(max_length=50), Distinct] = ()
    excludes: Annotated[tuple[Purpose, ...], Field(max_length=50), Distinct] = ()

    def allows(self, purpose: str) -> bool:
        """Whether money under this restriction may pay for the purpose."""
        return purpose in self.only if self.only else purpose not in self.excludes


class ChartAccount(Terms):
    """One of the trustee's own accounts, for journal entries that move none of the fund's money."""

    id: AccountId
    name: Text
    kind: AccountKind
    currency: Currency


class ExchangeRates(Terms):
    """The source whose published rates value and check every exchange: units of a currency for one
    `base`.

    A day without a rate takes the last one before it, at most `max_age_days` old. A bank's rate may
    differ from it by `tolerance_bp` hundredths of a percent.
    """

    source: Text
    base: Currency
    max_age_days: Annotated[int, Field(strict=True, ge=0, le=31)]
    tolerance_bp: Annotated[int, Field(strict=True, ge=0, le=2_000)]


class BankAccount(Terms):
    """An account at the trustee's bank, in one currency."""

    id: BankAccountId
    currency: Currency


class Witnessing(Terms):
    """The witnesses whose cosignatures a release of money needs, and how many of them.

    Each is a C2SP cosignature key (type 4), with its name.
    """

    witnesses: Annotated[tuple[VerifierKey, ...], Field(min_length=1, max_length=50), Distinct]
    quorum: Annotated[int, Field(strict=True, ge=1, le=50)]


class Predecessor(AttestedCheckpoint):
    """The log that this fund continues: its origin and its final checkpoint."""

    origin: Annotated[str, Field(strict=True, pattern="^[!-*,-~]{1,200}$")]
