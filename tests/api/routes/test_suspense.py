"""Suspense over HTTP: money that nobody can place, how old it is, what becomes of it."""

from typing import Any

import pytest

from tests.support.builders import AUDITOR, TRUSTEE, an_unidentified, money, treasury, valued
from tests.support.service import Service
from tests.support.steps import agreed, by_second, day, everything, published, refusal


@pytest.fixture(scope="module")
def held(shared: Service) -> Service:
    shared.open(**valued())
    return shared


def unplaced(service: Service, amount: dict[str, str], on: str, **terms: Any) -> str:
    """The id of a payment that the trustee could not place."""
    reference = terms.pop("reference", f"S-{service.key()}")
    body = an_unidentified(amount, reference, value_date=on, **terms)
    entry = service.post(TRUSTEE, "/suspense", body)["entry"]
    identifier: str = entry["derived"]["suspense_id"]
    return identifier


def shown(service: Service, identifier: str) -> dict[str, Any]:
    """The payment as it is listed, with its age."""
    rows = everything(service, "/suspense?limit=2")
    (found,) = [row for row in rows if row["item"]["suspense_id"] == identifier]
    return found


def a_return(identifier: str, on: str, **changes: Any) -> dict[str, Any]:
    return {
        "suspense_id": identifier,
        "bank_reference": "BACK",
        "value_date": on,
        "reason": "The sender asked for it",
        **changes,
    }


def test_a_payment_ages_from_the_banks_date_until_it_is_closed(held: Service) -> None:
    old, new = unplaced(held, money(5), day(91)), unplaced(held, money(6), day(0))
    tomorrow = unplaced(held, money(7), day(-1), reference="EAST")
    late = unplaced(held, money(8), day(40), effective_date=day(4))

    ages = [shown(held, identifier)["age_days"] for identifier in (old, new, tomorrow, late)]
    by_second(held, f"/suspense/{old}/return", a_return(old, day(0)))

    assert ages == [91, 0, -1, 40]
    assert shown(held, old)["age_days"] is None
    assert shown(held, old)["item"]["state"] == "returned"


def test_a_payment_becomes_a_receipt_once_it_is_known_whose_it_is(held: Service) -> None:
    agreement = agreed(held, "FR", money(50))
    identifier = unplaced(held, money(20), day(10))
    body = {"suspense_id": identifier, "agreement_id": agreement, "effective_date": day(9)}
    path = f"/suspense/{identifier}/resolution"

    early = refusal(held, TRUSTEE, path, {**body, "effective_date": day(11)})
    foreign = refusal(held, treasury("FR"), path, body)
    resolved = held.post(TRUSTEE, path, body)["entry"]

    receipt = held.get(AUDITOR, f"/receipts/{resolved['derived']['receipt_id']}")
    assert (early, foreign) == ("date_out_of_range", "role_not_permitted")
    assert (receipt["party"], receipt["amount"]) == ("FR", money(20))
    assert (receipt["value_date"], receipt["effective_date"]) == (day(10), day(9))
    assert held.get(AUDITOR, f"/agreements/{agreement}")["received"] == money(20)
    assert shown(held, identifier)["item"]["closed_seq"] == resolved["seq"]
    assert refusal(held, TRUSTEE, path, body) == "suspense_closed"


def test_a_payment_is_not_resolved_into_what_does_not_fit(held: Service) -> None:
    small, draft = agreed(held, "DE", money(10)), agreed(held, "DE", money(9, "JPY"))
    identifier = unplaced(held, money(20), day(10))

    def resolved(agreement: str) -> str:
        body = {"suspense_id": identifier, "agreement_id": agreement, "effective_date": day(9)}
        return refusal(held, TRUSTEE, f"/suspense/{identifier}/resolution", body)

    assert resolved(small) == "exceeds_agreement"
    assert resolved(draft) == "currency_mismatch"
    assert resolved("01947b6e-3c00-7000-8000-000000000001") == "not_found"
    assert shown(held, identifier)["item"]["state"] == "unidentified"


def test_a_payment_is_sent_back_by_another_than_who_booked_it(held: Service) -> None:
    identifier = unplaced(held, money(33), day(10))
    path = f"/suspense/{identifier}/return"
    body = a_return(identifier, day(3), bank_reference="B-33")
    suspense = "/balance?account=suspense&currency=EUR"

    own = refusal(held, TRUSTEE, path, body)
    before = held.get(AUDITOR, suspense)
    entry = by_second(held, path, body)["entry"]

    after = held.get(AUDITOR, suspense)
    assert (own, entry["type"]) == ("separation_of_duties", "suspense.returned")
    difference = float(after["balance"]["amount"]) - float(before["balance"]["amount"])
    assert difference == 33
    assert shown(held, identifier)["item"]["closed_seq"] == entry["seq"]


def test_one_line_of_the_bank_is_booked_once(held: Service) -> None:
    body = an_unidentified(money(4), "ONE-LINE", value_date=day(10))
    held.post(TRUSTEE, "/suspense", body)

    codes = [
        refusal(held, TRUSTEE, "/suspense", body),
        refusal(held, TRUSTEE, "/suspense", {**body, "bank_account": "BANK-JPY"}),
        refusal(held, TRUSTEE, "/suspense", {**body, "bank_account": "NOWHERE"}),
        refusal(held, TRUSTEE, "/suspense", {**body, "value_date": day(-2), "bank_reference": "X"}),
        refusal(held, treasury("DE"), "/suspense", body),
    ]

    assert codes[:2] == ["bank_reference_used", "currency_mismatch"]
    assert codes[2:] == ["unknown_bank_account", "date_out_of_range", "role_not_permitted"]


def test_foreign_money_waits_at_the_rate_of_its_day(held: Service) -> None:
    body = an_unidentified(money(16445, "JPY"), "YEN", value_date=day(50))

    missing = refusal(held, TRUSTEE, "/suspense", body)
    published(held, day(50))
    held.post(TRUSTEE, "/suspense", body)

    (holding,) = held.get(AUDITOR, "/holdings")["items"]
    assert missing == "rate_missing"
    assert (holding["held"], holding["cost_minor"]) == (money(16445, "JPY"), 100_00)
