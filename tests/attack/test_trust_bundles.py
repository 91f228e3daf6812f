"""Bundles by a forger who lacks one key, or has them all: who finds it, at which entry, and why."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.audit.format.archive import CannotTell
from app.audit.memory import Memory
from app.audit.receipt import verify_answer
from app.audit.report import Pins, Report
from app.audit.verify import verify
from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, Note, NoteKey
from app.chain.proof import TlogProof
from app.chain.tree import EMPTY_ROOT, ProofError
from app.chain.witness import Inconsistent, Question
from app.runtime.settings import Settings
from tests.support.attack.forged_lines import (
    begun_later,
    cut_at_the_end_of_a_line,
    cut_in_the_middle,
    doubled,
    emptied,
    swapped,
    with_a_second_beginning,
    with_one_dated_back,
)
from tests.support.attack.trust import (
    a_fund_of_pledges,
    a_stranger,
    copied,
    note_of,
)
from tests.support.builders import TRUSTEE, a_charter, a_pledge, money, treasury
from tests.support.service import FUND, running, settings_of
from tests.support.tampering import Bundle, made_by
from tests.support.witnessing import a_witness

TIME = 1_800_000_000


@dataclass(frozen=True)
class Made:
    """A fund's bundle, and what its partners hold: the answers to their writes."""

    bundle: Bundle
    answers: list[dict[str, Any]]
    settings: Settings


@pytest.fixture(scope="module")
def made(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("true")
    settings = settings_of(folder, sqlite_template)
    with running(settings) as service:
        a_fund_of_pledges(service)
        last = len(made_by(service, folder).lines) - 1
        answers = [service.get(treasury("DE"), f"/entries/{seq}") for seq in range(last + 1)]
        return Made(made_by(service, folder), answers, settings)


@pytest.fixture
def bundle(made: Made, tmp_path: Path) -> Bundle:
    return copied(made.bundle, tmp_path)


@pytest.fixture(scope="module")
def second(
    made: Made, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bundle]:
    """Another history of the same fund, by a second server that has all the first one's keys."""
    folder = tmp_path_factory.mktemp("second")
    settings = settings_of(folder, sqlite_template)
    shutil.copytree(made.settings.keys_dir, settings.keys_dir)
    with running(settings) as service:
        service.open(governments=("DE",))
        for number in range(6):
            service.post(treasury("DE"), "/pledges", a_pledge(money(9_000 + number)))
        yield made_by(service, folder)


def opened(bundle: Bundle) -> Checkpoint:
    return Checkpoint.parse(Note.parse(bundle.files["checkpoint"]).text)


def with_checkpoint(bundle: Bundle, note: bytes) -> Report:
    """The bundle with another checkpoint, and a manifest that says the same, signed."""
    bundle.files["checkpoint"] = note
    said = Checkpoint.parse(Note.parse(note).text)
    root, size = said.root.hex(), said.size
    bundle.resign(origin=said.origin, to=size, tree_size=size, root=root)
    return bundle.report()


# -- without the log's key -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forge", "seq"),
    [
        (cut_in_the_middle, 2),
        (cut_at_the_end_of_a_line, 3),
        (emptied, 0),
        (swapped, 2),
        (with_one_dated_back, 4),
        (with_a_second_beginning, 6),
        (doubled, 3),
        (begun_later, 0),
    ],
)
def test_entries_are_neither_cut_moved_nor_added(
    bundle: Bundle, forge: Callable[[list[bytes]], list[bytes]], seq: int
) -> None:
    """Digests and the manifest fit; what is missing is the log's signature."""
    bundle.lines = forge(bundle.lines)
    bundle.resign()

    report = bundle.report()

    assert report.result == "wrong"
    assert report.first is not None
    assert (report.first.check, report.first.seq) == (4, seq)


@pytest.mark.parametrize("forge", [cut_in_the_middle, swapped, with_one_dated_back, begun_later])
def test_a_chain_that_was_mended_still_makes_another_root(
    bundle: Bundle, forge: Callable[[list[bytes]], list[bytes]]
) -> None:
    bundle.lines = forge(bundle.lines)
    bundle.rechain()
    bundle.resign()

    report = bundle.report()

    assert report.result == "wrong"
    assert 4 in {problem.check for problem in report.problems}


# -- the checkpoint --------------------------------------------------------------------------------


def test_the_checkpoint_of_another_origin_is_refused(bundle: Bundle) -> None:
    said, other = opened(bundle), bundle.keys.of_log("other-fund")
    named = Checkpoint(other.name, said.size, said.root).note()
    elsewhere = NoteKey("elsewhere.example/test-fund", other.private)

    for note in (named.signed_by(other), named.signed_by(bundle.keys.of_log("test-fund"))):
        assert 3 in {p.check for p in with_checkpoint(bundle, note.to_bytes()).problems}
    renamed = Checkpoint(elsewhere.name, said.size, said.root).note().signed_by(elsewhere)
    assert 3 in {p.check for p in with_checkpoint(bundle, renamed.to_bytes()).problems}


@pytest.mark.parametrize("change", [-1, 1])
def test_a_checkpoint_of_another_size_is_refused(bundle: Bundle, change: int) -> None:
    """Even where the log's own key has signed it."""
    key, said = bundle.keys.of_log("test-fund"), opened(bundle)
    other = Checkpoint(said.origin, said.size + change, said.root).note().signed_by(key)

    assert 4 in {p.check for p in with_checkpoint(bundle, other.to_bytes()).problems}


def test_an_older_true_checkpoint_over_newer_entries_is_refused(bundle: Bundle) -> None:
    older = note_of(bundle.lines[:-1], bundle.keys.of_log("test-fund"))

    report = with_checkpoint(bundle, older)

    assert any("more entries" in problem.why for problem in report.problems)


def test_a_checkpoint_of_the_same_size_and_another_root_is_refused(bundle: Bundle) -> None:
    key, said = bundle.keys.of_log("test-fund"), opened(bundle)
    other = Checkpoint(said.origin, said.size, b"\1" * 32).note().signed_by(key)

    report = with_checkpoint(bundle, other.to_bytes())

    assert report.first is not None
    assert (report.first.check, report.first.seq) == (4, said.size - 1)


def test_a_checkpoint_by_an_unlisted_key_is_refused(bundle: Bundle) -> None:
    stranger = a_stranger(bundle.keys.of_log("test-fund"))

    report = with_checkpoint(bundle, note_of(bundle.lines, stranger))

    assert [problem.check for problem in report.problems] == [3]


def test_a_known_key_with_a_broken_signature_is_refused_whoever_else_signed(
    bundle: Bundle,
) -> None:
    witness = NoteKey("no.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    note = Note.parse(bundle.files["checkpoint"])
    good, asked = note.cosigned_by(witness, TIME), f"witness w {witness.verifier}\nquorum w"
    for place in range(2):
        lines = list(good.signatures)
        value = bytes([lines[place].value[0] ^ 1]) + lines[place].value[1:]
        lines[place] = type(lines[place])(lines[place].name, lines[place].key_id, value)
        bundle.files["checkpoint"] = Note(note.text, tuple(lines)).to_bytes()
        bundle.resign()
        report = verify(bundle.write(), bundle.policy(asked))

        assert [problem.check for problem in report.problems] == [3]
        assert "invalid signature" in report.problems[0].why


def test_one_witness_makes_no_quorum_however_often_it_signs(bundle: Bundle) -> None:
    private = Ed25519PrivateKey.generate()
    one, two = (NoteKey(f"{name}.example/w", private, COSIGNATURE) for name in ("no", "de"))
    other = NoteKey("uk.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    asked = f"witness a {one.verifier}\nwitness b {other.verifier}\ngroup g 2 a b\nquorum g"
    note = Note.parse(bundle.files["checkpoint"])
    for number in range(20):
        note = note.cosigned_by(one, TIME + number).cosigned_by(two, TIME + number)
    bundle.files["checkpoint"] = note.to_bytes()
    bundle.resign()

    report = verify(bundle.write(), bundle.policy(asked))

    assert [problem.check for problem in report.problems] == [3]
    assert "quorum" in report.problems[0].why


def test_the_logs_own_signature_is_no_cosignature(bundle: Bundle) -> None:
    """Under a witness's name it has another type, so it is another key."""
    log = bundle.keys.of_log("test-fund")
    witness = NoteKey("no.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    plain = NoteKey(witness.name, witness.private).verifier
    note = Note.parse(bundle.files["checkpoint"]).signed_by(NoteKey(witness.name, witness.private))
    bundle.files["checkpoint"] = note.to_bytes()
    bundle.resign()

    report = verify(bundle.write(), bundle.policy(f"witness w {witness.verifier}\nquorum w"))

    assert plain.id != witness.verifier.id
    assert log.verifier.id not in (plain.id, witness.verifier.id)
    assert [problem.check for problem in report.problems] == [3]


def test_a_charter_names_no_witness_twice(
    made: Made, sqlite_template: Path, tmp_path: Path
) -> None:
    private = Ed25519PrivateKey.generate()
    keys = [NoteKey(f"{n}.example/w", private, COSIGNATURE).verifier for n in ("no", "de")]
    body = a_charter(witnessing={"witnesses": list(map(str, keys)), "quorum": 2})

    with running(settings_of(tmp_path, sqlite_template)) as service:
        refused = service.raw(TRUSTEE, "POST", "/v1/funds", json=body)
        absent = service.raw(TRUSTEE, "GET", FUND)

    assert (refused.status_code, absent.status_code) == (422, 404)


# -- nothing to judge ------------------------------------------------------------------------------


def test_an_export_of_nothing_is_never_ok(bundle: Bundle) -> None:
    key = bundle.keys.of_log("test-fund")
    empty = Checkpoint(key.name, 0, EMPTY_ROOT).note().signed_by(key).to_bytes()
    bundle.lines = []

    with pytest.raises(CannotTell, match="no entries"):
        with_checkpoint(bundle, empty)


def test_keys_that_a_bundle_brings_along_are_no_anchor(
    made: Made, sqlite_template: Path, tmp_path: Path
) -> None:
    """A whole, true bundle of the same fund, by somebody with keys of their own."""
    with running(settings_of(tmp_path, sqlite_template)) as service:
        a_fund_of_pledges(service)
        foreign = made_by(service, tmp_path)
    foreign_vkey = str(foreign.keys.of_log("test-fund").verifier)
    claimed = {**json.loads(foreign.files["keys.json"]), "vkeys": [foreign_vkey]}

    assert foreign.report().result == "ok"
    assert claimed["vkeys"] == [foreign_vkey]
    report = verify(foreign.write(), made.bundle.policy())
    assert report.result == "wrong"
    assert {(p.check, p.seq) for p in report.problems} >= {(9, 0)}


# -- with the log's own key: what others hold tells ------------------------------------------------


def test_a_second_history_by_the_holder_of_all_keys_verifies_alone(second: Bundle) -> None:
    """Which is why a bundle alone is not enough."""
    assert second.report().problems == []


def test_a_receipt_that_a_partner_holds_exposes_it(made: Made, second: Bundle) -> None:
    for answer in made.answers[1:]:
        held = verify_answer(json.dumps(answer).encode(), second.policy()).checkpoint

        report = verify(
            second.write(),
            second.policy(),
            _remembering(held),
        )

        assert [problem.check for problem in report.problems] == [9]


def test_an_auditors_memory_exposes_it(made: Made, second: Bundle, tmp_path: Path) -> None:
    memory = Memory(tmp_path, second.policy())
    memory.keep(made.bundle.files["checkpoint"])

    report = verify(second.write(), second.policy(), Pins(recall=memory.recall))

    assert [problem.check for problem in report.problems] == [9]


def test_witnesses_do_not_cosign_it_and_a_quorum_is_missing(
    made: Made, second: Bundle, tmp_path: Path
) -> None:
    key = made.bundle.keys.of_log("test-fund").verifier
    witness = a_witness(tmp_path, f"log {key}", "no.example/w")
    first = made.bundle.files["checkpoint"]
    line = witness.cosign(Question(0, (), first).to_bytes())

    size = opened(made.bundle).size
    with pytest.raises(Inconsistent):
        witness.cosign(Question(size, (b"\1" * 32,), second.files["checkpoint"]).to_bytes())
    forged = copied(second, tmp_path)
    forged.files["checkpoint"] += line.encode()
    forged.resign()
    report = verify(forged.write(), forged.policy(f"witness w {witness.key.verifier}\nquorum w"))

    assert [problem.check for problem in report.problems] == [3]
    assert "invalid signature" in report.problems[0].why


def test_what_was_cut_off_by_the_holder_of_all_keys_is_missed_by_who_knew_it(
    made: Made, bundle: Bundle
) -> None:
    bundle.lines = bundle.lines[:-1]
    bundle.resign(log=True)
    held = opened(made.bundle)

    report = verify(bundle.write(), bundle.policy(), _remembering(held))

    assert any(p.check == 9 and "now there are" in p.why for p in report.problems)


# -- receipts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [-1, 1])
def test_a_receipt_proves_neither_the_entry_before_nor_the_one_behind(
    made: Made, step: int
) -> None:
    """Not with the neighbour's entry, not with the neighbour's index, and not with both."""
    policy, seq = made.bundle.policy(), 3
    answer, beside = made.answers[seq], made.answers[seq + step]
    moved = answer["receipt"].replace(f"index {seq}\n", f"index {seq + step}\n")
    relabelled = {**answer["entry"], "seq": seq + step}

    for forged in (
        {**answer, "entry": beside["entry"]},
        {**answer, "receipt": moved},
        {**answer, "entry": beside["entry"], "receipt": moved},
        {**answer, "entry": relabelled, "receipt": moved},
        {**answer, "receipt": beside["receipt"]},
    ):
        with pytest.raises(ProofError):
            verify_answer(json.dumps(forged).encode(), policy)


def test_a_receipt_under_a_trust_file_with_a_quorum_needs_the_quorum(made: Made) -> None:
    witness = NoteKey("no.example/w", Ed25519PrivateKey.generate(), COSIGNATURE)
    policy = made.bundle.policy(f"witness w {witness.verifier}\nquorum w")
    answer = made.answers[2]
    line = Note.parse(TlogProof.parse(answer["receipt"]).checkpoint).cosigned_by(witness, TIME)
    cosigned = {**answer, "receipt": answer["receipt"] + line.signatures[-1].line()}

    assert verify_answer(json.dumps(cosigned).encode(), policy).seq == 2
    with pytest.raises(CannotTell, match="quorum"):
        verify_answer(json.dumps(answer).encode(), policy)


def _remembering(*held: Checkpoint) -> Pins:
    return Pins(recall=lambda _: held)
