"""Laws: random lives of a fund, each command drawn from the book as it is.

Each window has two contributors. With three or more, largest remainders can take a unit back from
a contributor in a later release (see `books/test_pools.py`), which these laws would find.
"""

from collections import Counter
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from app.domain.admission import EVENTS
from app.domain.books.pools import Pool
from app.domain.command import Command
from app.domain.governance.funds import OpenFund
from app.domain.inflow.agreements import (
    Agreement,
    AgreementState,
    DraftAgreement,
    SignAgreement,
)
from app.domain.inflow.pledges import AnnouncePledge, Pledge
from app.domain.inflow.receipts import BookReceipt
from app.domain.outflow.approvals import AnswerStep
from app.domain.outflow.disbursements import Disbursement, DisbursementState, RequestDisbursement
from app.domain.outflow.payments import (
    CancelDisbursement,
    InstructDisbursement,
    ReturnDisbursement,
    SettleDisbursement,
)
from app.domain.outflow.steps import Answer, Approval
from app.domain.refusals import Refusal
from app.domain.values import Money
from tests.builders import (
    REQUESTER,
    TRUSTEE,
    VALUE_DATE,
    Person,
    a_charter,
    a_pledge,
    a_receipt,
    a_request,
    an_agreement,
    an_approval,
    treasury,
)
from tests.domain import Auditor, Door, pool, returned
from tests.domain.laws import all_laws, nothing_is_negative

GOVERNMENTS = ("DE", "FR", "IT")
CONTRIBUTORS = {"budget": ("DE", "FR"), "defence": ("FR", "IT")}
STEPS = [
    {"id": "legal_review", "name": "L", "role": "legal_reviewer", "who": "each_government"},
    {"id": "no_objection", "name": "N", "role": "supervisor", "who": "supervisor"},
    {
        "id": "treasury_release",
        "name": "T",
        "role": "treasury_approver",
        "who": "each_government",
        "after": ["legal_review", "no_objection"],
    },
]
ORDER = [step["id"] for step in STEPS]
CELLS = [(window, currency) for window in CONTRIBUTORS for currency in ("EUR", "JPY")]
cells = st.sampled_from(CELLS)
State = DisbursementState


def around(minor: int) -> st.SearchStrategy[int]:
    """Amounts near a limit, parts of it, and small ones."""
    near = {1, minor // 3, minor // 2, minor - 1, minor, minor + 1}
    return st.sampled_from(sorted(n for n in near if n > 0)) | st.integers(1, 300)


class LifeOfAFund(RuleBasedStateMachine):
    """Commands of everybody, on a fund in two currencies with two windows."""

    recorded: ClassVar[Counter[str]] = Counter()
    refusals: ClassVar[Counter[str]] = Counter()

    @initialize(paid=st.lists(st.integers(1, 200), min_size=8, max_size=8))
    def open(self, paid: list[int]) -> None:
        self.paper, self.auditor, self.count = Door(), Auditor(), 0
        charter = a_charter(GOVERNMENTS, approval_steps=STEPS)
        self.paper.do(TRUSTEE, OpenFund.model_validate(charter))
        for (window, currency), minor in zip(CELLS * 2, paid, strict=True):
            party = CONTRIBUTORS[window][self.next() % 2]
            amount = Money(minor, currency).wire()
            self.paper.paid(self.paper.agreed(party, amount, window), amount, f"R{self.next()}")

    def next(self) -> int:
        self.count += 1
        return self.count

    def attempt(self, who: Person, command: Command) -> None:
        before, length = self.paper.book, len(self.paper.log)
        try:
            self.paper.do(who, command)
        except Refusal as refusal:
            self.refusals[refusal.code] += 1
            _require_untouched(self.paper, before, length)
        else:
            self.recorded.update(line.event.type for line in self.paper.log[length:])

    def pick(self, data: st.DataObject, *states: State) -> Disbursement:
        """One in these states where there is one; now and then any other."""
        every = sorted(self.paper.rows(Disbursement), key=lambda row: row.requested_seq)
        fitting = [row for row in every if row.state in states]
        stray = not fitting or data.draw(st.integers(0, 9)) == 0
        chosen: Disbursement = data.draw(st.sampled_from(every if stray else fitting))
        return chosen

    @rule(cell=cells, side=st.integers(0, 1), minor=st.integers(1, 500))
    def pledge(self, cell: tuple[str, str], side: int, minor: int) -> None:
        window, currency = cell
        body = a_pledge(Money(minor, currency).wire(), window)
        who = treasury(CONTRIBUTORS[window][side])
        self.attempt(who, AnnouncePledge.model_validate(body))

    @rule(data=st.data(), cell=cells, side=st.integers(0, 1))
    def draft(self, data: st.DataObject, cell: tuple[str, str], side: int) -> None:
        window, currency = cell
        party, identifier, limit = CONTRIBUTORS[window][side], None, 200
        pledges = sorted(self.paper.rows(Pledge), key=lambda row: row.announced_seq)
        if pledges and data.draw(st.booleans()):
            pledge = data.draw(st.sampled_from(pledges))
            party, window, currency = pledge.party, pledge.window, pledge.amount.currency
            identifier, limit = pledge.pledge_id, (pledge.amount - pledge.converted).minor
        amount = Money(data.draw(around(limit)), currency).wire()
        body = an_agreement(amount, window, identifier)
        self.attempt(treasury(party), DraftAgreement.model_validate(body))

    @rule(data=st.data())
    def sign(self, data: st.DataObject) -> None:
        drafts = [r for r in self.agreements() if r.state is AgreementState.DRAFT]
        agreement = data.draw(st.sampled_from(drafts or self.agreements()))
        signature = SignAgreement(agreement_id=agreement.agreement_id, digest=agreement.digest)
        for who in data.draw(st.permutations([treasury(agreement.party), TRUSTEE])):
            self.attempt(who, signature)

    @rule(data=st.data(), own=st.booleans())
    def pay(self, data: st.DataObject, own: bool) -> None:
        owing = [r for r in self.agreements() if r.outstanding and r.signed_by]
        agreement = data.draw(st.sampled_from(owing or self.agreements()))
        minor = data.draw(around(agreement.outstanding.minor))
        reference = f"R{data.draw(st.integers(1, self.count + 9))}"
        amount = Money(minor, agreement.amount.currency).wire()
        body = a_receipt(agreement.agreement_id, amount, reference)
        who = treasury(agreement.party) if own else TRUSTEE
        self.attempt(who, BookReceipt.model_validate(body))
        self.next()

    @rule(data=st.data(), cell=cells)
    def request(self, data: st.DataObject, cell: tuple[str, str]) -> None:
        minor = data.draw(around(pool(self.paper, *cell).available.minor))
        body = a_request(Money(minor, cell[1]).wire(), cell[0])
        self.attempt(REQUESTER, RequestDisbursement.model_validate(body))

    def requests(self) -> bool:
        return bool(self.paper.rows(Disbursement))

    @precondition(requests)
    @rule(data=st.data(), but=st.sampled_from([0, 0, 0, 0, 1, 3, 6]))
    def approve(self, data: st.DataObject, but: int) -> None:
        request = self.pick(data, State.REQUESTED)
        waiting = self.waiting(request)
        for approval in waiting[: max(len(waiting) - but, 1)]:
            self.answer(approval, request, decision="approve")

    @precondition(requests)
    @rule(data=st.data(), reason=st.sampled_from(["No", None]))
    def refuse(self, data: st.DataObject, reason: str | None) -> None:
        request = self.pick(data, State.REQUESTED)
        approval = data.draw(st.sampled_from(self.waiting(request)))
        self.answer(approval, request, decision="refuse", reason=reason)

    @precondition(requests)
    @rule(data=st.data())
    def instruct(self, data: st.DataObject) -> None:
        request = self.pick(data, State.RESERVED)
        account = f"BANK-{request.amount.currency}"
        body = {"disbursement_id": request.disbursement_id, "bank_account": account}
        self.attempt(TRUSTEE, InstructDisbursement.model_validate(body))

    @precondition(requests)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        request = self.pick(data, State.INSTRUCTED)
        body = self.banks_word(data, request)
        self.attempt(TRUSTEE, SettleDisbursement.model_validate(body))

    @precondition(requests)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        request = self.pick(data, State.INSTRUCTED, State.SETTLED)
        body = {**self.banks_word(data, request), "reason": "Closed"}
        self.attempt(TRUSTEE, ReturnDisbursement.model_validate(body))

    @precondition(requests)
    @rule(data=st.data(), who=st.sampled_from([REQUESTER, TRUSTEE]))
    def cancel(self, data: st.DataObject, who: Person) -> None:
        request = self.pick(data, State.REQUESTED, State.RESERVED)
        body = {"disbursement_id": request.disbursement_id, "reason": "Over"}
        self.attempt(who, CancelDisbursement.model_validate(body))

    @invariant()
    def every_law_holds(self) -> None:
        if hasattr(self, "paper"):
            all_laws(self.paper)

    @invariant()
    def the_log_alone_gives_the_same_book(self) -> None:
        if hasattr(self, "paper"):
            done = len(self.auditor_lines())
            for line in self.paper.log[done:]:
                self.auditor.step(line)
            assert not self.auditor.owed
            assert self.auditor.book == self.paper.book

    def auditor_lines(self) -> list[int]:
        self.read = getattr(self, "read", 0)
        seen, self.read = self.read, len(self.paper.log)
        return list(range(seen))

    def agreements(self) -> list[Agreement]:
        return sorted(self.paper.rows(Agreement), key=lambda row: row.drafted_seq)

    def waiting(self, request: Disbursement) -> list[Approval]:
        """Its answers, those that wait first, in the order of the steps."""
        rows = [
            r for r in self.paper.rows(Approval) if r.disbursement_id == request.disbursement_id
        ]
        return sorted(
            rows, key=lambda r: (r.answer is not Answer.PENDING, ORDER.index(r.step), r.party)
        )

    def answer(self, approval: Approval, request: Disbursement, **changes: Any) -> None:
        body = an_approval(request.disbursement_id, approval.step, request.digest)
        who = Person(approval.party, approval.role)
        self.attempt(who, AnswerStep.model_validate({**body, **changes}))

    def banks_word(self, data: st.DataObject, request: Disbursement) -> dict[str, Any]:
        reference = f"R{data.draw(st.integers(1, self.next() + 30))}"
        return {
            "disbursement_id": request.disbursement_id,
            "bank_reference": reference,
            "value_date": VALUE_DATE,
        }


def _require_untouched(paper: Door, book: object, length: int) -> None:
    assert paper.book == book, "a refused command changed the book"
    assert len(paper.log) == length, "a refused command was recorded"


def test_the_laws_hold_in_every_life_of_a_fund() -> None:
    LifeOfAFund.recorded.clear()
    LifeOfAFund.refusals.clear()

    run(LifeOfAFund, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))

    by_hand = set(EVENTS) - {"fund.opened", "member.added", "member.removed"}
    assert by_hand <= LifeOfAFund.recorded.keys()
    assert LifeOfAFund.recorded["disbursement.settled"] >= 5
    assert sum(LifeOfAFund.recorded.values()) > sum(LifeOfAFund.refusals.values())
    assert {"insufficient_funds", "bank_reference_used", "proposal_closed"} <= (
        LifeOfAFund.refusals.keys()
    )
