"""Views: neutralised text, totals that balance, every row naming its entry."""

import csv
import io
from pathlib import Path

from tests.support.builders import REQUESTER, a_request, money
from tests.support.service import Service
from tests.support.tampering import Bundle, made_by


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_every_row_names_an_entry_of_the_bundle(bundle: Bundle) -> None:
    for path, content in bundle.files.items():
        if path.startswith("views/"):
            found = rows(content)

            # No event of this version concerns a mandate.
            assert bool(found) is (path != "views/mandates.csv"), path
            assert all(0 <= int(row["seq"]) < len(bundle.lines) for row in found)


def test_the_journal_balances_entry_by_entry(bundle: Bundle) -> None:
    sums: dict[str, float] = {}
    for row in rows(bundle.files["views/journal.csv"]):
        amount = round(float(row["debit"] or 0) * 100) - round(float(row["credit"] or 0) * 100)
        sums[row["seq"]] = sums.get(row["seq"], 0) + amount

    assert len(sums) > 5
    assert set(sums.values()) == {0}


def test_the_trial_balance_balances(bundle: Bundle) -> None:
    found = rows(bundle.files["views/trial_balance.csv"])

    assert sum(round(float(row["balance"]) * 100) for row in found) == 0
    assert bundle.manifest["totals"]["debits"] == bundle.manifest["totals"]["credits"]


def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(fund: Service, tmp_path: Path) -> None:
    identifier = fund.requested(money(1))
    who, path, body = fund.waiting(identifier)[0]
    fund.post(who, path, {**body, "decision": "refuse", "reason": "=HYPERLINK(0)"})

    views = made_by(fund, tmp_path).files
    (row,) = rows(views["views/approvals.csv"])

    assert row["reason"] == "'=HYPERLINK(0)"
    assert "=HYPERLINK(0)" in rows(views["views/events.csv"])[-2]["sentence"]


def test_quotes_commas_and_lines_survive(fund: Service, tmp_path: Path) -> None:
    text = 'He said "no, thanks", twice'
    fund.post(REQUESTER, "/disbursements", a_request(money(1), description=text))

    views = made_by(fund, tmp_path).files

    assert rows(views["views/events.csv"])[-1]["sentence"].endswith(text)
