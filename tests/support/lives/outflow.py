"""Random steps with money on its way out: requests, answers, payments."""

from collections.abc import Callable
from typing import Any

from app.domain.books.pools import Pool
from app.domain.outflow.approvals import AnswerStep, RevokeApproval
from app.domain.outflow.conditions import MeetConditions
from app.domain.outflow.disbursements import Disbursement, DisbursementState, RequestDisbursement
from app.domain.outflow.payments import (
    CancelDisbursement,
    InstructDisbursement,
    ReturnDisbursement,
    SettleDisbursement,
)
from app.domain.outflow.steps import Answer, Approval
from tests.support.builders import REQUESTER, TRUSTEE, Person, a_request, an_approval
from tests.support.history import may_pay
from tests.support.lives.life import STEPS, Life

State = DisbursementState
ORDER = [step["id"] for step in STEPS]


def request(life: Life) -> None:
    """The recipient asks, for about what one pool holds or all that may pay."""
    window = life.random.choice(life.charter.windows)
    purpose, currency = life.random.choice(window.purposes), life.random.choice(life.currencies)
    held = [
        pool.available.minor
        for pool in life.rows(Pool)
        if pool.currency == currency
        and may_pay(life.charter, (pool.window, pool.restriction), window.id, purpose)
    ]
    minor = life.around(life.random.choice([*held, sum(held), sum(held) // 3]))
    if life.rarely():
        purpose = "drones"
    body = a_request(life.money(minor, currency), window.id, purpose=purpose)
    life.attempt(REQUESTER, RequestDisbursement.model_validate(body))


def approve(life: Life) -> None:
    """Some who are asked approve, or all of them."""
    asked = life.pick(Disbursement, _in(State.REQUESTED))
    if asked is not None:
        rows, but = waiting(life, asked), life.random.choice((0, 0, 1, 3))
        pending = [row for row in rows if row.answer is Answer.PENDING]
        for approval in pending[: len(pending) - but] or rows[:1]:
            answer(life, approval, asked)


def refuse(life: Life) -> None:
    """Somebody who is asked does not approve."""
    asked = life.pick(Disbursement, _in(State.REQUESTED))
    if asked is not None and life.random.random() < 0.5:
        approval = life.random.choice(waiting(life, asked)[:2])
        reason = life.random.choice(("No", "No", None))
        answer(life, approval, asked, decision="refuse", reason=reason)


def abstain(life: Life) -> None:
    """Somebody who is asked says neither yes nor no; the request waits on."""
    asked = life.pick(Disbursement, _in(State.REQUESTED))
    if asked is not None and life.random.random() < 0.5:
        answer(life, life.random.choice(waiting(life, asked)[:2]), asked, decision="abstain")


def revoke(life: Life) -> None:
    """Somebody takes an approval back, before the bank was told."""
    # Reserved money is seldom there to be set free: half of the time it is looked for.
    states = life.random.choice([(State.RESERVED,), (State.REQUESTED, State.RESERVED)])
    found = life.pick(Disbursement, _in(*states))
    if found is None or found.state is State.INSTRUCTED:
        return
    approval = life.random.choice(waiting(life, found)[-3:])
    body = {
        "disbursement_id": found.disbursement_id,
        "step": approval.step,
        "reason": "New facts",
    }
    who = Person(approval.party, approval.role)
    life.attempt(who, RevokeApproval.model_validate(body))


def attach(life: Life) -> None:
    """A party approves on a condition, and may meet it."""
    asked = life.pick(Disbursement, _in(State.REQUESTED))
    if asked is None:
        return
    approval = waiting(life, asked)[0]
    answer(life, approval, asked, conditions=["A report"])
    if life.random.random() < 0.8:
        body = {"disbursement_id": asked.disbursement_id, "step": approval.step}
        who = Person(approval.party, approval.role)
        life.attempt(who, MeetConditions.model_validate(body))


def instruct(life: Life) -> None:
    """The trustee tells the bank to pay."""
    due = life.pick(Disbursement, _in(State.RESERVED))
    if due is not None:
        instructed(life, due)


def settle(life: Life) -> None:
    """The bank has paid."""
    due = life.pick(Disbursement, _in(State.INSTRUCTED))
    if due is not None:
        settled(life, due)


def advance(life: Life) -> None:
    """One request goes on, as far as it can."""
    found = life.pick(Disbursement, _in(State.REQUESTED, State.RESERVED, State.INSTRUCTED))
    for _ in range(life.random.randint(1, 3) if found is not None else 0):
        assert found is not None
        found = life.paper.book.get(Disbursement, found.disbursement_id)
        if found.state is State.REQUESTED:
            for approval in waiting(life, found):
                if approval.answer is Answer.PENDING:
                    answer(life, approval, found)
        elif found.state is State.RESERVED:
            instructed(life, found)
        elif found.state is State.INSTRUCTED:
            settled(life, found)


def give_back(life: Life) -> None:
    """A payment comes back, before or after the bank had confirmed it."""
    paid = life.pick(Disbursement, _in(State.INSTRUCTED, State.SETTLED))
    if paid is not None:
        body = {**banks_word(life, paid), "reason": "Closed"}
        life.attempt(life.trustee(), ReturnDisbursement.model_validate(body))


def cancel(life: Life) -> None:
    """A request is taken back."""
    found = life.pick(Disbursement, _in(State.REQUESTED, State.RESERVED))
    if found is not None and life.random.random() < 0.5:
        body = {"disbursement_id": found.disbursement_id, "reason": "Over"}
        who = life.random.choice((REQUESTER, TRUSTEE))
        life.attempt(who, CancelDisbursement.model_validate(body))


def waiting(life: Life, asked: Disbursement) -> list[Approval]:
    """The request's answers, pending ones first, in the order of the steps."""
    rows = [row for row in life.rows(Approval) if row.disbursement_id == asked.disbursement_id]
    return sorted(
        rows, key=lambda r: (r.answer is not Answer.PENDING, ORDER.index(r.step), r.party)
    )


def answer(life: Life, approval: Approval, asked: Disbursement, **changes: Any) -> None:
    body = an_approval(asked.disbursement_id, approval.step, asked.digest)
    who = Person(approval.party, approval.role)
    life.attempt(who, AnswerStep.model_validate({**body, **changes}))


def instructed(life: Life, due: Disbursement) -> None:
    account = f"BANK-{due.amount.currency}"
    body = {"disbursement_id": due.disbursement_id, "bank_account": account}
    life.attempt(TRUSTEE, InstructDisbursement.model_validate(body))


def settled(life: Life, due: Disbursement) -> None:
    life.attempt(life.trustee(), SettleDisbursement.model_validate(banks_word(life, due)))


def banks_word(life: Life, paid: Disbursement) -> dict[str, Any]:
    return {
        "disbursement_id": paid.disbursement_id,
        "bank_reference": life.reference(),
        **life.dates(),
    }


def _in(*states: State) -> Callable[[Disbursement], bool]:
    return lambda row: row.state in states
