"""Agreements: drafted by the contributor, signed by both sides, then in force."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.inflow.agreements import (
    Agreement,
    AgreementState,
    DraftAgreement,
    Instalment,
    SignAgreement,
)
from app.domain.values import Role
from tests.support.builders import REQUESTER, TRUSTEE, Person, an_agreement, money, treasury
from tests.support.domain import (
    DIGEST,
    UNKNOWN_ID,
    balance,
    eur,
    funded,
    lines,
    position,
    refused,
    said,
)
from tests.support.paper import Paper, digest_of


def a_draft(paper: Paper, party: str = "DE", **changes: Any) -> Agreement:
    body = {**an_agreement(money(100)), **changes}
    paper.do(treasury(party), DraftAgreement.model_validate(body))
    draft: Agreement = paper.newest(Agreement)
    return draft


def signature(draft: Agreement, digest: str | None = None) -> SignAgreement:
    return SignAgreement(agreement_id=draft.agreement_id, digest=digest or draft.digest)


def instalments(*parts: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"due": due, "amount": money(amount)} for due, amount in parts]


def test_a_draft_binds_nobody() -> None:
    paper = funded()
    draft = a_draft(paper)

    assert (draft.party, draft.window, draft.amount) == ("DE", "budget", eur(100))
    assert draft.state is AgreementState.DRAFT
    assert draft.signed_by == ()
    assert draft.digest == digest_of(paper.log[-1].event)
    assert draft.outstanding == eur(100)
    assert (draft.received, draft.pledge_id, draft.drafted_seq) == (eur(0), None, 1)
    assert lines(paper, "agreement.drafted") == {}


def test_a_draft_says_who_offers_what() -> None:
    paper = funded()
    parts = instalments(("2026-06-30", 60), ("2026-12-31", 40))
    a_draft(paper, instrument="loan", instalments=parts)

    assert said(paper, "agreement.drafted") == (
        "DE drafted an agreement on a loan of 100.00 EUR to window budget in 2 instalment(s)."
    )


def test_one_signature_puts_nothing_in_force() -> None:
    paper = funded()
    draft = a_draft(paper)
    paper.do(treasury("DE"), signature(draft))

    agreement = paper.book.get(Agreement, draft.agreement_id)
    assert agreement.signed_by == ("DE",)
    assert agreement.state is AgreementState.DRAFT
    assert lines(paper, "agreement.signed") == {}
    assert paper.log[-1].event.type == "agreement.signed"


def test_a_signature_says_whose_it_is() -> None:
    paper = funded()
    draft = a_draft(paper)
    paper.do(TRUSTEE, signature(draft))

    sentence = f"TRUSTEE signed agreement {draft.agreement_id}."
    assert said(paper, "agreement.signed") == sentence


@pytest.mark.parametrize(
    "signers", [(treasury("DE"), TRUSTEE), (TRUSTEE, treasury("DE"))], ids=["DE first", "DE last"]
)
def test_with_the_second_signature_the_contributor_owes(signers: tuple[Person, ...]) -> None:
    paper = funded()
    draft = a_draft(paper)
    for who in signers:
        paper.do(who, signature(draft))

    agreement = paper.book.get(Agreement, draft.agreement_id)
    assert agreement.state is AgreementState.IN_FORCE
    assert agreement.signed_by == tuple(who.party for who in signers)
    assert lines(paper, "agreement.entered_into_force") == {
        f"receivable/{draft.agreement_id}": 100_00,
        "deferred/DE/budget": -100_00,
    }
    assert balance(paper, f"receivable/{draft.agreement_id}") == eur(100)
    assert position(paper, "DE").agreed == eur(100)
    assert position(paper, "DE").pledged == position(paper, "DE").received == eur(0)


def test_entering_into_force_is_said_by_the_ledger() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    assert said(paper, "agreement.entered_into_force") == (
        f"Agreement {agreement.agreement_id} entered into force: both sides have signed."
    )


@pytest.mark.parametrize("party", ["DE", "TRUSTEE"])
def test_a_side_signs_once(party: str) -> None:
    paper = funded()
    draft = a_draft(paper)
    who = TRUSTEE if party == "TRUSTEE" else treasury(party)
    paper.do(who, signature(draft))

    with refused(paper, "already_signed", party):
        paper.do(who, signature(draft))


def test_an_agreement_in_force_is_not_signed_again() -> None:
    paper = funded()
    agreement = paper.agreed("DE", money(100))

    for who in (treasury("DE"), TRUSTEE):
        with refused(paper, "already_signed", who.party):
            paper.do(who, signature(agreement))


def test_an_agreement_is_signed_by_its_two_sides_only() -> None:
    paper = funded()
    draft = a_draft(paper)

    with refused(paper, "wrong_party", "contributor", "trustee"):
        paper.do(treasury("FR"), signature(draft))


def test_only_a_treasury_drafts_and_only_a_treasury_or_the_trustee_signs() -> None:
    paper = funded()
    draft = a_draft(paper)

    with refused(paper, "role_not_permitted", "treasury"):
        paper.do(TRUSTEE, DraftAgreement.model_validate(an_agreement(money(5))))
    for who in (REQUESTER, Person("DE", Role.LEGAL_REVIEWER)):
        with refused(paper, "role_not_permitted", "treasury or trustee"):
            paper.do(who, signature(draft))


def test_a_signature_names_the_text_that_stands() -> None:
    paper = funded()
    draft = a_draft(paper)

    with refused(paper, "stale_proposal", draft.digest):
        paper.do(treasury("DE"), signature(draft, DIGEST))


def test_an_agreement_that_does_not_exist_is_not_signed() -> None:
    paper = funded()

    with refused(paper, "not_found", "agreements"):
        paper.do(TRUSTEE, SignAgreement(agreement_id=UNKNOWN_ID, digest=DIGEST))


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"window": "energy"}, "unknown_window", ()),
        ({"amount": money(100, "USD")}, "currency_not_in_charter", ("EUR, JPY", "USD")),
        (
            {"instalments": instalments(("2026-06-30", 60), ("2026-12-31", 39))},
            "instalments_do_not_add_up",
            ("99.00 EUR", "100.00 EUR"),
        ),
        (
            {"instalments": instalments(("2026-06-30", 101))},
            "instalments_do_not_add_up",
            ("101.00 EUR", "100.00 EUR"),
        ),
        (
            {"instalments": instalments(("2026-12-31", 60), ("2026-06-30", 40))},
            "instalments_do_not_add_up",
            ("order of their due dates",),
        ),
        (
            {"instalments": [{"due": "2026-06-30", "amount": money(100, "JPY")}]},
            "currency_mismatch",
            ("EUR", "JPY"),
        ),
    ],
)
def test_a_draft_that_does_not_hold_together_is_refused(
    changes: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    paper = funded()

    with refused(paper, code, *words):
        a_draft(paper, **changes)


def test_two_instalments_may_fall_due_on_one_day() -> None:
    paper = funded()
    parts = instalments(("2026-06-30", 60), ("2026-06-30", 40))

    draft = a_draft(paper, instalments=parts)

    assert draft.instalments == tuple(Instalment.model_validate(part) for part in parts)


@pytest.mark.parametrize(
    "changes",
    [
        {"instalments": []},
        {"instalments": instalments(("2026-06-30", 0), ("2026-06-30", 100))},
        {"instalments": [{"due": "30.06.2026", "amount": money(100)}]},
        {"instrument": "guarantee"},
        {"pledge_id": "1"},
        {"signed_by": ["DE", "TRUSTEE"]},
    ],
)
def test_a_draft_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DraftAgreement.model_validate({**an_agreement(money(100)), **changes})
