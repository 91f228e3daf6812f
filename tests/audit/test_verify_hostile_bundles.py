"""Bundles made to do damage: a verdict or `cannot tell`, in little memory, never a traceback."""

import json
import zipfile
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


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_that_python_unpacks_without_a_limit_is_not_opened(
    bundle: Bundle, compression: int
) -> None:
    path = bundle.folder / "bomb.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in bundle.files.items():
            archive.writestr(name, content)

    with pytest.raises(CannotTell, match="neither stored nor deflated"):
        verify(path, bundle.policy())


@pytest.mark.parametrize(
    ("event", "half", "path", "other"),
    [
        ("disbursement.approved", "derived", ("cause",), True),
        ("agreement.drafted", "data", ("instalments",), False),
        ("fund.opened", "derived", ("log_vkey",), "no key"),
        ("fund.opened", "derived", ("export_kid",), "\u001b[2J"),
        ("receipt.booked", "data", ("value_date",), 7),
    ],
)
def test_a_value_that_no_ledger_records_is_wrong_and_not_merely_unknown(
    bundle: Bundle, event: str, half: str, path: tuple[str, ...], other: Any
) -> None:
    seq = bundle.first(event)

    def edit(entry: dict[str, Any]) -> None:
        *way, last = path
        members = entry[half]
        for name in way:
            members = members[name]
        members[last] = other

    bundle.change(seq, edit)
    bundle.assert_first_wrong_at(seq)


@pytest.mark.parametrize("name", ["fund", "origin"])
def test_what_a_manifest_says_cannot_steer_a_terminal(bundle: Bundle, name: str) -> None:
    claims: dict[str, Any] = {name: "era\nok: every check passed\u001b[8m"}
    bundle.resign(**claims)

    with pytest.raises(CannotTell, match="no name"):
        bundle.report()


@pytest.mark.parametrize("time", ["2zzz", "2999-01-01", "2999-01-01T00:00:00.000000+00:00"])
def test_a_manifests_time_is_one(bundle: Bundle, time: str) -> None:
    bundle.resign(time=time)

    assert [problem.check for problem in bundle.report().problems] == [8]


@pytest.mark.parametrize(
    "proof",
    [
        {"proof": [], "size": 1},
        {"proof": ["00" * 32], "size": 3},
        {"proof": [], "size": 10_000},
        {"proof": [], "size": True},
        {"proof": 7, "size": 1},
        {"size": 1},
    ],
)
def test_a_proof_of_growth_that_proves_nothing_is_wrong(
    bundle: Bundle, proof: dict[str, Any]
) -> None:
    bundle.files["consistency.json"] = json.dumps(proof).encode()
    bundle.resign()

    report = bundle.report()
    assert report.result == "wrong"
    assert "consistency.json" in "".join(problem.why for problem in report.problems)


def test_problems_without_end_are_not_all_reported(bundle: Bundle) -> None:
    junk = b"\n".join([b"x"] * 5_000)
    bundle.files["access/entries/00000000.jsonl"] = junk
    bundle.files["entries/00000000.jsonl"] = junk
    bundle.resign()

    assert len(bundle.report().problems) < 2_500
