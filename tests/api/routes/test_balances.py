"""The books over HTTP: balances of now, of an entry, of a day; statements; whose money it was."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from app.audit.receipt import verify_answer
from app.chain.policy import Policy
from app.client import Refused
from tests.support.builders import AUDITOR, money, valued
from tests.support.service import FUND, Service
from tests.support.steps import (
    agreed,
    answered,
    day,
    everything,
    months_ago,
    published,
    received,
    settled,
)

CASH = "account=cash/BANK-EUR&currency=EUR"


@dataclass
class Lived:
    """A fund that has lived, and where its payments stand in the log."""

    service: Service
    seqs: list[int]
    paid: str
    returned: str

    def balance(self, query: str = "", account: str = CASH) -> dict[str, str]:
        found = self.service.get(AUDITOR, f"/balance?{account}{query}")
        balance: dict[str, str] = found["balance"]
        return balance

    def refused(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = self.service.raw(AUDITOR, "GET", FUND + path)
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def lived(shared: Service) -> Lived:
    """Payments out of order, one in yen; a request that was paid, one that came back."""
    shared.open(**valued())
    published(shared, months_ago(3, 9))
    german, french = agreed(shared, "DE", money(1000)), agreed(shared, "FR", money(500))
    yen = agreed(shared, "DE", money(16445, "JPY"))
    entries = [
        received(shared, "DE", german, money(600), months_ago(3)),
        received(shared, "FR", french, money(500), months_ago(1)),
        received(shared, "DE", german, money(400), months_ago(5)),
        received(shared, "DE", yen, money(16445, "JPY"), months_ago(3)),
    ]
    paid, returned = shared.requested(money("333.33")), shared.requested(money("100.01"))
    for identifier in (paid, returned):
        shared.approved(identifier)
        settled(shared, identifier, "EUR", day(1))
    answered(shared, returned, "return", day(0))
    return Lived(shared, [entry["seq"] for entry in entries], paid, returned)


def test_a_balance_is_what_came_in_less_what_went_out(lived: Lived) -> None:
    cash = lived.service.get(AUDITOR, f"/balance?{CASH}")

    assert cash["balance"] == money("1166.67")
    assert cash["debits"] == money("1600.01")
    assert cash["credits"] == money("433.34")


def test_as_of_an_entry_a_balance_is_what_it_was_then(lived: Lived) -> None:
    first, second, third, _ = lived.seqs

    balances = [lived.balance(f"&as_of={seq}") for seq in (0, first - 1, first, second, third)]
    far = lived.balance(f"&as_of={2**53 - 1}")

    assert balances == [money(0), money(0), money(600), money(1100), money(1500)]
    assert far == lived.balance()


def test_on_a_day_a_balance_counts_what_was_booked_later_for_days_before(lived: Lived) -> None:
    expected = {
        months_ago(5, 9): 0,
        months_ago(5, 10): 400,
        months_ago(5, 11): 400,
        months_ago(3, 9): 400,
        months_ago(3, 10): 1000,
        months_ago(1, 9): 1000,
        months_ago(1, 10): 1500,
        day(1): 1500,
    }

    balances = {on: lived.balance(f"&on={on}") for on in expected}

    assert balances == {on: money(amount) for on, amount in expected.items()}
    assert lived.balance(f"&on={day(0)}") == lived.balance(f"&on={day(-400)}") == lived.balance()


def test_a_month_without_postings_ends_as_it_began(lived: Lived) -> None:
    for first, last in ((months_ago(4, 1), months_ago(4, 28)), (months_ago(2, 1), months_ago(2))):
        assert lived.balance(f"&on={first}") == lived.balance(f"&on={last}")
    assert lived.balance(f"&on={months_ago(4, 15)}") == money(400)
    assert lived.balance(f"&on={months_ago(2, 15)}") == money(1000)


def test_before_anything_every_account_is_empty(lived: Lived) -> None:
    for moment in ("on=2000-01-01", "as_of=0"):
        found = everything(lived.service, f"/balances?{moment}&limit=500")

        assert len(found) > 10
        assert {row["balance"]["amount"].strip("0.") for row in found} == {""}


def test_a_day_and_an_entry_are_not_asked_for_at_once(lived: Lived) -> None:
    moment = f"as_of=1&on={day(0)}"
    for path in (f"/balances?{moment}", f"/balance?{CASH}&{moment}", f"/trial-balance?{moment}"):
        status, problem = lived.refused(path)

        assert (status, problem["code"]) == (422, "one_date_only")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-30", "invalid_date"),
        ("20260101", "invalid_date"),
        ("", "invalid_date"),
        ("yesterday%00", "invalid_date"),
        ("1999-12-31", "date_out_of_range"),
        ("2200-01-01", "date_out_of_range"),
    ],
)
def test_a_day_that_is_none_is_refused_and_not_echoed(lived: Lived, text: str, code: str) -> None:
    status, problem = lived.refused(f"/balance?{CASH}&on={text}")

    assert (status, problem["code"]) == (422, code)
    assert problem["errors"][0]["pointer"] == "/on"
    assert not text or text.removesuffix("%00") not in json.dumps(problem)


@pytest.mark.parametrize("text", ["-1", "1e3", "01", "x", "9" * 30, ""])
def test_an_entry_is_named_by_a_plain_number(lived: Lived, text: str) -> None:
    status, problem = lived.refused(f"/balance?{CASH}&as_of={text}")

    assert (status, problem["code"]) == (422, "invalid_body")


def test_an_account_that_nothing_was_posted_to_is_not_found(lived: Lived) -> None:
    unknown = ("account=cash/NOWHERE&currency=EUR", "account=cash/BANK-EUR&currency=JPY")
    for account in unknown:
        for path in (f"/balance?{account}", f"/statement?{account}"):
            status, problem = lived.refused(path)

            assert (status, problem["code"]) == (404, "not_found")
            assert "NOWHERE" not in json.dumps(problem)
    assert lived.refused("/balance?account=cash/BANK-EUR&currency=ABC")[0] == 422
    assert lived.refused("/balance?currency=EUR")[0] == 422


def test_balances_of_a_day_are_paged_without_losing_the_day(lived: Lived) -> None:
    for moment in (f"on={months_ago(3)}", f"as_of={lived.seqs[1]}", ""):
        whole = lived.service.get(AUDITOR, f"/balances?{moment}")

        pages = everything(lived.service, f"/balances?{moment}&limit=3")

        assert pages == whole["items"]
        assert whole["next"] is None


def test_a_statement_names_both_dates_and_the_balance_after_each_line(lived: Lived) -> None:
    whole = lived.service.get(AUDITOR, f"/statement?{CASH}")["items"]

    lines = [(line["seq"], line["effective"], line["debit"]) for line in whole[:3]]
    assert lines == [
        (lived.seqs[0], months_ago(3), money(600)),
        (lived.seqs[1], months_ago(1), money(500)),
        (lived.seqs[2], months_ago(5), money(400)),
    ]
    assert [line["balance"] for line in whole[:3]] == [money(600), money(1100), money(1500)]
    assert [line["version"] for line in whole] == list(range(1, len(whole) + 1))
    assert all((line["debit"] is None) != (line["credit"] is None) for line in whole)
    assert whole[-1]["balance"] == lived.balance()


def test_a_statement_is_paged(lived: Lived) -> None:
    whole = lived.service.get(AUDITOR, f"/statement?{CASH}")["items"]

    assert everything(lived.service, f"/statement?{CASH}&limit=2") == whole
    assert everything(lived.service, f"/statement?{CASH}&limit={len(whole)}") == whole
    assert lived.service.get(AUDITOR, f"/statement?{CASH}&after=99")["items"] == []


def test_the_trial_balance_balances_in_every_currency_at_every_moment(lived: Lived) -> None:
    size = lived.service.get(AUDITOR, "")["size"]
    moments = ["", *(f"as_of={seq}" for seq in range(0, size, 3))]
    moments += [f"on={months_ago(month, 11)}" for month in range(1, 6)]

    for moment in moments:
        trial = lived.service.get(AUDITOR, f"/trial-balance?{moment}")

        assert trial["debits"] == trial["credits"]
    now = lived.service.get(AUDITOR, "/trial-balance")
    assert set(now["debits"]) == {"EUR", "JPY"}


def test_the_trial_balance_has_a_line_for_each_heading_and_currency(lived: Lived) -> None:
    lines = lived.service.get(AUDITOR, "/trial-balance")["lines"]
    found = {(line["heading"], line["currency"]): line for line in lines}

    assert found["cash", "EUR"]["balance"] == "1166.67"
    assert found["granted", "EUR"]["balance"] == "333.33"
    assert found["contributor", "EUR"]["balance"] == "-1166.67"
    assert found["cash", "JPY"]["balance"] == "16445"
    assert found["fx", "EUR"]["balance"] == "100.00"
    assert found["cash", "EUR"]["kind"] == "asset"
    assert len(found) == len(lines)


def test_a_holding_shows_what_it_has_cost(lived: Lived) -> None:
    (yen,) = lived.service.get(AUDITOR, "/holdings")["items"]

    assert (yen["held"], yen["cost_minor"]) == (money(16445, "JPY"), 100_00)
    assert yen["revalued_seq"] is None


def test_where_a_contributors_money_went_is_answered_to_the_cent(lived: Lived) -> None:
    reports = {p: lived.service.get(AUDITOR, f"/attribution?party={p}") for p in ("DE", "FR")}

    amounts = {
        party: {
            line["attribution"]["disbursement_id"]: line["attribution"]["amount"]
            for line in report["lines"]["items"]
        }
        for party, report in reports.items()
    }
    assert amounts["DE"] == {lived.paid: money("222.22"), lived.returned: money("66.67")}
    assert amounts["FR"] == {lived.paid: money("111.11"), lived.returned: money("33.34")}
    (french,) = reports["FR"]["positions"]
    assert (french["received"], french["disbursed"]) == (money(500), money("111.11"))


def test_money_that_came_back_is_shown_as_such(lived: Lived) -> None:
    lines = lived.service.get(AUDITOR, "/attribution?party=FR")["lines"]["items"]
    kept, back = (line["attribution"] for line in lines)

    assert kept["ended_seq"] is None
    assert kept["reserved_seq"] < kept["settled_seq"]
    assert back["settled_seq"] < back["ended_seq"]
    types = [[proof["entry"]["type"] for proof in line["entries"]] for line in lines]
    assert types[0] == ["disbursement.reserved", "disbursement.settled"]
    assert types[1] == [*types[0], "disbursement.returned"]


def test_each_entry_of_an_attribution_is_proven_offline(lived: Lived) -> None:
    vkey = lived.service.inside.notary.keys.of_log("test-fund").verifier
    policy = Policy.parse(f"log {vkey}\nquorum none\n".encode())

    lines = lived.service.get(AUDITOR, "/attribution?party=DE")["lines"]["items"]
    proofs = [proof for line in lines for proof in line["entries"]]

    proven = [verify_answer(json.dumps(proof).encode(), policy) for proof in proofs]
    assert [one.seq for one in proven] == [proof["entry"]["seq"] for proof in proofs]
    reserved = proofs[0]["entry"]["derived"]["draws"][0]["shares"]
    assert reserved == {"DE": money("222.22"), "FR": money("111.11")}


def test_an_attribution_is_paged_and_empty_for_who_gave_nothing(lived: Lived) -> None:
    first = lived.service.get(AUDITOR, "/attribution?party=DE&limit=1")["lines"]
    second = lived.service.client(AUDITOR).get(first["next"])["lines"]
    nobody = lived.service.get(AUDITOR, "/attribution?party=UA")

    identifiers = [page["items"][0]["attribution"]["disbursement_id"] for page in (first, second)]
    assert identifiers == [lived.paid, lived.returned]
    assert nobody == {"positions": [], "lines": {"items": [], "next": None}}
    with pytest.raises(Refused, match="422 invalid_body"):
        lived.service.get(AUDITOR, "/attribution?party=de")
