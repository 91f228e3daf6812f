"""The export: large sums, clocks that step back, readers that come twice or go away."""

import gc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.audit.format.layout import entries_path
from app.audit.verify import verify
from app.chain.policy import Policy
from app.client import Client
from app.export.bundle import write_bundle
from app.runtime.clock import now
from tests.support.builders import AUDITOR, REQUESTER, a_pledge, a_recent_receipt, money, treasury
from tests.support.service import Service


def test_turnover_beyond_a_single_amount_is_exported_and_verified(
    fund: Service, tmp_path: Path
) -> None:
    for party in ("DE", "FR"):
        amount = money("4000000000000000.00")
        identifier = fund.agreed(party, amount)
        fund.post(treasury(party), "/receipts", a_recent_receipt(identifier, amount, f"IN-{party}"))

    bundle, trust = fund.export(tmp_path / "b.zip"), fund.trust(tmp_path / "t")

    assert verify(bundle, Policy.parse(trust.read_bytes())).problems == []


def test_a_clock_that_stepped_back_does_not_spoil_an_export(fund: Service, tmp_path: Path) -> None:
    here = fund.inside
    with here.database.read() as connection:
        early = datetime(2020, 1, 1, tzinfo=UTC)
        content = b"".join(write_bundle(connection, fund.fund, here.notary.keys, early))
    (tmp_path / "b.zip").write_bytes(content)
    trust = fund.trust(tmp_path / "t")

    report = verify(tmp_path / "b.zip", Policy.parse(trust.read_bytes()))

    assert report.problems == []


def test_a_party_has_one_export_at_a_time_and_nobody_waits_for_another_party(
    fund: Service,
) -> None:
    slots = fund.inside.exports
    assert slots.take((fund.fund, "AUDIT"))

    busy = fund.raw(AUDITOR, "GET", f"{fund.path}/exports/audit")
    other = fund.raw(REQUESTER, "GET", f"{fund.path}/exports/audit")
    slots.give_back((fund.fund, "AUDIT"))
    again = fund.raw(AUDITOR, "GET", f"{fund.path}/exports/audit")

    assert (busy.status_code, busy.json()["code"]) == (503, "busy")
    assert other.status_code == again.status_code == 200


def test_an_export_that_is_given_up_leaves_nothing_open(fund: Service) -> None:
    here = fund.inside
    with here.database.read() as connection:
        for taken in range(1, 12):
            pieces = write_bundle(connection, fund.fund, here.notary.keys, now())
            for _ in range(taken):
                next(pieces)
            pieces.close()
            del pieces
            # An open file or an unfinished archive would be a warning here, and so an error.
            gc.collect()


def test_an_export_whose_reader_goes_away_frees_its_place(fund: Service) -> None:
    headers = {"Authorization": f"Bearer {fund.token(AUDITOR)}"}
    url = f"{fund.address}{fund.path}/exports/audit"
    with httpx.Client() as client, client.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200

    with Client(fund.address, fund.token(AUDITOR)) as auditor:
        pieces = b"".join(auditor.download(f"{fund.path}/exports/audit"))

    assert pieces.startswith(b"PK")


def test_a_log_of_several_files_is_exported_and_verified(
    fund: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With eight entries to a file instead of 65,536; the format is the same."""
    for module in ("export.bundle", "audit.checks.entry_files"):
        monkeypatch.setattr(f"app.{module}.ENTRIES_PER_FILE", 8)
    for number in range(1, 16):
        fund.post(treasury("DE"), "/pledges", a_pledge(money(number)))

    bundle, trust = fund.export(tmp_path / "b.zip"), fund.trust(tmp_path / "t")

    with zipfile.ZipFile(bundle) as archive:
        counts = [archive.read(entries_path(n)).count(b"\n") for n in range(2)]
    assert counts == [8, 8]
    assert verify(bundle, Policy.parse(trust.read_bytes())).problems == []
