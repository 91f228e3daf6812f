"""What one transaction makes of what waited: its limits, and what is left behind by a refusal."""

import pytest

from tests.support.builders import a_charter, a_pledge, money, treasury
from tests.support.service import Service


def test_a_batch_that_takes_too_long_to_decide_is_refused_and_its_fund_goes_on(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ledger.batch.DECIDE_S", -1.0)
    batch = [{"op": "pledge.announced", "key": f"k{n}", "data": a_pledge(money(1))} for n in (1, 2)]
    path = f"{fund.path}/batches"

    refused = [
        fund.raw(treasury("DE"), "POST", f"{path}?mode={mode}", json=batch)
        for mode in ("atomic", "each")
    ]
    monkeypatch.undo()
    again = fund.raw(treasury("DE"), "POST", path, json=batch)

    assert (refused[0].status_code, refused[0].json()["code"]) == (503, "batch_too_slow")
    assert refused[0].headers["Retry-After"] == "1"
    results = refused[1].json()["results"]
    assert [one["status"] for one in results] == [503, 503]
    assert [one["problem"]["code"] for one in results] == ["batch_too_slow", "batch_too_slow"]
    assert again.status_code == 201


def test_a_fund_that_was_not_opened_leaves_no_book_behind(service: Service) -> None:
    answer = service.raw(
        treasury("DE"), "POST", "/v1/funds", json=a_charter(fund="never"), headers={}
    )

    assert answer.status_code == 403
    assert len(service.inside.ledger._books) == 0
