"""Pledges: what a government intends; never resources."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.inflow.agreements import Agreement, DraftAgreement, SignAgreement
from app.domain.inflow.pledges import AnnouncePledge, Pledge, PledgeState
from app.domain.values import MAX_MINOR, Money
from tests.support.builders import TRUSTEE, a_pledge, an_agreement, money, treasury
from tests.support.domain import UNKNOWN_ID, Door, eur, funded, lines, pool, position, refused, said
from tests.support.paper import Paper


def drafted(paper: Paper, party: str, amount: dict[str, str], window: str = "budget") -> None:
    """A draft that counts on the newest pledge."""
    body = an_agreement(amount, window, paper.newest(Pledge).pledge_id)
    paper.do(treasury(party), DraftAgreement.model_validate(body))


def signed_by_both(paper: Paper) -> None:
    """The newest draft, in force."""
    draft = paper.newest(Agreement)
    signature = SignAgreement(agreement_id=draft.agreement_id, digest=draft.digest)
    paper.do(treasury(draft.party), signature)
    paper.do(TRUSTEE, signature)


def test_a_pledge_is_announced_and_nothing_of_it_is_resources() -> None:
    paper = funded()
    paper.pledged("DE", money(100))

    pledge = paper.newest(Pledge)
    assert (pledge.party, pledge.window, pledge.amount) == ("DE", "budget", eur(100))
    assert (pledge.state, pledge.converted) == (PledgeState.ANNOUNCED, eur(0))
    assert pledge.announced_seq == 1
    assert position(paper, "DE").pledged == eur(100)
    assert position(paper, "DE").agreed == position(paper, "DE").received == eur(0)
    assert pool(paper).available == eur(0)
    assert lines(paper, "pledge.announced") == {}


def test_a_pledge_says_who_intends_what() -> None:
    paper = funded()
    paper.pledged("DE", money(1_000_000))

    assert said(paper, "pledge.announced") == "DE pledged 1,000,000.00 EUR to window budget."


def test_a_window_that_the_charter_does_not_name_is_unknown() -> None:
    paper = funded()

    with refused(paper, "unknown_window"):
        paper.pledged("DE", money(5), "energy")


def test_a_currency_that_the_charter_does_not_name_is_not_taken() -> None:
    paper = funded()

    with refused(paper, "currency_not_in_charter", "EUR, JPY", "USD"):
        paper.pledged("DE", money(5, "USD"))


def test_pledges_beyond_the_largest_amount_are_refused() -> None:
    paper = funded()
    most = Money(MAX_MINOR, "EUR").wire()
    paper.pledged("DE", most)

    with refused(paper, "amount_out_of_range", str(MAX_MINOR + 1), str(MAX_MINOR)):
        paper.pledged("DE", money("0.01"))


def test_a_pledge_is_converted_in_parts_as_agreements_enter_into_force() -> None:
    paper = funded()
    paper.pledged("DE", money(100))
    converted = []
    for part in (60, 40):
        drafted(paper, "DE", money(part))
        signed_by_both(paper)
        pledge = paper.newest(Pledge)
        converted.append((pledge.state, pledge.converted))

    assert converted == [
        (PledgeState.ANNOUNCED, eur(60)),
        (PledgeState.CONVERTED, eur(100)),
    ]
    assert position(paper, "DE").pledged == eur(100)
    assert position(paper, "DE").agreed == eur(100)


def test_an_agreement_beyond_its_pledge_is_refused() -> None:
    paper = funded()
    paper.pledged("DE", money(100))

    with refused(paper, "exceeds_pledge", "100.01 EUR", "100.00 EUR"):
        drafted(paper, "DE", money("100.01"))


def test_a_second_draft_beyond_what_is_left_of_the_pledge_is_refused() -> None:
    paper = funded()
    paper.pledged("DE", money(100))
    drafted(paper, "DE", money(60))
    signed_by_both(paper)

    with refused(paper, "exceeds_pledge", "60.00 EUR", "40.00 EUR"):
        drafted(paper, "DE", money(60))


def test_of_two_drafts_on_one_pledge_the_one_that_is_signed_first_has_it() -> None:
    paper = funded()
    paper.pledged("DE", money(100))
    drafted(paper, "DE", money(60))
    drafted(paper, "DE", money(60))
    signed_by_both(paper)

    first = min(paper.rows(Agreement), key=lambda row: row.drafted_seq)
    with refused(paper, "exceeds_pledge", "60.00 EUR", "40.00 EUR"):
        paper.do(
            treasury("DE"), SignAgreement(agreement_id=first.agreement_id, digest=first.digest)
        )


def test_a_pledge_in_another_currency_does_not_cover_an_agreement() -> None:
    paper = funded()
    paper.pledged("DE", money(100))

    with refused(paper, "currency_mismatch", "JPY", "EUR"):
        drafted(paper, "DE", money(5, "JPY"))


def test_another_partys_pledge_does_not_cover_an_agreement() -> None:
    paper = funded()
    paper.pledged("DE", money(100))

    with refused(paper, "wrong_party", "another party's"):
        drafted(paper, "FR", money(5))


def test_a_pledge_for_another_window_does_not_cover_an_agreement() -> None:
    paper = funded()
    paper.pledged("DE", money(100))

    with refused(paper, "wrong_party", "another window"):
        drafted(paper, "DE", money(5), "defence")


def test_a_pledge_that_does_not_exist_covers_nothing() -> None:
    paper = Door()
    paper.open()
    body = an_agreement(money(5), pledge_id=UNKNOWN_ID)

    with refused(paper, "not_found", "pledges"):
        paper.do(treasury("DE"), DraftAgreement.model_validate(body))


@pytest.mark.parametrize(
    "changes",
    [{"amount": money("0.00")}, {"note": "hidden\u202e"}, {"note": ""}, {"party": "FR"}],
)
def test_a_pledge_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnnouncePledge.model_validate({**a_pledge(money(5)), **changes})
