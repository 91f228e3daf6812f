"""The request's line in the log: what was asked, by whom, what was answered, and no more."""

import io
import json
from typing import Any

import httpx
import pytest

from app.runtime import logs
from tests.support.builders import AUDITOR, a_pledge, money, treasury
from tests.support.service import Service
from tests.support.waiting import until


@pytest.fixture
def written(on_sqlite: Service) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream=stream, level="debug")
    return stream


def lines(stream: io.StringIO, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


def line_of(stream: io.StringIO, answer: httpx.Response) -> dict[str, Any]:
    """The request's line; it is written once the answer is sent."""

    def found() -> list[dict[str, Any]]:
        asked = answer.headers["request-id"]
        return [one for one in lines(stream, "http_request") if one.get("request_id") == asked]

    (line,) = until(found)
    return line


def test_every_request_has_a_line(on_sqlite: Service, written: io.StringIO) -> None:
    service = on_sqlite.another()

    pledge = a_pledge(money(7))
    answer = service.raw(treasury("DE"), "POST", f"{service.path}/pledges", json=pledge)

    line = line_of(written, answer)
    assert line.pop("duration_ms") > 0
    assert {name: line[name] for name in ("method", "route", "status", "fund", "party")} == {
        "method": "POST",
        "route": "/v1/funds/{fund}/pledges",
        "status": 201,
        "fund": service.fund,
        "party": "DE",
    }
    assert line["request_id"]
    assert "7.00" not in written.getvalue()


def test_the_instance_of_a_problem_is_found_in_the_log(
    on_sqlite: Service, written: io.StringIO
) -> None:
    service = on_sqlite.another()

    answer = service.raw(treasury("DE"), "POST", f"{service.path}/pledges", json={"window": "no"})
    problem = answer.json()

    line = line_of(written, answer)
    assert line["request_id"] == problem["instance"]
    assert line["code"] == problem["code"]
    assert line["status"] == problem["status"]


def test_a_refused_token_is_told_with_its_reason_and_without_itself(
    on_sqlite: Service, written: io.StringIO
) -> None:
    token = on_sqlite.token(AUDITOR)
    bad = token[:-6] + "AAAAAA"

    answer = on_sqlite.raw(
        AUDITOR, "GET", "/v1/funds", headers={"Authorization": f"Bearer {bad}"}
    ).json()

    (line,) = lines(written, "token_refused")
    assert line["reason"] == "signature"
    assert line["issuer"].startswith("urn:fundledger:development:")
    assert line["request_id"] == answer["instance"]
    assert bad[-40:] not in written.getvalue()


def test_what_machines_ask_all_the_time_fills_no_log(
    on_sqlite: Service, written: io.StringIO
) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert on_sqlite.raw(AUDITOR, "GET", path).is_success

    other = on_sqlite.raw(AUDITOR, "GET", "/v1/funds")
    line_of(written, other)
    assert not {"/livez", "/readyz"} & {line["route"] for line in lines(written, "http_request")}


def test_a_path_that_pretends_to_be_a_line_is_one_line(
    on_sqlite: Service, written: io.StringIO
) -> None:
    answer = on_sqlite.raw(AUDITOR, "GET", "/no%0A%7B%22event%22%3A%22all_is_well%22%7D%E2%80%AE")

    assert line_of(written, answer)["route"].isprintable()
    assert not lines(written, "all_is_well")
