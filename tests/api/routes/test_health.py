"""Health, keys and metrics: what machines read."""

import re

import pytest
from sqlalchemy import text

from app.workers.scrub import Scrub
from tests.support.builders import AUDITOR, REQUESTER, a_pledge, a_request, money, treasury
from tests.support.service import Service
from tests.support.tables import without_guards
from tests.support.waiting import until


def metrics(service: Service) -> str:
    return service.raw(AUDITOR, "GET", "/metrics").text


def test_a_healthy_service_is_alive_and_ready(fund: Service) -> None:
    assert fund.raw(AUDITOR, "GET", "/livez").json() == {"alive": True}
    ready = fund.raw(AUDITOR, "GET", "/readyz")

    assert ready.status_code == 200
    assert set(ready.json()["checks"].values()) == {True}


def test_a_service_whose_guards_are_gone_is_not_ready(alone: Service) -> None:
    database = alone.inside.database
    on = "" if database.dialect == "sqlite" else " ON entries"
    name = "guard_entries_delete" if database.dialect == "sqlite" else "guard_entries_row"
    with database.write() as connection:
        connection.execute(text(f"DROP TRIGGER {name}{on}"))

    ready = alone.raw(AUDITOR, "GET", "/readyz")

    assert ready.status_code == 503
    assert ready.json()["checks"]["guards"] is False
    assert "ledger_guards_ok 0.0" in metrics(alone)


def test_the_export_key_is_published_and_is_the_one_that_the_log_names(fund: Service) -> None:
    (key,) = fund.raw(AUDITOR, "GET", "/.well-known/jwks.json").json()["keys"]

    assert key["kid"] == fund.get(AUDITOR, "/entries/0")["entry"]["derived"]["export_kid"]
    assert "d" not in key


@pytest.mark.usefixtures("brisk")
def test_metrics_count_what_happened(alone: Service) -> None:
    alone.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    alone.raw(treasury("DE"), "POST", f"{alone.path}/pledges", json={"window": "budget"})
    alone.raw(REQUESTER, "POST", f"{alone.path}/pledges", json=a_pledge(money(1)))
    alone.post(REQUESTER, "/disbursements", a_request(money(5)))

    waiting = 'ledger_approvals_pending{step="legal_review"} 2.0'
    until(lambda: waiting in metrics(alone))
    text = metrics(alone)

    pledges = 'method="POST",route="/v1/funds/{fund}/pledges"'
    assert f'ledger_http_requests_total{{code="201",{pledges}}} 1.0' in text
    assert f'ledger_http_requests_total{{code="422",{pledges}}} 1.0' in text
    assert 'ledger_append_total{result="committed"} 3.0' in text
    assert 'ledger_append_total{result="refused"} 1.0' in text
    assert 'ledger_entries_appended_total{type="pledge.announced"} 1.0' in text
    assert 'ledger_chain_head_seq{fund="test-fund"} 2.0' in text
    assert 'ledger_checkpoint_size{fund="test-fund"} 3.0' in text
    assert re.search(r'ledger_approval_oldest_pending_seconds{step="no_objection"} \d', text)
    assert "ledger_append_queue_depth 0.0" in text
    assert "ledger_commit_duration_seconds_count 4.0" in text


def test_metrics_name_no_person_no_amount_and_no_path(fund: Service) -> None:
    fund.post(treasury("DE"), "/pledges", a_pledge(money("123456.78")))
    fund.raw(AUDITOR, "GET", "/no/such/path/secret-7")

    text = metrics(fund)

    assert "de-treasury" not in text
    assert "123456" not in text
    assert "secret-7" not in text
    assert 'route="unmatched"' in text


def test_refused_tokens_are_counted_by_reason(service: Service) -> None:
    bearer = {"Authorization": "Bearer x.y.z"}
    service.raw(AUDITOR, "GET", "/v1/funds", headers=bearer)

    assert 'ledger_auth_failures_total{reason="malformed"} 1.0' in metrics(service)


def test_the_patrol_walks_the_log_and_finds_what_was_changed(alone: Service) -> None:
    here = alone.inside
    for number in range(1, 5):
        alone.post(treasury("DE"), "/pledges", a_pledge(money(number)))
    scrub = Scrub(here.database, here.notary, here.ledger.damages, here.metrics)

    scrub.look()
    before = metrics(alone)
    for seq in (2, 4):
        # Also the last one, which no later entry names.
        changed = f"UPDATE entries SET body = replace(body, '\"{seq}.00\"', '\"9.00\"')"
        without_guards(alone.settings, f"{changed} WHERE seq = {seq}")
        scrub.look()
        restored = f"UPDATE entries SET body = replace(body, '\"9.00\"', '\"{seq}.00\"')"
        without_guards(alone.settings, f"{restored} WHERE seq = {seq}")
    scrub.look()

    failed = 'ledger_chain_verification_failures_total{fund="test-fund"} 2.0'
    assert 'ledger_chain_last_verified_seq{fund="test-fund"} 4.0' in before
    assert failed in metrics(alone)
