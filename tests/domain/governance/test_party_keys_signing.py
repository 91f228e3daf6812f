"""Signatures: which key may sign for a party, once, and where the charter wants one."""

from app.domain.governance.party_keys import SignatureUse
from app.domain.inflow.pledges import AnnouncePledge
from app.domain.outflow.approvals import AnswerStep
from app.domain.outflow.disbursements import Disbursement
from app.domain.values import Role
from tests.support.builders import Person, a_pledge, an_approval, money, treasury
from tests.support.domain import refused
from tests.support.governance import ONE, THEIRS, TWO, registers, with_a_key

PLEDGE = AnnouncePledge.model_validate(a_pledge(money(1)))
LAWYER = Person("DE", Role.LEGAL_REVIEWER)


def test_a_key_of_another_party_does_not_speak_for_yours() -> None:
    paper = with_a_key()

    with refused(paper, "key_not_valid", "does not speak for your party"):
        paper.do(treasury("FR"), PLEDGE, kid=ONE)


def test_a_key_that_nobody_registered_does_not_speak() -> None:
    paper = with_a_key()

    with refused(paper, "key_not_valid"):
        paper.do(treasury("DE"), PLEDGE, kid=TWO)


def test_a_nonce_serves_once() -> None:
    paper = with_a_key()
    paper.do(treasury("DE"), PLEDGE, kid=ONE, nonce="n-1")

    assert paper.book.get(SignatureUse, "DE", "n-1").kid == ONE
    with refused(paper, "key_not_valid", "under this nonce before"):
        paper.do(treasury("DE"), PLEDGE, kid=ONE, nonce="n-1")
    with refused(paper, "key_not_valid", "under this nonce before"):
        registers(paper, TWO, nonce="n-1")


def test_a_nonce_that_was_refused_may_serve_later() -> None:
    paper = with_a_key()
    with refused(paper, "unknown_window"):
        unknown = AnnouncePledge.model_validate(a_pledge(money(1), "energy"))
        paper.do(treasury("DE"), unknown, kid=ONE, nonce="n-1")

    paper.do(treasury("DE"), PLEDGE, kid=ONE, nonce="n-1")

    assert paper.book.get(SignatureUse, "DE", "n-1").signed_seq == len(paper.log) - 1


def test_two_parties_may_use_one_nonce() -> None:
    paper = with_a_key()
    registers(paper, THEIRS, "FR")

    for party, kid in (("DE", ONE), ("FR", THEIRS)):
        paper.do(treasury(party), PLEDGE, kid=kid, nonce="n-1")

    assert paper.book.get(SignatureUse, "FR", "n-1").kid == THEIRS


def test_where_the_charter_asks_for_a_signature_nothing_is_recorded_without() -> None:
    paper = with_a_key(signed=["approval.given"])
    request = paper.requested(money(50))
    body = an_approval(request.disbursement_id, "legal_review", request.digest)
    answer = AnswerStep.model_validate(body)

    with refused(paper, "signature_required", "approval.given"):
        paper.do(LAWYER, answer)

    paper.do(LAWYER, answer, kid=ONE)
    assert paper.book.get(Disbursement, request.disbursement_id).outstanding == 8


def test_what_the_charter_does_not_list_needs_no_signature() -> None:
    paper = with_a_key(signed=["approval.given"])
    request = paper.requested(money(50))
    body = an_approval(
        request.disbursement_id, "legal_review", request.digest, decision="refuse", reason="No"
    )

    paper.do(LAWYER, AnswerStep.model_validate(body))

    assert paper.log[-1].event.type == "disbursement.refused"


def test_what_follows_from_a_signed_entry_is_not_signed() -> None:
    paper = with_a_key(signed=["approval.refused"])
    request = paper.requested(money(50))
    body = an_approval(
        request.disbursement_id, "legal_review", request.digest, decision="refuse", reason="No"
    )

    paper.do(LAWYER, AnswerStep.model_validate(body), kid=ONE)

    assert [line.act.kid for line in paper.log[-2:]] == [ONE, ""]
