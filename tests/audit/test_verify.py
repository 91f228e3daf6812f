"""The verifier: every way of changing a bundle is found, with the entry and the reason."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit.archive import CannotTell
from app.audit.memory import Memory
from app.audit.verify import Pins, verify
from app.chain.canonical import encode
from app.chain.jws import sign_detached
from app.chain.note import COSIGNATURE, Note, NoteKey
from app.chain.policy import Policy
from tests.audit.tampering import ENTRIES, Bundle


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
    shares = entry["derived"]["shares"]
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
        ("approval.given", by_a_party_that_is_not_in_the_fund),
        ("approval.given", in_a_role_not_held),
        ("approval.given", pointing_at_another_request),
        ("approval.given", refused_instead),
        ("approval.given", for_another_step),
        ("approval.given", of_an_unknown_type),
        ("approval.given", with_an_extra_member),
        ("approval.given", with_a_member_in_the_wrong_half),
        ("approval.given", with_a_signature),
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

    assert not report.ok
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
    jws = sign_detached(body, bundle.keys.export, {"typ": "other", "fund": "test-fund"})
    bundle.files["manifest.jws"] = jws.encode()

    assert {problem.check for problem in bundle.report().problems} == {8}


@pytest.mark.parametrize("path", ["views/journal.csv", "views/trial_balance.csv"])
def test_a_view_that_the_entries_do_not_give_is_found(bundle: Bundle, path: str) -> None:
    bundle.files[path] = bundle.files[path].replace(b"600.00", b"600.01", 1)
    bundle.resign()

    assert {problem.check for problem in bundle.report().problems} == {6}


def test_control_totals_that_the_entries_do_not_give_are_found(bundle: Bundle) -> None:
    totals = {**bundle.manifest["totals"], "debits": {"EUR": "1.00"}}
    bundle.resign(totals=totals)

    assert {problem.check for problem in bundle.report().problems} == {6}


@pytest.mark.parametrize("path", ["README.txt", "keys.json", "views/events.csv"])
def test_a_file_that_was_changed_is_found(bundle: Bundle, path: str) -> None:
    bundle.files[path] += b" "

    assert 7 in {problem.check for problem in bundle.report().problems}


@pytest.mark.parametrize("path", ["views/events.csv", "keys.json", ENTRIES, "checkpoint"])
def test_a_file_that_is_missing_is_found(bundle: Bundle, path: str) -> None:
    del bundle.files[path]

    assert not bundle.report().ok


@pytest.mark.parametrize("path", ["views/extra.csv", "../outside", "entries/00000009.jsonl"])
def test_a_file_that_does_not_belong_there_is_found(bundle: Bundle, path: str) -> None:
    bundle.extra.append((path, b"x"))

    assert {problem.check for problem in bundle.report().problems} == {7}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_twice_is_found(bundle: Bundle) -> None:
    bundle.extra.append(("README.txt", bundle.files["README.txt"]))

    assert {problem.check for problem in bundle.report().problems} == {7}


def test_a_file_that_the_manifest_does_not_list_is_found(bundle: Bundle) -> None:
    files = [file for file in bundle.manifest["files"] if file["path"] != "views/events.csv"]
    manifest = encode({**bundle.manifest, "files": files})
    bundle.files["manifest.json"] = manifest
    header = {"typ": "fund-ledger-export+jws", "fund": "test-fund"}
    bundle.files["manifest.jws"] = sign_detached(manifest, bundle.keys.export, header).encode()

    assert {problem.check for problem in bundle.report().problems} >= {7}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[1].replace(b'{"at"', b'{ "at"'),
        lambda lines: lines[1] + b" ",
        lambda lines: lines[1][:-1],
        lambda lines: b"\xef\xbb\xbf" + lines[1],
        lambda lines: lines[1].replace(b'"v":1', b'"v":1.0'),
        lambda lines: lines[1].replace(b'"v":1', b'"v":2'),
        lambda lines: lines[1].replace(b'"seq":1,', b'"seq":1,"seq":1,'),
        lambda _: b"",
        lambda _: b"x" * 70_000,
    ],
)
def test_a_line_that_is_no_canonical_entry_is_named(
    bundle: Bundle, spoil: Callable[[list[bytes]], bytes]
) -> None:
    lines = bundle.lines
    lines[1] = spoil(lines)
    bundle.lines = lines
    bundle.resign()

    first = bundle.report().first

    assert first is not None
    assert (first.seq, first.check) == (1, 4)


def test_a_last_line_without_its_newline_is_found(bundle: Bundle) -> None:
    bundle.files[ENTRIES] = bundle.files[ENTRIES][:-1]
    bundle.resign()

    assert any("newline" in problem.why for problem in bundle.report().problems)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 100],
)
def test_what_is_no_archive_tells_nothing(bundle: Bundle, content: bytes) -> None:
    path = bundle.folder / "none.zip"
    path.write_bytes(content)

    with pytest.raises(CannotTell):
        verify(path, bundle.policy())


@pytest.mark.parametrize(
    "changes",
    [{"format": "fund-ledger-audit/2"}, {"from": 5}, {"to": 0}, {"to": "all"}, {"root": None}],
)
def test_a_manifest_of_another_form_tells_nothing(bundle: Bundle, changes: dict[str, Any]) -> None:
    bundle.files["manifest.json"] = encode({**bundle.manifest, **changes})

    with pytest.raises(CannotTell):
        bundle.report()


def test_a_bundle_without_a_manifest_tells_nothing(bundle: Bundle) -> None:
    del bundle.files["manifest.json"]

    with pytest.raises(CannotTell, match=r"manifest\.json"):
        bundle.report()


def test_a_pinned_charter_is_compared(bundle: Bundle) -> None:
    digest = hashlib.sha256(encode(bundle.entry(0)["data"])).hexdigest()

    same = verify(bundle.write(), bundle.policy(), Pins(digest))
    other = verify(bundle.write(), bundle.policy(), Pins("0" * 64))

    assert same.ok
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

    assert verify(bundle.write(), policy, pins).ok
    cut = verify(shorter.write(), policy, pins)
    other = verify(rewritten.write(), policy, pins)
    assert any(p.check == 9 and "now there are" in p.why for p in cut.problems)
    assert any(p.check == 9 and "verified before" in p.why for p in other.problems)


def test_a_memory_that_was_forged_tells_nothing(bundle: Bundle, tmp_path: Path) -> None:
    memory = Memory(tmp_path, bundle.policy())
    memory.keep(bundle.files["checkpoint"].replace(b"AAAA", b"AAAB") + b"x")

    with pytest.raises(CannotTell, match="remembered"):
        memory.recall("ledger.localhost/test-fund")


def test_the_report_for_machines_says_the_same(bundle: Bundle) -> None:
    bundle.change(3, amount_raised if "amount" in bundle.entry(3)["data"] else by_another_person)
    bundle.resign()

    report = bundle.report().as_json()

    assert (report["result"], report["first_bad_seq"]) == ("wrong", 3)
    assert json.loads(json.dumps(report)) == report


def test_a_zip_that_unpacks_without_end_is_not_unpacked(bundle: Bundle) -> None:
    path = bundle.folder / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in bundle.files.items():
            archive.writestr(name, content)
        archive.writestr("views/zeros.csv", b"\0" * 50_000_000)

    report = verify(path, bundle.policy())

    assert {problem.check for problem in report.problems} == {7}
