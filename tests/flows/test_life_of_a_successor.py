"""A log ends by decision, and another fund continues it; an auditor walks both."""

from pathlib import Path
from typing import Any

import pytest

from app.audit.report import Pins, Report
from app.audit.verify import verify
from app.chain.policy import Policy
from app.cli.main import main
from app.client import Refused
from app.domain.values import Role
from tests.support.builders import REQUESTER, TRUSTEE, Person, a_charter, a_pledge, money, treasury
from tests.support.service import Service


def decided(service: Service, subject: dict[str, Any]) -> None:
    """The trustee proposes it, both governments vote for it."""
    body = {"title": "The log", "subject": subject}
    opened = service.post(TRUSTEE, "/proposals", body)
    identifier = opened["entry"]["derived"]["proposal_id"]
    digest = service.get(TRUSTEE, f"/proposals/{identifier}")["proposal"]["digest"]
    for party in ("DE", "FR"):
        ballot = {"matter_id": identifier, "digest": digest, "choice": "in_favour"}
        approver = Person(party, Role.TREASURY_APPROVER)
        service.post(approver, f"/votes/{identifier}/ballots", ballot)


def policy(service: Service, *funds: str) -> str:
    keys = service.inside.notary.keys
    return "".join(f"log {keys.of_log(fund).verifier}\n" for fund in funds) + "quorum none\n"


def exported(service: Service, fund: str, path: Path) -> Path:
    with path.open("wb") as file:
        for piece in service.client(REQUESTER).download(f"/v1/funds/{fund}/exports/audit"):
            file.write(piece)
    return path


def succeeded(service: Service, old: Report) -> None:
    """The next fund names how the old one ended."""
    ended = {"origin": old.origin, "size": old.size, "root": old.root}
    charter = a_charter(succeeds=ended, fund=next_of(service))
    service.client(TRUSTEE).post("/v1/funds", charter, service.key())


def next_of(service: Service) -> str:
    """The name of the fund that comes after."""
    return f"{service.fund}-next"


def test_a_log_that_ended_takes_nothing_and_is_continued_by_another(
    fund: Service, tmp_path: Path
) -> None:
    fund.paid("DE", money(100))
    decided(fund, {"kind": "closing", "reason": "Moved", "successor": next_of(fund)})
    with pytest.raises(Refused) as refused:
        fund.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    trust = policy(fund, fund.fund, next_of(fund))
    old_bundle = exported(fund, fund.fund, tmp_path / "old.zip")
    old = verify(old_bundle, Policy.parse(trust.encode()))
    succeeded(fund, old)
    new_bundle = exported(fund, next_of(fund), tmp_path / "new.zip")

    alone = verify(new_bundle, Policy.parse(trust.encode()))
    together = verify(new_bundle, Policy.parse(trust.encode()), Pins(predecessor=old))

    assert refused.value.code == "log_is_closed"
    assert (old.problems, old.closed) == ([], True)
    assert together.problems == []
    assert any("predecessor" in what for what in alone.not_checked)
    file = tmp_path / "trust.policy"
    file.write_text(trust)
    arguments = ["--trust", str(file), "--quiet", "--predecessor", str(old_bundle)]
    assert main(["verify", str(new_bundle), *arguments]) == 0
    assert main(["verify", str(old_bundle), *arguments]) == 1


def test_a_log_that_has_not_ended_or_ended_otherwise_is_no_predecessor(
    fund: Service, tmp_path: Path
) -> None:
    trust = Policy.parse(policy(fund, fund.fund, next_of(fund)).encode())
    running = verify(exported(fund, fund.fund, tmp_path / "old.zip"), trust)
    succeeded(fund, running)
    new_bundle = exported(fund, next_of(fund), tmp_path / "new.zip")
    fund.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    longer = verify(exported(fund, fund.fund, tmp_path / "longer.zip"), trust)

    for before in (running, longer):
        report = verify(new_bundle, trust, Pins(predecessor=before))
        assert [problem.check for problem in report.problems] == [12]
