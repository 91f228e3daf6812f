"""A story of decisions: four governments that sign, mandates, a stand-in, a review that expires,
an approval taken back, a lost key, a vote that silence carries, another charter, an audit.
"""

from collections import Counter
from pathlib import Path

import pytest

from app.audit.report import Pins
from app.audit.verify import verify
from app.chain.policy import Policy
from app.cli.main import main
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    money,
)
from tests.support.decision_story import OLD_NL, kinds, told
from tests.support.service import FUND, Service
from tests.support.signers import kid_of


def test_decisions_are_made_signed_renewed_taken_back_dropped_and_audited(
    brisk: None, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = told(service, monkeypatch)

    (mandate,) = service.get(AUDITOR, "/mandates")["items"]
    entries = service.client(AUDITOR).get(f"{FUND}/entries?limit=500")["items"]
    bundle, trust = service.export(tmp_path / "b.zip"), service.trust(tmp_path / "t")
    party_keys = {party: [kid_of(key)] for party, key in story.keys.items()}
    party_keys["NL"].append(kid_of(OLD_NL))
    policy = Policy.parse(trust.read_bytes())
    report = verify(bundle, policy, Pins(party_keys=party_keys))
    stranger = verify(bundle, policy, Pins(party_keys={**party_keys, "IT": []}))

    # Half of what the window held was paid, so half of Germany's money went, under its mandate.
    assert (mandate["agreed"], mandate["released"]) == (money(400), money(200))
    assert (report.problems, report.result) == ([], "ok")
    signed = [entry for entry in entries if "jws" in entry]
    assert report.signatures == len(signed) > 20
    assert report.access_entries == 2
    assert [problem.check for problem in stranger.problems] == [9]
    counted = Counter(kinds(entries))
    assert (counted["clock.elapsed"], counted["matter.dropped"]) == (1, 2)
    assert main(["verify", str(bundle), "--trust", str(trust), "--quiet"]) == 0
    settled = service.get(REQUESTER, "/disbursements")["items"][0]["shares"]
    assert settled == {"DE": money(200), "FR": money(150), "NL": money(50)}
