"""Agreements of a party that needs a mandate: qualified until one covers them, then in force."""

from typing import Any

import pytest

from app.domain.inflow.agreements import (
    Agreement,
    AgreementState,
    CoverAgreement,
    DraftAgreement,
    SignAgreement,
)
from app.domain.inflow.mandates import Mandate, WithdrawMandate
from app.domain.inflow.pledges import Pledge
from tests.support.builders import TRUSTEE, an_agreement, money, treasury
from tests.support.domain import UNKNOWN_ID, Door, eur, lines, position, refused, said
from tests.support.inflow import CLERK, mandated, registered


def drafted(paper: Door, amount: int = 60, party: str = "DE", **changes: Any) -> Agreement:
    body = an_agreement(money(amount), **changes)
    paper.do(treasury(party), DraftAgreement.model_validate(body))
    draft: Agreement = paper.newest(Agreement)
    return draft


def signs(paper: Door, agreement: Agreement, *, trustee: bool = False) -> None:
    who = TRUSTEE if trustee else treasury(agreement.party)
    command = SignAgreement(agreement_id=agreement.agreement_id, digest=agreement.digest)
    paper.do(who, command)


def covers(paper: Door, agreement: Agreement, mandate: Mandate, party: str = "DE") -> None:
    command = CoverAgreement(agreement_id=agreement.agreement_id, mandate_id=mandate.mandate_id)
    paper.do(treasury(party), command)


def the(paper: Door, agreement: Agreement) -> Agreement:
    return paper.book.get(Agreement, agreement.agreement_id)


def agreed_under(paper: Door, mandate: Mandate) -> Any:
    return paper.book.get(Mandate, mandate.mandate_id).agreed


def test_an_agreement_without_a_mandate_is_qualified_once_both_have_signed() -> None:
    paper = mandated()
    agreement = paper.agreed("DE", money(60))

    assert (agreement.state, agreement.signed_by) == (AgreementState.QUALIFIED, ("DE", "TRUSTEE"))
    assert paper.log[-1].event.type == "agreement.signed"
    assert lines(paper, "agreement.signed") == {}


def test_nothing_is_received_on_an_agreement_that_awaits_a_mandate() -> None:
    paper = mandated()
    agreement = paper.agreed("DE", money(60))

    with refused(paper, "agreement_not_in_force", "awaits a mandate"):
        paper.paid(agreement, money(60))


def test_an_agreement_that_waits_enters_into_force_when_a_mandate_covers_it() -> None:
    paper = mandated()
    agreement = paper.agreed("DE", money(60))
    mandate = registered(paper, 100)

    covers(paper, agreement, mandate)

    after = the(paper, agreement)
    assert (after.state, after.mandate_id) == (AgreementState.IN_FORCE, mandate.mandate_id)
    assert agreed_under(paper, mandate) == position(paper, "DE").agreed == eur(60)
    assert lines(paper, "agreement.entered_into_force")["deferred/DE/budget"] == -60_00
    assert said(paper, "agreement.covered") == (
        f"DE put agreement {agreement.agreement_id} under mandate {mandate.mandate_id}."
    )
    paper.paid(after, money(60))


def test_a_draft_that_is_covered_enters_into_force_with_the_second_signature() -> None:
    paper = mandated()
    draft = drafted(paper)
    mandate = registered(paper, 100)
    covers(paper, draft, mandate)
    assert the(paper, draft).state is AgreementState.DRAFT

    signs(paper, draft)
    signs(paper, draft, trustee=True)

    assert the(paper, draft).state is AgreementState.IN_FORCE
    assert agreed_under(paper, mandate) == eur(60)


def test_an_agreement_that_names_its_mandate_enters_into_force_at_once() -> None:
    paper = mandated()
    mandate = registered(paper, 60)

    agreement = paper.agreed("DE", money(60), mandate_id=mandate.mandate_id)

    assert agreement.state is AgreementState.IN_FORCE
    assert agreed_under(paper, mandate) == eur(60)


def test_a_party_that_needs_no_mandate_agrees_without() -> None:
    paper = mandated()

    assert paper.agreed("FR", money(60)).state is AgreementState.IN_FORCE


def test_a_party_that_needs_no_mandate_may_name_one() -> None:
    paper = mandated()
    mandate = registered(paper, 60, party="FR")
    agreement = paper.agreed("FR", money(60), mandate_id=mandate.mandate_id)

    assert agreement.state is AgreementState.IN_FORCE
    assert agreed_under(paper, mandate) == eur(60)


def test_no_more_is_agreed_under_a_mandate_than_its_cap() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    paper.agreed("DE", money(60), mandate_id=mandate.mandate_id)

    with refused(paper, "exceeds_mandate", "41.00 EUR", "40.00 EUR", "100.00 EUR", "chapter 60"):
        drafted(paper, 41, mandate_id=mandate.mandate_id)

    paper.agreed("DE", money(40), mandate_id=mandate.mandate_id)
    assert agreed_under(paper, mandate) == eur(100)


def test_of_two_drafts_over_one_headroom_the_one_that_is_signed_first_has_it() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    first, second = (drafted(paper, mandate_id=mandate.mandate_id) for _ in range(2))
    for draft in (first, second):
        signs(paper, draft)
    signs(paper, first, trustee=True)

    with refused(paper, "exceeds_mandate", "60.00 EUR", "40.00 EUR"):
        signs(paper, second, trustee=True)


def test_an_agreement_that_waits_is_not_covered_beyond_the_cap() -> None:
    paper = mandated()
    agreement = paper.agreed("DE", money(60))
    mandate = registered(paper, 59)

    with refused(paper, "exceeds_mandate", "60.00 EUR", "59.00 EUR"):
        covers(paper, agreement, mandate)


def test_releases_take_nothing_from_what_may_be_agreed() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    paper.paid(paper.agreed("DE", money(60), mandate_id=mandate.mandate_id), money(60))
    paper.approved(paper.requested(money(60)))

    assert paper.agreed("DE", money(40), mandate_id=mandate.mandate_id).outstanding == eur(40)


def test_a_mandate_of_another_party_covers_nothing() -> None:
    paper = mandated()
    mandate = registered(paper, 100, party="FR")

    with refused(paper, "wrong_party", "FR"):
        drafted(paper, mandate_id=mandate.mandate_id)
    draft = drafted(paper)
    with refused(paper, "wrong_party", "FR"):
        covers(paper, draft, mandate)


def test_an_agreement_is_covered_by_its_own_party() -> None:
    paper = mandated()
    agreement = paper.agreed("DE", money(60))
    mandate = registered(paper, 100)

    with refused(paper, "wrong_party", "DE"):
        covers(paper, agreement, mandate, "FR")


def test_a_mandate_in_another_currency_covers_nothing() -> None:
    paper = mandated()
    mandate = registered(paper, 100, currency="JPY")

    with refused(paper, "currency_mismatch", "JPY", "EUR"):
        drafted(paper, mandate_id=mandate.mandate_id)


def test_a_mandate_that_does_not_exist_covers_nothing() -> None:
    paper = mandated()

    with refused(paper, "not_found", "mandates"):
        drafted(paper, mandate_id=UNKNOWN_ID)


@pytest.mark.parametrize(
    ("dates", "word"),
    [
        ({"valid_from": "2026-02-02"}, "not on 2026-02-01"),
        ({"valid_through": "2026-02-01"}, "not on 2026-02-02"),
    ],
)
def test_nothing_is_agreed_before_a_mandate_begins_or_after_it_ends(
    dates: dict[str, str], word: str
) -> None:
    paper = mandated()
    mandate = registered(paper, 100, **dates)
    if "valid_through" in dates:
        paper.now = paper.now.replace(day=2)

    with refused(paper, "mandate_required", word):
        drafted(paper, mandate_id=mandate.mandate_id)


def test_a_mandate_is_valid_when_the_agreement_is_signed() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    draft = drafted(paper, mandate_id=mandate.mandate_id)
    signs(paper, draft)
    paper.do(CLERK, WithdrawMandate(mandate_id=mandate.mandate_id, reason="Repealed"))

    with refused(paper, "mandate_required", "was withdrawn"):
        signs(paper, draft, trustee=True)


def test_what_was_agreed_under_a_mandate_stays_when_it_is_withdrawn() -> None:
    paper = mandated()
    mandate = registered(paper, 100)
    agreement = paper.agreed("DE", money(60), mandate_id=mandate.mandate_id)
    paper.do(CLERK, WithdrawMandate(mandate_id=mandate.mandate_id, reason="Repealed"))

    paper.paid(agreement, money(60))

    assert position(paper, "DE").received == eur(60)


@pytest.mark.parametrize("party", ["DE", "FR"])
def test_an_agreement_that_does_not_wait_is_not_covered(party: str) -> None:
    paper = mandated()
    mandate = registered(paper, 100, party=party)
    named = {"mandate_id": mandate.mandate_id} if party == "DE" else {}
    agreement = paper.agreed(party, money(60), **named)

    with refused(paper, "proposal_closed", "does not wait for a mandate"):
        covers(paper, agreement, mandate, party)


def test_a_qualified_agreement_is_not_signed_again() -> None:
    paper = mandated()
    agreement = paper.agreed("DE", money(60))

    with refused(paper, "already_signed", "DE"):
        signs(paper, agreement)


def test_an_agreement_takes_from_its_pledge_when_it_enters_into_force() -> None:
    paper = mandated()
    paper.pledged("DE", money(100))
    pledge: Pledge = paper.newest(Pledge)
    agreement = paper.agreed("DE", money(60), pledge_id=pledge.pledge_id)
    assert paper.book.get(Pledge, pledge.pledge_id).converted == eur(0)

    covers(paper, agreement, registered(paper, 100))

    assert paper.book.get(Pledge, pledge.pledge_id).converted == eur(60)


def test_what_a_pledge_gave_to_another_agreement_meanwhile_is_not_given_twice() -> None:
    paper = mandated()
    mandate = registered(paper, 1000)
    paper.pledged("DE", money(100))
    pledge = paper.newest(Pledge)
    waiting = paper.agreed("DE", money(100), pledge_id=pledge.pledge_id)
    named = {"pledge_id": pledge.pledge_id, "mandate_id": mandate.mandate_id}
    paper.agreed("DE", money(100), **named)
    command = CoverAgreement(agreement_id=waiting.agreement_id, mandate_id=mandate.mandate_id)

    with refused(paper, "exceeds_pledge"):
        paper.do(treasury("DE"), command)
