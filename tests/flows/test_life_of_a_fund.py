"""Stories: the life of a fund from its charter to an audit, over HTTP, on both databases."""

from pathlib import Path

from app.audit.verify import verify
from app.chain.policy import Policy
from tests.support.builders import AUDITOR, money
from tests.support.service import Service


def test_money_comes_in_is_approved_goes_out_and_the_auditor_agrees(
    fund: Service, tmp_path: Path
) -> None:
    fund.paid("DE", money(600))
    fund.paid("FR", money(400))
    identifier = fund.requested(money(500))
    fund.approved(identifier)
    fund.settled(identifier)

    bundle, trust = fund.export(tmp_path / "b.zip"), fund.trust(tmp_path / "t")
    report = verify(bundle, Policy.parse(trust.read_bytes()))

    assert report.problems == []
    positions = {row["party"]: row for row in fund.get(AUDITOR, "/summary")["positions"]}
    assert positions["DE"]["disbursed"] == money(300)
    assert positions["FR"]["disbursed"] == money(200)
    assert positions["DE"]["received"] == money(600)
