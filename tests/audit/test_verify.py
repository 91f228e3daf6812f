"""The verifier: every way of changing a bundle is found, with the entry and the reason."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit.memory import Memory
from app.audit.report import Pins
from app.audit.verify import verify
from app.chain.canonical import encode
from app.chain.jws import sign_detached
from app.chain.note import COSIGNATURE, Note, NoteKey
from app.chain.policy import Policy
from tests.support.tampering import Bundle


def test_what_the_service_exports_verifies(bundle: Bundle) -> None:
    report = bundle.report()

    assert report.problems == []
    assert report.size == len(bundle.lines)
    assert report.not_checked


def test_a_changed_payload_is_found_and_the_entry_named(bundle: Bundle) -> None:
    for seq in range(len(bundle.lines) - 1):
        tampered = Bundle(dict(bundle.files), bundle.keys, bundle.folder)
        tampered.change(seq, lambda entry: entry["by"].update(subject="somebody-else"))
        tampered.resign()

        first = tampered.report().first

        assert first is not None
        assert first.seq in ((seq, seq - 1) if seq == len(bundle.lines) - 2 else (seq,))


def test_a_changed_last_entry_is_found(bundle: Bundle) -> None:
    last = len(bundle.lines) - 1
    bundle.change(last, lambda entry: entry["by"].update(subject="somebody-else"))
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert first.seq == last


def test_a_chain_that_was_recomputed_does_not_make_the_signed_root(bundle: Bundle) -> None:
    bundle.change(3, lambda entry: entry.update(at="2020-01-01T00:00:00.000000Z"))
    bundle.rechain()
    bundle.resign()

    assert any("was signed" in problem.why for problem in bundle.report().problems)


def amount_raised(entry: dict[str, Any]) -> None:
    entry["data"]["amount"]["amount"] = "9000.00"


def by_another_person(entry: dict[str, Any]) -> None:
    entry["by"]["subject"] = "fr-legal-reviewer"


def by_a_party_that_is_not_in_the_fund(entry: dict[str, Any]) -> None:
    entry["by"]["party"] = "XX"


def in_a_role_not_held(entry: dict[str, Any]) -> None:
    entry["by"]["role"] = "treasury"


def pointing_at_another_request(entry: dict[str, Any]) -> None:
    entry["data"]["digest"] = "0" * 64


def refused_instead(entry: dict[str, Any]) -> None:
    entry.update(type="approval.refused")


def for_another_step(entry: dict[str, Any]) -> None:
    entry["data"]["step"] = "treasury_release"


def with_other_shares(entry: dict[str, Any]) -> None:
    (draw,) = entry["derived"]["draws"]
    shares = draw["shares"]
    shares["DE"]["amount"], shares["FR"]["amount"] = "299.99", "200.01"


def counting_other_ballots(entry: dict[str, Any]) -> None:
    entry["derived"]["ballots"] = entry["derived"]["ballots"][:-1]


def of_an_unknown_type(entry: dict[str, Any]) -> None:
    entry["type"] = "approval.given.2"


def with_an_extra_member(entry: dict[str, Any]) -> None:
    entry["data"]["surprise"] = "x"


def with_a_member_in_the_wrong_half(entry: dict[str, Any]) -> None:
    entry["derived"] = {"step": entry["data"].pop("step")}


def with_a_signature(entry: dict[str, Any]) -> None:
    entry["jws"] = "a..b"


def by_nobody_known(entry: dict[str, Any]) -> None:
    entry["by"]["role"] = "emperor"


@pytest.mark.parametrize(
    ("event_type", "edit"),
    [
        ("receipt.booked", amount_raised),
        ("approval.given", by_another_person),
        ("approval.given", with_a_signature),
        ("approval.given", by_a_party_that_is_not_in_the_fund),
        ("approval.given", in_a_role_not_held),
        ("approval.given", pointing_at_another_request),
        ("approval.given", refused_instead),
        ("approval.given", for_another_step),
        ("approval.given", with_an_extra_member),
        ("approval.given", with_a_member_in_the_wrong_half),
        ("approval.given", by_nobody_known),
        ("disbursement.reserved", with_other_shares),
        ("disbursement.approved", counting_other_ballots),
    ],
)
def test_even_with_the_logs_own_key_rules_cannot_be_bent(
    bundle: Bundle, event_type: str, edit: Callable[[dict[str, Any]], None]
) -> None:
    """Chain, root, checkpoint, digests and manifest all fit: only re-execution sees it."""
    seq = bundle.first(event_type)
    bundle.change(seq, edit)
    bundle.rechain()
    bundle.resign(log=True)

    first = bundle.report().first

    assert first is not None
    # Refusing at a step makes its consequence due: the entry behind it is the one that is wrong.
    assert first.seq in (seq, seq + 1)
    assert first.check == 5


@pytest.mark.parametrize("edit", [of_an_unknown_type])
def test_what_a_newer_version_may_know_this_one_cannot_tell(
    bundle: Bundle, edit: Callable[[dict[str, Any]], None]
) -> None:
    seq = bundle.first("approval.given")
    bundle.change(seq, edit)
    bundle.rechain()
    types = {**bundle.manifest["totals"]["by_type"]}
    bundle.resign(log=True, totals={**bundle.manifest["totals"], "by_type": types})

    report = bundle.report()

    assert (report.result, [problem.seq for problem in report.problems]) == ("cannot_tell", [seq])


def test_an_id_that_stands_twice_is_found(bundle: Bundle) -> None:
    other = bundle.entry(2)["id"]
    bundle.change(3, lambda entry: entry.update(id=other))
    bundle.rechain()
    bundle.resign(log=True)

    assert [(p.check, p.seq) for p in bundle.report().problems] == [(4, 3)]


@pytest.mark.parametrize("time", ["yesterday", "1999-01-01T00:00:00.000000Z"])
def test_a_manifest_from_before_its_entries_is_found(bundle: Bundle, time: str) -> None:
    bundle.resign(time=time)

    assert {problem.check for problem in bundle.report().problems} == {8}


def test_a_view_that_nothing_recomputes_is_refused(bundle: Bundle) -> None:
    bundle.files["views/summary.csv"] = b"all,is,well\r\n"
    bundle.resign()

    assert [problem.check for problem in bundle.report().problems] == [7]


@pytest.mark.parametrize("keys", [["x"], {"a": 1}, None, [{"kid": 7}]])
def test_a_malformed_key_file_is_no_key(bundle: Bundle, keys: Any) -> None:
    bundle.files["keys.json"] = json.dumps({"jwks": {"keys": keys}}).encode()
    bundle.resign()

    assert {problem.check for problem in bundle.report().problems} == {8}


def test_an_inserted_line_is_named_by_its_place(bundle: Bundle) -> None:
    lines = bundle.lines
    lines.insert(8, lines[7])
    bundle.lines = lines
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert first.seq == 8


def test_an_approval_that_is_left_out_is_missed(bundle: Bundle) -> None:
    lines = bundle.lines
    del lines[bundle.first("approval.given")]
    bundle.lines = lines
    bundle.rechain()
    bundle.resign(log=True)

    first = bundle.report().first

    assert first is not None
    assert first.check == 5


def test_a_consequence_that_is_left_out_is_missed(bundle: Bundle) -> None:
    seq = bundle.first("disbursement.reserved")
    lines = bundle.lines
    del lines[seq]
    bundle.lines = lines
    bundle.rechain()
    bundle.resign(log=True)

    first = bundle.report().first

    assert first is not None
    assert (first.seq, first.check) == (seq, 5)


def test_a_consequence_that_is_left_out_at_the_end_is_missed(bundle: Bundle) -> None:
    seq = bundle.first("disbursement.reserved")
    bundle.lines = bundle.lines[:seq]
    bundle.resign(log=True)

    problems = bundle.report().problems

    assert any("must follow it and does not" in problem.why for problem in problems)


def test_a_consequence_that_is_invented_is_refused(bundle: Bundle) -> None:
    bundle.repeat(bundle.first("disbursement.approved"))
    bundle.rechain()
    bundle.resign(log=True)

    first = bundle.report().first

    assert first is not None
    assert "nothing brought disbursement.approved about" in first.why


def test_a_second_genesis_is_refused(bundle: Bundle) -> None:
    bundle.repeat(0)
    bundle.rechain()
    bundle.resign(log=True)

    first = bundle.report().first

    assert first is not None
    assert "already_exists" in first.why


def test_a_second_thing_under_the_same_id_is_refused(bundle: Bundle) -> None:
    """Not even the holder of the log's key can begin an agreement in force anew."""
    bundle.repeat(bundle.first("agreement.drafted"))
    bundle.rechain()
    bundle.resign(log=True)

    first = bundle.report().first

    assert first is not None
    assert "is there already" in first.why


def test_entries_that_were_swapped_are_found(bundle: Bundle) -> None:
    lines = bundle.lines
    lines[2], lines[3] = lines[3], lines[2]
    bundle.lines = lines
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert first.seq == 2


def test_a_tail_that_was_cut_is_found(bundle: Bundle) -> None:
    bundle.lines = bundle.lines[:-2]
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert "entries end at" in first.why


def test_entries_beyond_the_signed_tree_are_found(bundle: Bundle) -> None:
    bundle.lines = [*bundle.lines, bundle.lines[-1]]
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert "more entries" in first.why


def test_a_checkpoint_of_another_key_is_refused(bundle: Bundle) -> None:
    forger = NoteKey(bundle.keys.of_log("test-fund").name, Ed25519PrivateKey.generate())
    text = Note.parse(bundle.files["checkpoint"]).text
    bundle.files["checkpoint"] = Note(text, ()).signed_by(forger).to_bytes()
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert first.check == 3


def test_a_log_that_the_trust_file_does_not_name_is_refused(bundle: Bundle) -> None:
    other = NoteKey("elsewhere.example/test-fund", Ed25519PrivateKey.generate()).verifier

    report = verify(bundle.write(), Policy.parse(f"log {other}\nquorum none\n".encode()))

    assert report.result == "wrong"
    assert any(problem.check == 3 for problem in report.problems)


def test_a_quorum_of_witnesses_is_demanded_where_the_trust_file_does(bundle: Bundle) -> None:
    witness = NoteKey("witness.example", Ed25519PrivateKey.generate(), COSIGNATURE)
    trust = f"witness w {witness.verifier}\nquorum w"

    without = verify(bundle.write(), bundle.policy(trust))
    note = Note.parse(bundle.files["checkpoint"]).cosigned_by(witness, 1_800_000_000)
    bundle.files["checkpoint"] = note.to_bytes()
    bundle.resign()
    cosigned = verify(bundle.write(), bundle.policy(trust))

    assert any("quorum" in problem.why for problem in without.problems)
    assert (cosigned.problems, cosigned.witnesses) == ([], ["witness.example"])


def test_a_manifest_signed_by_another_key_is_refused(bundle: Bundle) -> None:
    forger = ec.generate_private_key(ec.SECP256R1())
    header = {"typ": "fund-ledger-export+jws", "fund": "test-fund"}
    jws = sign_detached(bundle.files["manifest.json"], forger, header)
    bundle.files["manifest.jws"] = jws.encode()

    assert {problem.check for problem in bundle.report().problems} == {8}


def test_a_manifest_signature_made_for_something_else_is_refused(bundle: Bundle) -> None:
    body = bundle.files["manifest.json"]
    jws = sign_detached(body, bundle.keys.of_exports(), {"typ": "other", "fund": "test-fund"})
    bundle.files["manifest.jws"] = jws.encode()

    assert {problem.check for problem in bundle.report().problems} == {8}


def test_a_pinned_charter_is_compared(bundle: Bundle) -> None:
    digest = hashlib.sha256(encode(bundle.entry(0)["data"])).hexdigest()

    same = verify(bundle.write(), bundle.policy(), Pins(digest))
    other = verify(bundle.write(), bundle.policy(), Pins("0" * 64))

    assert same.result == "ok"
    assert [(p.check, p.seq) for p in other.problems] == [(9, 0)]


def test_what_was_verified_before_must_still_be_the_beginning(
    bundle: Bundle, tmp_path: Path
) -> None:
    policy, folder = bundle.policy(), tmp_path / "memory"
    memory = Memory(folder, policy)
    shorter = Bundle(dict(bundle.files), bundle.keys, bundle.folder)
    shorter.lines = shorter.lines[:-3]
    shorter.resign(log=True)
    rewritten = Bundle(dict(bundle.files), bundle.keys, bundle.folder)
    rewritten.change(1, amount_raised)
    rewritten.rechain()
    rewritten.resign(log=True)

    memory.keep(bundle.files["checkpoint"])
    pins = Pins(recall=memory.recall)

    assert verify(bundle.write(), policy, pins).result == "ok"
    cut = verify(shorter.write(), policy, pins)
    other = verify(rewritten.write(), policy, pins)
    assert any(p.check == 9 and "now there are" in p.why for p in cut.problems)
    assert any(p.check == 9 and "verified before" in p.why for p in other.problems)
