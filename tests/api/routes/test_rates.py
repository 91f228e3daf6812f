"""The trustee's books over HTTP: every route once as it should be, and its telling refusals."""

from typing import Any

import pytest

from app.client import Refused
from app.domain.values import Role
from tests.support.builders import (
    AUDITOR,
    EVIDENCE,
    RATES,
    TRUSTEE,
    Person,
    a_charter,
    a_conversion,
    a_journal,
    a_line,
    money,
    treasury,
    valued,
)
from tests.support.service import FUND, Service
from tests.support.steps import agreed, by_second, day, everything, published, received, refusal

OLD = 300
"""Days ago: what is closed, so that nothing else that is tested here falls into it."""


@pytest.fixture(scope="module")
def plain(shared: Service) -> Service:
    """A service with a fund whose charter names no rates."""
    shared.client(TRUSTEE).post("/v1/funds", a_charter(fund="plain-fund"), shared.key())
    return shared


@pytest.fixture(scope="module")
def held(plain: Service) -> Service:
    """A fund beside it that holds euro and dollars."""
    plain.open(**valued())
    return holding(plain)


@pytest.fixture
def fresh(plain: Service) -> Service:
    """Another one, where nothing else has happened."""
    return holding(plain.another(**valued()))


def holding(service: Service) -> Service:
    published(service, day(30))
    for party, amount in (("DE", money(5000)), ("FR", money(5000, "USD"))):
        received(service, party, agreed(service, party, amount), amount, day(29))
    return service


def rates(on: str, **named: str) -> dict[str, Any]:
    return {"day": on, "rates": named or RATES, "evidence": EVIDENCE}


def in_plain_fund(service: Service, path: str, body: dict[str, Any]) -> str:
    """The code with which the fund without rates refuses it."""
    with pytest.raises(Refused) as told:
        service.client(TRUSTEE).post(f"/v1/funds/plain-fund{path}", body, service.key())
    return told.value.code


def test_rates_are_entered_once_a_day_and_listed(fresh: Service) -> None:
    entry = published(fresh, day(20), USD="1.09", JPY="165")

    listed = everything(fresh, "/rates?limit=1")

    assert entry["data"]["rates"] == {"USD": "1.09", "JPY": "165"}
    assert [row["day"] for row in listed][:2] == [day(30), day(20)]
    assert listed[1]["entered_by"] == TRUSTEE.subject
    assert refusal(fresh, TRUSTEE, "/rates", rates(day(20), USD="1.1")) == "already_exists"


def test_rates_that_cannot_be_meant_are_refused(held: Service) -> None:
    refused = {
        "of tomorrow": rates(day(-1)),
        "of another currency": rates(day(28), CHF="0.95"),
        "of the base": rates(day(28), EUR="1.01"),
        "twice the one before": rates(day(28), USD="2.2"),
        "a hundredth of it": rates(day(28), USD="0.010825"),
    }

    codes = {name: refusal(held, TRUSTEE, "/rates", body) for name, body in refused.items()}

    assert codes == {
        "of tomorrow": "date_out_of_range",
        "of another currency": "currency_not_in_charter",
        "of the base": "rate_out_of_range",
        "twice the one before": "rate_out_of_range",
        "a hundredth of it": "rate_out_of_range",
    }
    assert in_plain_fund(held, "/rates", rates(day(28))) == "no_exchange_rates"
    assert refusal(held, treasury("DE"), "/rates", rates(day(28))) == "role_not_permitted"


def test_rates_are_corrected_by_another_person(held: Service) -> None:
    published(held, day(19), USD="1.08")
    right = {**rates(day(19), USD="1.09"), "reason": "The rate of the day before"}

    own = refusal(held, TRUSTEE, "/rates/corrections", right)
    corrected = by_second(held, "/rates/corrections", right)["entry"]
    absent = refusal(held, TRUSTEE, "/rates/corrections", {**right, "day": day(18)})

    (row,) = [row for row in everything(held, "/rates") if row["day"] == day(19)]
    assert (own, absent) == ("separation_of_duties", "not_found")
    assert (row["rates"], row["corrected_seq"]) == ({"USD": "1.09"}, corrected["seq"])
    assert corrected["derived"]["corrects"] == row["published_seq"]


def test_a_conversion_moves_each_contributors_money_into_another_currency(held: Service) -> None:
    body = a_conversion(
        money("108.25", "USD"),
        money(100),
        "0.92378753",
        value_date=day(28),
        out_reference="C-1",
        in_reference="C-2",
    )

    entry = held.post(TRUSTEE, "/conversions", body)["entry"]

    (row,) = everything(held, "/conversions")
    assert entry["derived"]["shares_bought"] == {"FR": money(100)}
    assert row["exchange"] == {"sold": body["sold"], "bought": body["bought"]}
    assert refusal(held, TRUSTEE, "/conversions", body) == "bank_reference_used"


def test_a_conversion_that_does_not_add_up_is_refused(held: Service) -> None:
    sold, bought = money("108.25", "USD"), money(100)
    fresh = {"value_date": day(28), "out_reference": "D-1", "in_reference": "D-2"}
    good = a_conversion(sold, bought, "0.92378753", **fresh)
    refused = {
        "rate_out_of_range": {**good, "rate": "0.93"},
        "rate_missing": {**good, "value_date": day(40)},
        "insufficient_funds": {**good, "sold": money(5500, "USD"), "bought": money("5080.83")},
        "currency_mismatch": {**good, "bought": money(100, "USD"), "to_account": "BANK-USD"},
        "unknown_bank_account": {**good, "to_account": "BANK-XX"},
        "date_out_of_range": {**good, "value_date": day(-2)},
        "unknown_restriction": {**good, "restriction": "not-there"},
    }
    dear = {**good, "bought": money(102), "rate": "0.942263279"}

    codes = {code: refusal(held, TRUSTEE, "/conversions", body) for code, body in refused.items()}

    assert codes == {code: code for code in refused}
    assert refusal(held, TRUSTEE, "/conversions", dear) == "rate_out_of_range"
    assert in_plain_fund(held, "/conversions", good) == "no_exchange_rates"


def test_a_revaluation_takes_back_the_one_before(fresh: Service) -> None:
    published(fresh, day(12), **{**RATES, "USD": "1"})
    published(fresh, day(10))

    first = fresh.post(TRUSTEE, "/revaluations", {"day": day(12)})["entry"]
    second = fresh.post(TRUSTEE, "/revaluations", {"day": day(10)})["entry"]

    balance = fresh.get(AUDITOR, "/balance?account=unrealised/USD&currency=EUR")["balance"]
    assert "reverses" not in first["derived"]
    assert second["derived"]["reverses"] == first["seq"]
    gain = second["derived"]["unrealised"]["USD"]["amount"]
    assert float(first["derived"]["unrealised"]["USD"]["amount"]) > 300 > float(gain)
    assert float(balance["amount"]) == -float(gain)


def test_a_revaluation_needs_a_day_with_rates_and_something_to_value(fresh: Service) -> None:
    published(fresh, day(10), USD="1.1")
    fresh.post(TRUSTEE, "/revaluations", {"day": day(10)})

    codes = [refusal(fresh, TRUSTEE, "/revaluations", {"day": on}) for on in (day(29), day(3))]
    other = a_charter(**valued(), fund="other-fund")
    fresh.client(TRUSTEE).post("/v1/funds", other, fresh.key())
    with pytest.raises(Refused, match="nothing_to_value"):
        fresh.client(TRUSTEE).post(
            "/v1/funds/other-fund/revaluations", {"day": day(3)}, fresh.key()
        )

    assert codes == ["date_out_of_range", "rate_missing"]
    assert in_plain_fund(fresh, "/revaluations", {"day": day(3)}) == "no_exchange_rates"


def test_a_journal_entry_is_posted_and_reversed_once(held: Service) -> None:
    posted = held.post(TRUSTEE, "/journals", a_journal(money(250), effective_date=day(8)))
    identifier = posted["entry"]["derived"]["journal_id"]
    path = f"/journals/{identifier}/correction"
    body = {"journal_id": identifier, "effective_date": day(7), "reason": "Waived"}
    charges = "/balance?account=own/bank-charges&currency=EUR"

    early = refusal(held, TRUSTEE, path, {**body, "effective_date": day(9)})
    before = held.get(AUDITOR, charges)["balance"]
    corrected = held.post(TRUSTEE, path, body)["entry"]

    (row,) = everything(held, "/journals")
    assert (before, held.get(AUDITOR, charges)["balance"]) == (money(250), money(0))
    assert corrected["derived"]["corrects"] == row["posted_seq"]
    assert row["corrected_seq"] == corrected["seq"]
    assert (early, refusal(held, TRUSTEE, path, body)) == ("date_out_of_range", "already_corrected")
    other = {**body, "journal_id": "01947b6e-3c00-7000-8000-000000000001"}
    assert refusal(held, TRUSTEE, path, other) == "path_mismatch"


def test_a_journal_entry_that_does_not_balance_or_touches_money_is_refused(held: Service) -> None:
    def lines(*these: dict[str, Any]) -> str:
        body = a_journal(money(1), effective_date=day(8), lines=list(these))
        return refusal(held, TRUSTEE, "/journals", body)

    left = a_line("bank-charges", "debit", money(1))

    codes = [
        lines(left, a_line("accruals", "credit", money("1.01"))),
        lines(left, a_line("accruals", "debit", money(1))),
        lines(left, a_line("yen-accruals", "credit", money(1))),
        lines(left, a_line("nobodys", "credit", money(1))),
        lines(left, a_line("cash/BANK-EUR", "credit", money(1))),
        lines(left),
    ]

    assert codes[:4] == ["unbalanced", "unbalanced", "currency_mismatch", "unknown_account"]
    assert codes[4:] == ["invalid_body", "invalid_body"]


def test_a_receipt_is_taken_back_and_its_bank_line_booked_anew(held: Service) -> None:
    agreement = agreed(held, "FR", money(70))
    wrong = received(held, "FR", agreement, money(70), day(6), reference="WRONG")
    identifier = wrong["derived"]["receipt_id"]
    path = f"/receipts/{identifier}/correction"
    body = {"receipt_id": identifier, "effective_date": day(5), "reason": "Meant for DE"}

    foreign = refusal(held, treasury("DE"), path, body)
    corrected = held.post(treasury("FR"), path, body)["entry"]
    again = received(held, "FR", agreement, money(60), day(6), reference="WRONG")

    receipt = held.get(AUDITOR, f"/receipts/{identifier}")
    assert (foreign, corrected["derived"]["corrects"]) == ("wrong_party", wrong["seq"])
    assert receipt["corrected_seq"] == corrected["seq"]
    assert held.get(AUDITOR, f"/agreements/{agreement}")["received"] == money(60)
    assert again["data"]["bank_reference"] == "WRONG"
    assert refusal(held, treasury("FR"), path, body) == "already_corrected"


def test_money_that_is_reserved_is_not_taken_back(held: Service) -> None:
    kept = received(held, "FR", agreed(held, "FR", money(20), "general"), money(20), day(6))
    held.approved(held.requested(money(20), "general"))

    identifier = kept["derived"]["receipt_id"]
    body = {"receipt_id": identifier, "effective_date": day(5), "reason": "Too late"}
    code = refusal(held, TRUSTEE, f"/receipts/{identifier}/correction", body)

    assert code == "insufficient_funds"


def test_a_closed_day_takes_nothing_until_every_government_has_opened_it(fresh: Service) -> None:
    body = a_journal(money(1), effective_date=day(OLD))
    assert fresh.get(AUDITOR, "/periods")["items"] == []
    closed = fresh.post(TRUSTEE, "/periods", {"through": day(OLD)})["entry"]
    proposal = {"from_day": day(OLD), "reason": "A late invoice"}

    refused = refusal(fresh, TRUSTEE, "/journals", body)
    proposed = fresh.post(TRUSTEE, "/periods/reopenings", proposal)["entry"]
    identifier = proposed["derived"]["reopening_id"]
    path = f"/periods/reopenings/{identifier}"
    shown = fresh.get(AUDITOR, path)
    answer = {"reopening_id": identifier, "decision": "approve", "digest": shown["digest"]}
    german, french = (Person(party, Role.TREASURY_APPROVER) for party in ("DE", "FR"))
    stale = refusal(fresh, german, f"{path}/answers", {**answer, "digest": "0" * 64})
    silent = refusal(fresh, german, f"{path}/answers", {**answer, "decision": "refuse"})
    fresh.post(german, f"{path}/answers", answer)
    twice = refusal(fresh, german, f"{path}/answers", answer)
    still = refusal(fresh, TRUSTEE, "/journals", body)
    last = fresh.post(french, f"{path}/answers", answer)

    assert refused == still == "period_closed"
    assert (stale, silent, twice) == ("stale_proposal", "reason_required", "already_decided")
    assert shown["awaiting"] == ["DE", "FR"]
    assert [entry["type"] for entry in last["consequences"]] == ["period.reopened"]
    assert everything(fresh, "/periods/reopenings") == [fresh.get(AUDITOR, path)]
    assert fresh.get(AUDITOR, path)["state"] == "reopened"
    assert fresh.get(AUDITOR, "/periods")["items"][0]["through"] == day(OLD + 1)
    assert closed["data"] == {"through": day(OLD)}
    assert fresh.post(TRUSTEE, "/journals", body)["entry"]["data"] == body
    assert refusal(fresh, french, f"{path}/answers", answer) == "proposal_closed"


def test_only_days_that_are_over_are_closed_and_only_closed_ones_opened(held: Service) -> None:
    held.post(TRUSTEE, "/periods", {"through": day(OLD - 50)})
    late = {"from_day": day(OLD - 51), "reason": "None"}

    codes = [
        refusal(held, TRUSTEE, "/periods", {"through": day(0)}),
        refusal(held, TRUSTEE, "/periods", {"through": day(OLD - 50)}),
        refusal(held, TRUSTEE, "/periods/reopenings", late),
        refusal(held, treasury("DE"), "/periods", {"through": day(OLD)}),
    ]

    closed = ["date_out_of_range", "period_not_closed", "period_not_closed", "role_not_permitted"]
    assert codes == closed
    with pytest.raises(Refused, match="404 not_found"):
        held.get(AUDITOR, "/periods/reopenings/none")


@pytest.mark.parametrize(
    "path", ["rates", "conversions", "journals", "periods", "periods/reopenings", "suspense"]
)
def test_the_books_are_read_by_the_funds_parties_alone(held: Service, path: str) -> None:
    answers = [
        held.raw(Person("XX", Role.TRUSTEE), "GET", f"{FUND}/{path}"),
        held.raw(AUDITOR, "GET", f"{FUND}/{path}?sort=x"),
    ]

    assert [answer.status_code for answer in answers] == [404, 422]
