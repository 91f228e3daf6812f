"""The charter: what the partners agreed on, as data. It is entry 0 of the fund's log.

Declarative, no scripts: parties, members, windows, currencies, bank accounts, restrictions, the
trustee's own accounts, where exchange rates come from, and the approval steps that stand between
a request and the money. A charter that contradicts itself is refused as a whole, with the member
that is wrong.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.domain.charter.approval_steps import GOVERNMENTS, MAX_STEPS, MoneySource, Step, Who
from app.domain.charter.calendars import Calendar, Clock, Counts
from app.domain.charter.decision_rules import (
    NO_OBJECTION,
    WEIGHING,
    Abstentions,
    DecisionClass,
    Objection,
    Rule,
    RuleKind,
    ShareOf,
    Vote,
    Weights,
)
from app.domain.charter.parts import (
    ANY_PARTY,
    GOVERNMENT_ROLES,
    ROLES_OF,
    WHOLE_BP,
    BankAccount,
    ChartAccount,
    CharterMember,
    CharterParty,
    ExchangeRates,
    MoneyKind,
    Predecessor,
    Restriction,
    Window,
    Witnessing,
)
from app.domain.event import EVENTS, Terms
from app.domain.value_faults import ValueFault
from app.domain.values import (
    Currency,
    Distinct,
    EventType,
    FundSlug,
    Money,
    PartyKind,
    Text,
)

MAX_PARTIES: Final = 100
MAX_MEMBERS: Final = 2_000
MAX_WEIGHED: Final = 5_000
"""Upper limit of positions that a weighted vote reads: governments x windows x currencies."""
MAX_APPROVALS: Final = 500
"""Upper limit of answers that one request needs: rows that one transaction writes and reads."""

_NEVER_SIGNED: Final = ("fund.opened", "key.")
"""Events that no charter can ask a signature for: before `fund.opened` no key is registered, and
`key.` events have rules of their own, so that a lost key does not lock its party out.
"""
UNANIMITY: Final = Rule(rule=RuleKind.UNANIMITY)
"""The rule for a class of decisions for which the charter names none."""


CHARTER_INVALID: Final = ValueFault(
    "charter_invalid",
    "the charter contradicts itself",
    "the sentence names the member",
)


class Charter(Terms):
    """The agreed rules of one fund.

    `members` are those with whom it begins; from then on each party's admins keep its own. Money
    is released only while `quorum` governments have somebody who can decide. Events in `signed`
    carry their party's own signature. With `witnessing`, a release waits until witnesses have
    cosigned the log; a fund that `succeeds` another one names how that one's log ended.
    """

    fund: FundSlug
    title: Text
    notice: Text | None = None
    parties: Annotated[tuple[CharterParty, ...], Field(min_length=3, max_length=MAX_PARTIES)]
    members: Annotated[tuple[CharterMember, ...], Field(max_length=MAX_MEMBERS)] = ()
    currencies: Annotated[tuple[Currency, ...], Field(min_length=1, max_length=50)]
    holding_currency: Currency
    windows: Annotated[tuple[Window, ...], Field(min_length=1, max_length=100)]
    bank_accounts: Annotated[tuple[BankAccount, ...], Field(min_length=1, max_length=200)]
    approval_steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    decision_rules: dict[DecisionClass, Rule] = Field(default_factory=dict)
    quorum: Annotated[int, Field(strict=True, ge=1, le=MAX_PARTIES)] = 1
    signed: Annotated[tuple[EventType, ...], Field(max_length=100), Distinct] = ()
    calendars: Annotated[tuple[Calendar, ...], Field(max_length=20)] = ()
    restrictions: Annotated[tuple[Restriction, ...], Field(max_length=20)] = ()
    draw_order: Annotated[tuple[MoneyKind, ...], Field(min_length=3, max_length=3), Distinct] = (
        MoneyKind.TIED,
        MoneyKind.WINDOW,
        MoneyKind.UNRESTRICTED,
    )
    accounts: Annotated[tuple[ChartAccount, ...], Field(max_length=200)] = ()
    exchange_rates: ExchangeRates | None = None
    witnessing: Witnessing | None = None
    succeeds: Predecessor | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        """Check what no single member shows: that the members fit together. Raises
        PydanticCustomError `charter_invalid`.
        """
        _require_unique("parties", (party.id for party in self.parties))
        _require_unique("members", (member.subject for member in self.members))
        _require_unique("currencies", self.currencies)
        _require_unique("windows", (window.id for window in self.windows))
        _require_unique("bank_accounts", (account.id for account in self.bank_accounts))
        _require_unique("approval_steps", (step.id for step in self.approval_steps))
        _require_unique("restrictions", (tie.id for tie in self.restrictions))
        _require_unique("accounts", (account.id for account in self.accounts))
        _require_unique("calendars", (calendar.id for calendar in self.calendars))
        self._check_parties()
        self._check_members()
        self._check_currencies()
        self._check_restrictions()
        self._check_steps()
        self._check_rules()
        self._check_signed()
        self._check_witnessing()
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

    def calendar(self, calendar_id: str | None) -> Calendar | None:
        """The calendar, or None."""
        return next((one for one in self.calendars if one.id == calendar_id), None)

    def rule(self, decision: DecisionClass) -> Rule:
        """The rule by which decisions of this class are made."""
        return self.decision_rules.get(decision, UNANIMITY)

    @property
    def governments(self) -> list[str]:
        """The participating governments, in the charter's order."""
        return [party.id for party in self.parties_of(PartyKind.GOVERNMENT)]

    def approvers(self, step: Step, drawn: Sequence[str] | None = None) -> list[str]:
        """The parties whose approval a step asks for; `drawn` are those whose money may go."""
        match step.who:
            case Who.PARTY:
                return [step.party] if step.party is not None else []
            case Who.SUPERVISOR:
                return [party.id for party in self.parties_of(PartyKind.SUPERVISOR)]
            case Who.EACH_DRAWN if drawn is not None:
                return [party for party in self.governments if party in drawn]
            case _:
                return self.governments

    def steps_for(self, amount: Money, windows: Iterable[str]) -> list[Step]:
        """The steps that a request of this amount needs, when it may be paid from these windows."""
        found = [window for window in map(self.window, windows) if window is not None]
        return [
            step
            for step in self.approval_steps
            if any(step.is_asked_for(amount, window.id, window.source) for window in found)
        ]

    def asked(
        self, amount: Money, windows: Iterable[str], drawn: Sequence[str]
    ) -> list[tuple[Step, str]]:
        """Every approval that a request needs: the step and the party, in the charter's order."""
        steps = self.steps_for(amount, windows)
        return [(step, party) for step in steps for party in self.approvers(step, drawn)]

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
                # A misspelt purpose would leave money free that was meant to be restricted.
                raise _wrong("restrictions", "a restriction names purposes of the windows")

    def _check_steps(self) -> None:
        for position, step in enumerate(self.approval_steps):
            above = {earlier.id for earlier in self.approval_steps[:position]}
            # Naming only steps above makes a circle impossible.
            if not set(step.after) <= above:
                raise _wrong("approval_steps", "a step comes after steps that stand above it")
            kind = self._kind_asked(step)
            if step.role not in ROLES_OF[kind] - ANY_PARTY:
                raise _wrong("approval_steps", f"no member of a {kind} could take this step")
            if not self.approvers(step):
                raise _wrong("approval_steps", f"a step asks for a {kind}, and there is none")
            self._check_bands(step)
        if sum(len(self.approvers(step)) for step in self.approval_steps) > MAX_APPROVALS:
            raise _wrong("approval_steps", f"a request would need more than {MAX_APPROVALS}")
        if not any(step.who in GOVERNMENTS and step.is_for_all for step in self.approval_steps):
            raise _wrong("approval_steps", "at least one step is each government's own, always")

    def _kind_asked(self, step: Step) -> PartyKind:
        """The kind of party that a step asks. Raises PydanticCustomError."""
        if (step.who is Who.PARTY) != (step.party is not None):
            raise _wrong("approval_steps", "a step names a party when it asks one, and only then")
        if step.who is not Who.PARTY:
            return PartyKind.SUPERVISOR if step.who is Who.SUPERVISOR else PartyKind.GOVERNMENT
        party = self.party(step.party or "")
        if party is None:
            raise _wrong("approval_steps", "a step asks a party that does not exist")
        return party.kind

    def _check_bands(self, step: Step) -> None:
        if any(self.window(window) is None for window in step.windows):
            raise _wrong("approval_steps", "a step is for a window that does not exist")
        least = {limit.currency: limit for limit in step.at_least}
        most = {limit.currency: limit for limit in step.below}
        if len(least) < len(step.at_least) or len(most) < len(step.below):
            raise _wrong("approval_steps", "a band has one amount for each currency")
        if any(most[currency] <= least[currency] for currency in least.keys() & most.keys()):
            raise _wrong("approval_steps", "a band ends above where it begins")

    def _check_rules(self) -> None:
        governments = self.parties_of(PartyKind.GOVERNMENT)
        weights = [party.weight_bp for party in governments if party.weight_bp is not None]
        if weights and (len(weights) < len(governments) or sum(weights) != WHOLE_BP):
            raise _wrong("parties", f"the governments' weights sum to {WHOLE_BP}")
        if self.quorum > len(governments):
            raise _wrong("quorum", "no more governments can be there than there are")
        if any(party.weight_bp is not None for party in self.parties if party not in governments):
            raise _wrong("parties", "only a government has a weight")
        for decision, rule in self.decision_rules.items():
            self._check_rule(rule, bool(weights))
            if decision is DecisionClass.CHARTER:
                self._check_charters_rule(rule)
        principal = any(window.source is MoneySource.PRINCIPAL for window in self.windows)
        release = self.decision_rules.get(DecisionClass.RELEASE)
        if principal and (
            release is None
            or release.rule is not RuleKind.UNANIMITY
            or release.abstentions is not Abstentions.COUNTED
        ):
            raise _wrong("decision_rules", "principal is released by a unanimous vote only")

    def _check_charters_rule(self, rule: Rule) -> None:
        """Check that charters are decided without holidays and exchange rates: if those are wrong,
        amending the charter must still be possible.
        """
        for vote in (rule, rule.then):
            if vote is None:
                continue
            if vote.clock is not None and vote.clock.counts is Counts.BUSINESS:
                raise _wrong("decision_rules", "charters are decided in calendar days")
            if vote.weighs and vote.weights is Weights.RECEIVED and len(self.currencies) > 1:
                raise _wrong("decision_rules", "charters are not weighed by exchange rates")

    def _check_rule(self, rule: Rule, weighted: bool) -> None:
        asks_on = rule.on_objection is not Objection.STOP
        if asks_on != (rule.then is not None) or (asks_on and rule.rule not in NO_OBJECTION):
            raise _wrong("decision_rules", "what an objection leads to stands in then")
        escalated = rule.on_objection is Objection.ESCALATE
        if rule.then is not None and escalated != (rule.then.role is not rule.role):
            raise _wrong("decision_rules", "an escalation asks another role, a vote the same")
        if rule.then is not None and rule.then.rule in NO_OBJECTION:
            raise _wrong("decision_rules", "an objection leads to a vote")
        both = rule.then is not None and rule.weighs and rule.then.weighs
        if both and rule.then is not None and rule.then.weights is not rule.weights:
            raise _wrong("decision_rules", "both votes of a rule weigh by the same")
        for vote in (rule, rule.then) if rule.then is not None else (rule,):
            self._check_vote(vote, weighted)

    def _check_vote(self, vote: Vote, weighted: bool) -> None:
        if vote.role not in GOVERNMENT_ROLES:
            raise _wrong("decision_rules", "no member of a government has this role")
        if vote.rule in NO_OBJECTION and vote.clock is None:
            raise _wrong("decision_rules", f"{vote.rule} takes a clock")
        if vote.rule is RuleKind.UNANIMITY and (
            vote.share_of is not ShareOf.ELECTORATE or vote.threshold is not None
        ):
            raise _wrong("decision_rules", "unanimity is of the whole electorate")
        if vote.clock is not None:
            self._check_clock(vote.clock)
        if vote.rule not in WEIGHING and vote.weight_threshold is not None:
            raise _wrong("decision_rules", f"{vote.rule} has no threshold of weights")
        if not vote.weighs:
            return
        if vote.weights is Weights.CHARTER and not weighted:
            raise _wrong("decision_rules", "the parties have no weights in the charter")
        size = len(self.governments) * len(self.windows) * len(self.currencies)
        if vote.weights is not Weights.RECEIVED:
            return
        if size > MAX_WEIGHED:
            raise _wrong("decision_rules", f"more than {MAX_WEIGHED} positions would be weighed")
        if len(self.currencies) > 1 and self.exchange_rates is None:
            raise _wrong("decision_rules", "weighing several currencies takes exchange rates")

    def _check_clock(self, clock: Clock) -> None:
        if clock.calendar is not None and self.calendar(clock.calendar) is None:
            raise _wrong("decision_rules", "a clock names a calendar that does not exist")
        if clock.counts is Counts.BUSINESS and clock.calendar is None:
            raise _wrong("decision_rules", "business days take a calendar")

    def _check_signed(self) -> None:
        for name in self.signed:
            kind = EVENTS.get(name)
            if kind is None or not kind.actor_roles or name.startswith(_NEVER_SIGNED):
                raise _wrong("signed", "no such event can carry its party's signature")

    def _check_witnessing(self) -> None:
        asked = self.witnessing
        if asked is not None and asked.quorum > len(asked.witnesses):
            raise _wrong("witnessing", "no more witnesses can cosign than there are")


def _require_unique(member: str, names: Iterable[str]) -> None:
    listed: Sequence[str] = list(names)
    if len(set(listed)) != len(listed):
        raise _wrong(member, "a name stands twice")


def _wrong(member: str, why: str) -> PydanticCustomError:
    return CHARTER_INVALID("{member}: {why}.", {"member": member, "why": why})
