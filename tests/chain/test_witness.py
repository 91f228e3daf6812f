"""The question to a witness: one spelling, and what is looked at before anything is cosigned."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.chain.note import COSIGNATURE, Note, NoteError, NoteKey, VerifierKey
from app.chain.tree import EMPTY_ROOT
from app.chain.witness import (
    MAX_ANSWER_BYTES,
    CosignedHead,
    Elsewhere,
    Inconsistent,
    Malformed,
    NotSigned,
    Question,
    UnknownLog,
    cosignature_of,
    opened,
    require_growth,
)
from tests.support.witnessing import Log

LOG = Log().grown(6)
WITNESS = NoteKey("witness.example/no", Ed25519PrivateKey.generate(), COSIGNATURE)


def keys(origin: str) -> list[VerifierKey]:
    return [LOG.key.verifier] if origin == LOG.key.name else []


@given(st.integers(0, 2**60), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_question_reads_what_it_writes(old: int, proof: list[bytes]) -> None:
    question = Question(old, tuple(proof), LOG.note())

    assert Question.parse(question.to_bytes()) == question


def test_more_hashes_than_a_tree_is_high_are_refused() -> None:
    with pytest.raises(Malformed):
        Question.parse(Question(1, (b"x" * 32,) * 64, LOG.note()).to_bytes())


def test_only_a_checkpoint_that_its_log_signed_is_opened() -> None:
    stranger = Log(NoteKey(LOG.key.name, Ed25519PrivateKey.generate()), LOG.entries)
    other = Log(NoteKey("elsewhere", LOG.key.private), LOG.entries)

    _, checkpoint = opened(Question(0, (), LOG.note()), keys)
    assert checkpoint == LOG.checkpoint()
    with pytest.raises(NotSigned):
        opened(Question(0, (), stranger.note()), keys)
    with pytest.raises(UnknownLog):
        opened(Question(0, (), other.note()), keys)
    with pytest.raises(Malformed):
        opened(Question(7, (), LOG.note()), keys)


@pytest.mark.parametrize("old", range(1, 6))
def test_growth_is_proven_from_exactly_what_was_seen(old: int) -> None:
    seen = Log(LOG.key, LOG.entries[:old])
    question = Question.parse(LOG.question(old))
    view = CosignedHead(old, seen.checkpoint().root)

    require_growth(question, LOG.checkpoint(), view)
    with pytest.raises(Elsewhere, match=str(old + 1)):
        require_growth(question, LOG.checkpoint(), CosignedHead(old + 1, view.root))
    with pytest.raises(Inconsistent):
        require_growth(question, LOG.checkpoint(), CosignedHead(old, b"x" * 32))


def test_from_nothing_there_is_nothing_to_prove() -> None:
    view = CosignedHead(0, EMPTY_ROOT)

    require_growth(Question(0, (), LOG.note()), LOG.checkpoint(), view)
    with pytest.raises(Inconsistent, match="nothing to prove"):
        require_growth(Question(0, (b"x" * 32,), LOG.note()), LOG.checkpoint(), view)


def answer(text: str | None = None) -> bytes:
    """The witness's line for a checkpoint, the log's by default."""
    note = Note(text or LOG.checkpoint().text(), ()).cosigned_by(WITNESS, 1_700_000_000)
    return note.signatures[-1].line().encode()


def test_an_answers_cosignature_is_verified_before_it_is_kept() -> None:
    text = LOG.checkpoint().text()

    verified, line = cosignature_of(text, answer(), WITNESS.verifier)

    assert verified.timestamp == 1_700_000_000
    assert line.encode() == answer()


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"ok\n",
        answer()[:-1],
        answer(LOG.grown(1).checkpoint().text()),
        b"\xff" * 10,
        b"x" * (MAX_ANSWER_BYTES + 1),
        LOG.checkpoint().note().signed_by(LOG.key).signatures[0].line().encode(),
        b"\n" + answer(),
    ],
    ids=["empty", "words", "no newline", "of another log", "bytes", "giant", "the log's", "gap"],
)
def test_an_answer_without_that_cosignature_is_none(wrong: bytes) -> None:
    with pytest.raises(NoteError):
        cosignature_of(LOG.checkpoint().text(), wrong, WITNESS.verifier)


def test_a_plain_signature_is_no_cosignature() -> None:
    plain = NoteKey("witness.example/no", Ed25519PrivateKey.generate())
    line = LOG.checkpoint().note().signed_by(plain).signatures[0].line().encode()

    with pytest.raises(NoteError, match="no cosignature"):
        cosignature_of(LOG.checkpoint().text(), line, plain.verifier)
