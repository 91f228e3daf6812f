"""The witness: the table of C2SP tlog-witness, over HTTP, races included."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import COSIGNATURE, Note, NoteKey, VerifierKey
from app.chain.tree import EMPTY_ROOT
from app.chain.witness import cosignature_of
from app.cli.main import main
from app.witness.cosigned_heads import MemoryLost, require_memory
from tests.support.witnessing import ORIGIN, Log, Running, a_witness, witnessing


@pytest.fixture
def log() -> Log:
    return Log().grown(5)


@pytest.fixture
def witness(log: Log, tmp_path: Path) -> Iterator[Running]:
    with witnessing(a_witness(tmp_path, f"log {log.key.verifier}")) as running:
        yield running


def size_of(answer: httpx.Response) -> int:
    """The size in a 409, in exactly its form."""
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert answer.text.endswith("\n")
    return int(answer.text)


def test_a_first_checkpoint_is_cosigned_and_shown(log: Log, witness: Running) -> None:
    answer = witness.ask(log.question(0))

    assert answer.status_code == 200
    verified, _ = cosignature_of(log.checkpoint().text(), answer.content, _key(witness))
    assert verified.timestamp is not None
    shown = witness.view().content
    assert open_checkpoint(shown, log.key.verifier) == log.checkpoint()
    assert [one.name for one in Note.parse(shown).signatures] == [ORIGIN, "witness.example/no"]


def test_a_log_that_has_grown_is_cosigned_again(log: Log, witness: Running) -> None:
    witness.ask(log.question(0))
    grown = log.grown(300)

    assert witness.ask(grown.question(5)).status_code == 200
    assert open_checkpoint(witness.view().content, log.key.verifier).size == 305


def test_the_same_checkpoint_may_be_cosigned_again(log: Log, witness: Running) -> None:
    witness.ask(log.question(0))

    assert witness.ask(log.question(5)).status_code == 200


def test_a_log_that_is_not_watched_is_not_found(log: Log, witness: Running) -> None:
    other = Log(NoteKey("ledger.example/other", Ed25519PrivateKey.generate())).grown(5)

    assert witness.ask(other.question(0)).status_code == 404
    assert witness.view("ledger.example/other").status_code == 404
    assert witness.view().status_code == 404


def test_a_checkpoint_without_a_trusted_signature_is_forbidden(log: Log, witness: Running) -> None:
    stranger = Log(NoteKey(ORIGIN, Ed25519PrivateKey.generate()), log.entries)

    assert witness.ask(stranger.question(0)).status_code == 403


def test_a_trusted_key_whose_signature_fails_is_forbidden(log: Log, witness: Running) -> None:
    other = log.grown(1)
    text = Note.parse(other.note()).text
    borrowed = Note(text, Note.parse(log.note()).signatures).to_bytes()

    assert witness.ask(other.question(0, note=borrowed)).status_code == 403


def test_an_old_size_beyond_the_checkpoint_is_a_bad_request(log: Log, witness: Running) -> None:
    assert witness.ask(log.question(6, proof=())).status_code == 400


def test_an_old_size_that_is_not_the_last_one_says_which_is(log: Log, witness: Running) -> None:
    assert size_of(witness.ask(log.question(3))) == 0
    witness.ask(log.question(0))

    assert size_of(witness.ask(log.grown(2).question(0))) == 5
    assert size_of(witness.ask(log.grown(2).question(4))) == 5


def test_a_smaller_log_after_a_larger_one_is_never_cosigned(log: Log, witness: Running) -> None:
    witness.ask(log.grown(7).question(0))

    for old in range(6):
        assert size_of(witness.ask(log.question(old))) == 12


@pytest.mark.parametrize("old", [0, 5])
def test_a_proof_that_does_not_hold_is_unprocessable(log: Log, witness: Running, old: int) -> None:
    if old:
        witness.ask(log.question(0))
    grown = log.grown(4)

    assert witness.ask(grown.question(old, proof=(b"x" * 32,))).status_code == 422


def test_another_root_for_the_same_size_is_unprocessable(log: Log, witness: Running) -> None:
    witness.ask(log.question(0))
    other = Log(log.key).grown(5, salt="other")

    assert witness.ask(other.question(5)).status_code == 422
    assert open_checkpoint(witness.view().content, log.key.verifier) == log.checkpoint()


def test_another_history_is_unprocessable(log: Log, witness: Running) -> None:
    witness.ask(log.question(0))
    other = Log(log.key).grown(9, salt="other")

    assert witness.ask(other.question(5)).status_code == 422


def test_an_empty_log_has_the_empty_root(log: Log, witness: Running) -> None:
    empty = Log(log.key)
    wrong = Checkpoint(ORIGIN, 0, b"x" * 32).note().signed_by(log.key).to_bytes()

    assert empty.checkpoint().root == EMPTY_ROOT
    assert witness.ask(empty.question(0, note=wrong)).status_code == 422
    assert witness.ask(empty.question(0)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 5",
        b"old 05\n\n",
        b"old +5\n\n",
        b"old 5_0\n\n",
        "old \u0665\n\n".encode(),
        b"old -1\n\n",
        b"old 5\nQR==\n\n",
        b"old 5\nAAAA\n\n",
        b"old 0\n" + b"A" * 43 + b"=\n" * 1 + b"\nnot a note",
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n",
        b"\xff\xfe",
        b"new 0\n\n",
    ],
)
def test_what_is_no_question_is_a_bad_request(witness: Running, log: Log, body: bytes) -> None:
    whole = body + log.note() if body.endswith(b"\n\n") else body

    assert witness.ask(whole).status_code == 400
    assert witness.view().status_code == 404


def test_a_giant_body_is_not_read(witness: Running) -> None:
    assert witness.ask(b"old 0\n\n" + b"x" * 100_000).status_code == 413


def test_a_note_with_thousands_of_signature_lines_is_a_bad_request(
    log: Log, witness: Running
) -> None:
    note = log.note() + b"\xe2\x80\x94 x AAAAAAA=\n" * 2_000

    assert witness.ask(log.question(0, note=note)).status_code == 400


def test_other_addresses_and_methods_are_refused(witness: Running) -> None:
    assert httpx.get(f"{witness.address}/add-checkpoint").status_code == 405
    assert httpx.get(f"{witness.address}/{'0' * 64}/checkpoint").status_code == 404
    assert httpx.get(f"{witness.address}/../views.db").status_code == 404


def test_what_others_put_on_a_note_is_not_passed_on(log: Log, witness: Running) -> None:
    other = NoteKey("witness.example/other", Ed25519PrivateKey.generate(), COSIGNATURE)
    note = Note.parse(log.note()).cosigned_by(other, 1_700_000_000).to_bytes()

    witness.ask(log.question(0, note=note))

    assert "other" not in witness.view().text


def test_of_many_that_ask_at_once_each_is_answered_in_some_order(
    log: Log, witness: Running
) -> None:
    """Whatever the order, the witness never signs a smaller log after a larger one."""
    witness.ask(log.question(0))
    logs = [log.grown(count) for count in range(1, 25)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda grown: witness.ask(grown.question(5)), logs))

    cosigned = [grown for grown, a in zip(logs, answers, strict=True) if a.status_code == 200]
    assert len(cosigned) == 1
    assert {answer.status_code for answer in answers} == {200, 409}
    assert {size_of(a) for a in answers if a.status_code == 409} == {cosigned[0].size}
    assert open_checkpoint(witness.view().content, log.key.verifier) == cosigned[0].checkpoint()


def test_what_was_cosigned_is_remembered_by_the_next_start(log: Log, tmp_path: Path) -> None:
    kept = a_witness(tmp_path, f"log {log.key.verifier}")
    with witnessing(kept) as first:
        first.ask(log.grown(5).question(0))

    with witnessing(kept) as again:
        assert size_of(again.ask(log.question(0))) == 10


def test_two_histories_are_put_before_the_operator(
    log: Log, witness: Running, caplog: pytest.LogCaptureFixture
) -> None:
    witness.ask(log.question(0))

    witness.ask(Log(log.key).grown(5, salt="other").question(5))

    (shout,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    (evidence,) = witness.witness.views._path.parent.glob("evidence-*.txt")
    assert evidence.name in shout.getMessage()
    assert evidence.read_text().count(f"{ORIGIN}\n5\n") == 2


def test_a_proof_that_is_wrong_is_no_evidence(
    log: Log, witness: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody can send what the log signed, with any proof: as often as he likes."""
    witness.ask(log.question(0))
    signed = log.grown(3).question(5)
    start, _, note = signed.partition(b"\n\n")
    wrong = start.split(b"\n")[0] + b"\n\n" + note

    assert [witness.ask(wrong).status_code for _ in range(3)] == [422, 422, 422]

    assert not [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert not list(witness.witness.views._path.parent.glob("evidence-*"))
    assert witness.ask(signed).status_code == 200


def _key(witness: Running) -> VerifierKey:
    return witness.witness.key.verifier


def test_a_witness_that_has_lost_its_memory_does_not_start_until_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["witness", "--data", str(tmp_path), "--name", "witness.example/w", "--key"]
    assert main(command) == 0
    assert main(command) == 0
    (tmp_path / "views.db").unlink()

    assert main(command) == 2
    assert "--accept-loss" in capsys.readouterr().err
    assert main([*command, "--accept-loss"]) == 0
    assert main(command) == 0


def test_a_memory_that_is_empty_or_garbage_is_lost_too(tmp_path: Path) -> None:
    key, views = tmp_path / "witness.pem", tmp_path / "views.db"
    key.write_text("a key")

    for content in (b"", b"no database" * 100):
        views.write_bytes(content)
        with pytest.raises(MemoryLost):
            require_memory(key, views, accept_loss=False)
