"""A story of the books: three currencies, tied money, suspense, a closed year, a parliament's
question, an auditor's answer; over HTTP, on both databases.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from app.audit.receipt import verify_answer
from app.audit.verify import verify
from app.chain.policy import Policy
from app.cli.main import main
from app.domain.values import Role
from app.runtime.settings import Settings
from tests.support.builders import (
    AUDITOR,
    EVIDENCE,
    TRUSTEE,
    Person,
    a_conversion,
    a_journal,
    an_unidentified,
    money,
    valued,
)
from tests.support.service import FUND, Service, in_environment
from tests.support.steps import (
    agreed,
    answered,
    by_second,
    day,
    everything,
    received,
    refusal,
    settled,
)

CURRENCIES = ["EUR", "USD", "JPY"]
CLOSED = 60
"""Days ago: the last day of the period that is closed."""


def rates_imported(service: Service) -> None:
    """A file of the central bank's, one line a day, in one batch."""
    file = [(70, "1.08", "160"), (65, "1.09", "161"), (30, "1.1", "162"), (5, "1.2", "150")]
    lines = [
        {
            "op": "rates.published",
            "key": f"rates-{ago}",
            "data": {"day": day(ago), "rates": {"USD": usd, "JPY": yen}, "evidence": EVIDENCE},
        }
        for ago, usd, yen in file
    ]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    answer = service.raw(TRUSTEE, "POST", f"{FUND}/batches", content=body, headers=headers)
    assert answer.status_code == 201
    assert [row["day"] for row in everything(service, "/rates")] == [day(ago) for ago, *_ in file]


def money_arrives(service: Service) -> None:
    """Tied, free and unrestricted money in euro; dollars and yen besides."""
    tied = agreed(service, "DE", money(300), restriction="not-defence")
    received(service, "DE", tied, money(300), day(70))
    received(service, "DE", agreed(service, "DE", money(200)), money(200), day(69))
    free = agreed(service, "FR", money(100))
    received(service, "FR", free, money(100), day(68))
    wide = agreed(service, "FR", money(1000), "general")
    received(service, "FR", wide, money(700), day(66))
    dollars = agreed(service, "FR", money(540, "USD"))
    received(service, "FR", dollars, money(540, "USD"), day(69))
    received(service, "DE", agreed(service, "DE", money(8000, "JPY")), money(8000, "JPY"), day(70))


def strays_are_placed(service: Service) -> None:
    """Two payments that nobody could place: one was France's, one goes back."""
    wide = next(
        row["agreement_id"]
        for row in everything(service, "/agreements")
        if (row["party"], row["window"]) == ("FR", "general")
    )
    ids = []
    for amount, reference in ((300, "STRAY-1"), (40, "STRAY-2")):
        body = an_unidentified(money(amount), reference, value_date=day(64))
        posted = service.post(TRUSTEE, "/suspense", body)
        ids.append(posted["entry"]["derived"]["suspense_id"])
    resolution = {"suspense_id": ids[0], "agreement_id": wide, "effective_date": day(62)}
    service.post(TRUSTEE, f"/suspense/{ids[0]}/resolution", resolution)
    back = {
        "suspense_id": ids[1],
        "bank_reference": "STRAY-BACK",
        "value_date": day(61),
        "reason": "Meant for another fund",
    }
    assert refusal(service, TRUSTEE, f"/suspense/{ids[1]}/return", back) == "separation_of_duties"
    by_second(service, f"/suspense/{ids[1]}/return", back)
    states = {row["item"]["state"] for row in everything(service, "/suspense")}
    assert states == {"resolved", "returned"}


def dollars_are_changed_and_the_rest_is_valued(service: Service) -> None:
    """540 dollars cost 500.00 euro; half is sold at 1.10, the yen gain when the euro falls."""
    body = a_conversion(money(270, "USD"), money("245.45"), "0.909090909", value_date=day(30))
    service.post(TRUSTEE, "/conversions", body)
    service.post(TRUSTEE, "/revaluations", {"day": day(29)})
    service.post(TRUSTEE, "/revaluations", {"day": day(4)})
    holdings = {row["currency"]: row for row in service.get(AUDITOR, "/holdings")["items"]}
    dollars, yen = holdings["USD"], holdings["JPY"]
    assert (dollars["held"], dollars["cost_minor"]) == (money(270, "USD"), 250_00)
    assert dollars["realised_minor"] == -4_55
    assert dollars["unrealised_minor"] == 225_00 - 250_00
    assert (yen["cost_minor"], yen["unrealised_minor"]) == (50_00, 53_33 - 50_00)


def a_slip_is_corrected(service: Service) -> None:
    """A receipt on the wrong agreement is taken back and booked on the right one."""
    wrong, right = agreed(service, "DE", money(50)), agreed(service, "FR", money(50), "defence")
    entry = received(service, "DE", wrong, money(50), day(28), reference="SLIP")
    body = {
        "receipt_id": entry["derived"]["receipt_id"],
        "effective_date": day(27),
        "reason": "It was France's",
    }
    service.post(TRUSTEE, f"/receipts/{body['receipt_id']}/correction", body)
    received(service, "FR", right, money(50), day(28), reference="SLIP")


def the_books_are_closed_and_opened_again(service: Service) -> None:
    late = a_journal(money(12), effective_date=day(CLOSED + 2), memo="An invoice that came late")
    service.post(TRUSTEE, "/periods", {"through": day(CLOSED)})
    assert refusal(service, TRUSTEE, "/journals", late) == "period_closed"
    proposal = {"from_day": day(CLOSED + 3), "reason": "An invoice came late"}
    proposed = service.post(TRUSTEE, "/periods/reopenings", proposal)["entry"]
    identifier = proposed["derived"]["reopening_id"]
    path = f"/periods/reopenings/{identifier}"
    digest = service.get(AUDITOR, path)["digest"]
    answer = {"reopening_id": identifier, "decision": "approve", "digest": digest}
    for party in ("DE", "FR"):
        assert refusal(service, TRUSTEE, "/journals", late) == "period_closed"
        service.post(Person(party, Role.TREASURY_APPROVER), f"{path}/answers", answer)
    service.post(TRUSTEE, "/journals", late)


def a_payment_draws_on_three_kinds_of_money(service: Service) -> str:
    """300 tied, then what is free in the window, then what may go anywhere."""
    identifier = service.requested(money(900))
    service.approved(identifier)
    draws = service.get(AUDITOR, f"/disbursements/{identifier}")["disbursement"]["draws"]
    kinds = [(draw["window"], draw["restriction"], draw["amount"]) for draw in draws]
    assert kinds == [
        ("budget", "not-defence", money(300)),
        ("budget", "", money("545.45")),
        ("general", "", money("54.55")),
    ]
    settled(service, identifier, "EUR", day(1))
    lost = service.requested(money(100), "defence")
    service.approved(lost)
    settled(service, lost, "EUR", day(1))
    answered(service, lost, "return", day(0))
    return identifier


def a_parliament_asks(service: Service, paid: str) -> dict[str, Any]:
    """What each gave to the payment, every line proven without the service."""
    vkey = service.inside.notary.keys.of_log("test-fund").verifier
    policy = Policy.parse(f"log {vkey}\nquorum none\n".encode())
    given = {}
    for party in ("DE", "FR"):
        report = service.get(AUDITOR, f"/attribution?party={party}")
        for line in report["lines"]["items"]:
            for proof in line["entries"]:
                verified = verify_answer(json.dumps(proof).encode(), policy)
                assert verified.seq == proof["entry"]["seq"]
            if line["attribution"]["disbursement_id"] == paid:
                given[party] = line["attribution"]["amount"]
            else:
                assert line["attribution"]["ended_seq"] is not None
    return given


def test_the_books_of_a_fund_are_kept_asked_and_audited(
    service: Service,
    service_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = [one for one in valued()["bank_accounts"] if one["currency"] in CURRENCIES]
    service.open(**valued(currencies=CURRENCIES, bank_accounts=accounts))

    rates_imported(service)
    money_arrives(service)
    strays_are_placed(service)
    dollars_are_changed_and_the_rest_is_valued(service)
    a_slip_is_corrected(service)
    the_books_are_closed_and_opened_again(service)
    paid = a_payment_draws_on_three_kinds_of_money(service)
    given = a_parliament_asks(service, paid)

    # Tied money is Germany's. Of the window's 545.45, 200 are Germany's, 100 France's, and the
    # 245.45 that France's dollars brought; the unrestricted money is France's.
    assert given == {"DE": money(500), "FR": money(400)}
    trial = service.get(AUDITOR, "/trial-balance")
    assert trial["debits"] == trial["credits"]
    assert set(trial["debits"]) == set(CURRENCIES)
    bundle, trust = service.export(tmp_path / "b.zip"), service.trust(tmp_path / "t")
    report = verify(bundle, Policy.parse(trust.read_bytes()))
    assert (report.problems, report.result) == ([], "ok")
    assert main(["verify", str(bundle), "--trust", str(trust), "--quiet"]) == 0
    in_environment(monkeypatch, service_settings)
    assert main(["check", "test-fund"]) == 0
