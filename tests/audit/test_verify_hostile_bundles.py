"""Bundles made to do damage: a verdict or `cannot tell`, in little memory, never a traceback."""

import json
from typing import Any

import pytest

from app.audit.format.archive import CannotTell
from app.audit.receipt import verify_answer
from app.audit.verify import verify
from app.chain.tree import ProofError
from tests.support.tampering import Bundle


def rewritten(bundle: Bundle, seq: int, **members: Any) -> None:
    """Change an entry's members and make everything fit again, with the ledger's own keys."""
    bundle.change(seq, lambda entry: entry.update(members))
    bundle.rechain()
    bundle.resign(log=True)


def test_a_charter_of_another_fund_is_refused(bundle: Bundle) -> None:
    charter = {**bundle.entry(0)["data"], "fund": "other-fund"}

    rewritten(bundle, 0, data=charter)

    first = bundle.report().first
    assert first is not None
    assert (first.seq, first.why) == (0, "the charter is that of another fund")


def test_a_bundle_whose_fund_is_not_the_logs_is_refused(bundle: Bundle) -> None:
    for seq in range(len(bundle.lines)):
        bundle.change(seq, lambda entry: entry.update(fund="other-fund"))
    charter = {**bundle.entry(0)["data"], "fund": "other-fund"}
    bundle.change(0, lambda entry: entry.update(data=charter))
    bundle.rechain()
    bundle.resign(log=True, fund="other-fund")

    assert any("not the log's" in problem.why for problem in bundle.report().problems)


def test_the_end_of_time_is_a_verdict_and_no_crash(bundle: Bundle) -> None:
    seq = bundle.first("receipt.booked")

    rewritten(bundle, seq - 1, at="9999-12-31T23:59:59.999999Z")
    bundle.change(seq, lambda entry: entry.update(at="9999-12-31T23:59:59.999999Z"))
    bundle.rechain()
    bundle.resign(log=True)

    assert bundle.report().result == "wrong"


def test_a_verifier_that_fails_itself_cannot_tell(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("app.audit.verify.Replay.step", broken)

    with pytest.raises(CannotTell, match="the verifier itself failed: MemoryError"):
        bundle.report()


def test_a_bundle_of_nothing_but_garbage_is_not_described_line_by_line(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.audit.verify.MAX_PROBLEMS", 5)
    bundle.lines = [b"garbage"] * len(bundle.lines)

    report = bundle.report()

    assert report.result == "wrong"
    assert len([one for one in report.problems if one.check == 4]) == 5


def answers(bundle: Bundle) -> dict[str, Any]:
    """A single write's answer with a consequence, put together from a bundle by hand."""
    seq = bundle.first("agreement.entered_into_force")
    return {"entry": bundle.entry(seq - 1), "consequences": [bundle.entry(seq)], "receipt": "x"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"remark": "believe me"}, "not an answer of the ledger"),
        ({"results": []}, "not an answer of the ledger"),
        ({"entry": None, "results": [{"status": 201, "key": "k"}]}, "is said to be recorded"),
    ],
)
def test_an_answer_with_something_added_or_left_out_is_not_ok(
    bundle: Bundle, change: dict[str, Any], why: str
) -> None:
    changed = {**answers(bundle), **change}
    answer = {name: value for name, value in changed.items() if value is not None}

    with pytest.raises((CannotTell, ProofError), match=why):
        verify_answer(json.dumps(answer).encode(), bundle.policy())


def test_a_second_log_that_the_trust_file_names_must_be_there(bundle: Bundle) -> None:
    second = bundle.keys.of_log("test-fund/access").verifier
    policy = bundle.policy(f"log {second}\nquorum none")
    assert not any(name.startswith("access/") for name in bundle.files)

    report = verify(bundle.write(), policy)

    assert [(problem.check, problem.seq) for problem in report.problems] == [(10, None)]
    assert "is not here" in report.problems[0].why
