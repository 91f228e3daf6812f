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

            # Nobody in this fund needs a mandate.
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


def test_a_disbursement_says_for_whom_what_for_whose_money_and_what_the_bank_did(
    bundle: Bundle,
) -> None:
    found = {row["event"]: row for row in rows(bundle.files["views/disbursements.csv"])}

    requested, reserved = found["disbursement.requested"], found["disbursement.reserved"]
    assert (requested["recipient"], requested["purpose"]) == ("UA", "pensions")
    assert {row["window"] for row in found.values()} == {"budget"}
    assert reserved["shares"].startswith("DE ")
    assert "; FR " in reserved["shares"]
    assert found["disbursement.instructed"]["bank_account"] == "BANK-EUR"
    settled = found["disbursement.settled"]
    assert settled["bank_reference"].startswith("OUT-")
    assert settled["value_date"]
    assert (settled["party"], settled["role"]) == ("TRUSTEE", "trustee")


def test_shares_are_one_row_a_contributor_and_sum_to_the_amount(bundle: Bundle) -> None:
    found = rows(bundle.files["views/shares.csv"])
    amounts: dict[str, list[int]] = {}
    for row in found:
        amounts.setdefault(row["disbursement_id"], []).append(round(float(row["amount"]) * 100))
    asked = {
        row["disbursement_id"]: round(float(row["amount"]) * 100)
        for row in rows(bundle.files["views/disbursements.csv"])
    }

    assert {row["contributor"] for row in found} == {"DE", "FR"}
    assert {identifier: sum(parts) for identifier, parts in amounts.items()} == {
        identifier: asked[identifier] for identifier in amounts
    }


def test_an_approval_says_whether_and_with_which_key_it_is_signed(bundle: Bundle) -> None:
    found = rows(bundle.files["views/approvals.csv"])

    assert {(row["signed"], row["key_id"]) for row in found} == {("no", "")}
    assert {row["decision"] for row in found} == {"approve"}


def test_a_contribution_names_its_agreement_and_the_banks_word(bundle: Bundle) -> None:
    found = rows(bundle.files["views/contributions.csv"])

    booked = next(row for row in found if row["event"] == "receipt.booked")
    signed = next(row for row in found if row["event"] == "agreement.signed")
    assert booked["agreement_id"] == signed["agreement_id"]
    assert (booked["bank_account"], booked["value_date"] != "") == ("BANK-EUR", True)
    assert signed["contributor"] == booked["contributor"]


def test_a_journal_line_says_which_act_brought_it_and_what_for(bundle: Bundle) -> None:
    found = rows(bundle.files["views/journal.csv"])

    line = next(row for row in found if row["event"] == "receipt.booked")
    assert (line["party"], line["role"]) == ("DE", "treasury")
    assert "bank reference" in line["narration"] or line["narration"]
