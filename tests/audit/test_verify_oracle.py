"""A second verifier, written from the wire contract alone, says what ours says."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.audit.format.archive import CannotTell
from tests.support.tampering import Bundle

ORACLE = Path(__file__).parents[1] / "support" / "oracle.py"
EXIT = {"ok": 0, "wrong": 1, "cannot_tell": 2}


def judged(bundle: Bundle) -> tuple[int, int]:
    """The oracle's exit code and ours."""
    trust = bundle.folder / "trust.policy"
    trust.write_text(f"log {bundle.keys.of_log('test-fund').verifier}\nquorum none\n")
    command = [sys.executable, str(ORACLE), str(bundle.write()), str(trust)]
    oracle = subprocess.run(command, check=False, capture_output=True).returncode
    try:
        return oracle, EXIT[bundle.report().result]
    except CannotTell:
        return oracle, EXIT["cannot_tell"]


def test_both_accept_what_the_service_exports(bundle: Bundle) -> None:
    assert judged(bundle) == (0, 0)


@pytest.mark.parametrize("seq", [0, 3, 9])
def test_both_refuse_a_changed_entry(bundle: Bundle, seq: int) -> None:
    bundle.change(seq, lambda entry: entry["by"].update(subject="somebody-else"))
    bundle.resign()

    assert judged(bundle) == (1, 1)


def test_both_refuse_a_chain_that_was_recomputed(bundle: Bundle) -> None:
    bundle.change(4, lambda entry: entry["by"].update(subject="somebody-else"))
    bundle.rechain()
    bundle.resign()

    assert judged(bundle) == (1, 1)


def test_both_refuse_a_cut_tail_and_a_journal_that_does_not_balance(bundle: Bundle) -> None:
    cut = Bundle(dict(bundle.files), bundle.keys, bundle.folder)
    cut.lines = cut.lines[:-1]
    cut.resign()
    bundle.files["views/journal.csv"] = bundle.files["views/journal.csv"].replace(
        b"600.00", b"600.01", 1
    )
    bundle.resign()

    assert judged(cut) == (1, 1)
    assert judged(bundle) == (1, 1)


def test_both_cannot_tell_of_another_format(bundle: Bundle) -> None:
    bundle.resign(format="fund-ledger-audit/3")

    assert judged(bundle) == (2, 2)
