"""Funds: opened once, by the trustee or a government, by somebody whom the charter names."""

import pytest

from app.domain.charter.charter import Charter
from app.domain.governance.funds import Fund, FundOpened, OpenFund, charter_of
from app.domain.governance.members import Member
from app.domain.refusals.base import NotFound
from app.domain.values import Role
from tests.support.builders import (
    AUDITOR,
    EXPORT_KID,
    LOG_VKEY,
    REQUESTER,
    TRUSTEE,
    Person,
    a_charter,
    a_pledge,
    people,
)
from tests.support.domain import Door, Known, admin, funded, lines, refused, said

COMMAND = OpenFund.model_validate(a_charter())


def test_opening_puts_the_charter_in_force_and_makes_its_members_members() -> None:
    paper = Door()
    paper.do(TRUSTEE, COMMAND)

    fund = paper.book.get(Fund)
    assert fund.charter == Charter.model_validate(a_charter())
    assert fund.charter_seq == 0
    assert {row.subject for row in paper.rows(Member)} == {
        person.subject for person in people(("DE", "FR"))
    }
    assert all((row.since_seq, row.until_seq) == (0, None) for row in paper.rows(Member))
    assert lines(paper, "fund.opened") == {}


def test_the_entry_of_a_fund_names_the_keys_that_speak_for_it() -> None:
    paper = Door()
    event = paper.do(TRUSTEE, COMMAND)

    assert isinstance(event, FundOpened)
    assert event.derived() == {"log_vkey": LOG_VKEY, "export_kid": EXPORT_KID}
    assert event.data() == a_charter()
    assert event.charter().model_dump(mode="json", exclude_unset=True) == a_charter()


def test_opening_says_who_opened_what() -> None:
    paper = Door()
    paper.do(TRUSTEE, COMMAND)

    assert said(paper, "fund.opened") == (
        "TRUSTEE opened the fund 'A fund for tests' of 2 governments with 5 approval steps."
    )


def test_a_government_may_open_a_fund_by_its_admin() -> None:
    paper = Door()

    paper.do(admin("DE"), COMMAND)

    assert said(paper, "fund.opened").startswith("DE opened")


def test_a_fund_is_opened_once() -> None:
    paper = funded()

    with refused(paper, "already_exists", "open already"):
        paper.do(TRUSTEE, COMMAND)
    with refused(paper, "already_exists"):
        paper.do(admin("FR"), OpenFund.model_validate(a_charter(title="Another")))


@pytest.mark.parametrize(
    "who", [Person("XX", Role.ADMIN), REQUESTER, AUDITOR, admin("UA"), admin("IFI")]
)
def test_a_fund_is_opened_by_its_trustee_or_one_of_its_governments(who: Person) -> None:
    paper = Door()

    with refused(paper, "wrong_party", "trustee", "governments"):
        paper.do(who, COMMAND)


@pytest.mark.parametrize(
    "who",
    [
        Known("TRUSTEE", Role.TRUSTEE, "stranger"),
        Known("DE", Role.ADMIN, "fr-admin"),
        Person("DE", Role.TREASURY),
        Known("DE", Role.ADMIN, "de-treasury"),
    ],
)
def test_a_fund_is_opened_by_somebody_whom_its_charter_names(who: Person) -> None:
    paper = Door()

    with refused(paper, "role_not_permitted", "The charter does not name"):
        paper.do(who, COMMAND)


def test_there_is_no_charter_before_a_fund_is_open() -> None:
    with pytest.raises(NotFound):
        charter_of(Door().book)


def test_nothing_can_be_done_in_a_fund_that_is_not_open() -> None:
    paper = Door()

    with refused(paper, "not_a_member", "DE"):
        paper.pledged("DE", a_pledge({"amount": "1.00", "currency": "EUR"})["amount"])
