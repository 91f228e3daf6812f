"""Checkpoints: three lines, one reading, one origin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import COSIGNATURE, NoteError
from app.chain.spelling import write_base64
from app.chain.tree import EMPTY_ROOT, leaf_hash
from tests.support.chain import ORIGIN, a_key, modest

ROOT = leaf_hash(b"an entry")
ROOT64 = write_base64(ROOT)


def a_checkpoint(origin: str = ORIGIN, size: int = 42, root: bytes = ROOT) -> Checkpoint:
    return Checkpoint(origin, size, root)


def test_a_checkpoint_is_three_lines() -> None:
    assert a_checkpoint().text() == f"fund.example/era\n42\n{ROOT64}\n"
    assert a_checkpoint().note().text == a_checkpoint().text()
    assert a_checkpoint().note().signatures == ()


@modest
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    st.integers(1, 10**19 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_reads_what_it_writes(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)

    assert Checkpoint.parse(checkpoint.text()) == checkpoint


def test_an_empty_log_has_a_checkpoint() -> None:
    checkpoint = a_checkpoint(size=0, root=EMPTY_ROOT)

    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n42\n",
        f"{ORIGIN}\n42\n{ROOT64}",
        f"\n42\n{ROOT64}\n",
        f"{ORIGIN}\n42\n{ROOT64}\n\n",
        f"{ORIGIN}\n42\n{ROOT64}\nextension\n",
        f"{ORIGIN}\n42\n{ROOT64}\nextension",
        f"\n{ORIGIN}\n42\n{ROOT64}\n",
    ],
)
def test_more_or_fewer_than_three_lines_are_no_checkpoint(text: str) -> None:
    with pytest.raises(NoteError, match=r"^a checkpoint has three lines: origin, size, root$"):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    ("size", "root", "sentence"),
    [
        ("042", ROOT64, "not a decimal number"),
        ("+42", ROOT64, "not a decimal number"),
        ("-1", ROOT64, "not a decimal number"),
        ("4_2", ROOT64, "not a decimal number"),
        (" 42", ROOT64, "not a decimal number"),
        ("\u0664\u0662", ROOT64, "not a decimal number"),
        ("1" + 19 * "0", ROOT64, "not a decimal number"),
        ("", ROOT64, "not a decimal number"),
        ("42", ROOT64 + " ", "not base64"),
        ("42", ROOT64.rstrip("="), "not base64"),
        ("42", ROOT64 + "\r", "not base64"),
        ("42", ROOT.hex() + "!", "not base64"),
        ("42", write_base64(bytes(32))[:-2] + "B=", "base64 with spare bits"),
        ("42", write_base64(ROOT[:31]), "a root has 32 bytes"),
        ("42", write_base64(ROOT + b"\x00"), "a root has 32 bytes"),
        ("42", "", "a root has 32 bytes"),
        ("0", ROOT64, "an empty log has the empty root"),
    ],
)
def test_another_spelling_of_size_or_root_is_malformed(size: str, root: str, sentence: str) -> None:
    with pytest.raises(NoteError, match=f"^malformed checkpoint: {sentence}$"):
        Checkpoint.parse(f"{ORIGIN}\n{size}\n{root}\n")


def test_a_checkpoint_that_its_log_signed_is_opened() -> None:
    log = a_key()
    raw = a_checkpoint().note().signed_by(log).to_bytes()

    assert open_checkpoint(raw, log.verifier) == a_checkpoint()


def test_witnesses_beside_the_logs_signature_do_not_disturb() -> None:
    log, witness = a_key(), a_key("witness.example/w", 2, COSIGNATURE)
    raw = a_checkpoint().note().cosigned_by(witness, 1_736_500_000).signed_by(log).to_bytes()

    assert open_checkpoint(raw, log.verifier) == a_checkpoint()


def test_a_witness_does_not_stand_in_for_the_log() -> None:
    log, witness = a_key(), a_key("witness.example/w", 2, COSIGNATURE)
    raw = a_checkpoint().note().cosigned_by(witness, 1_736_500_000).to_bytes()

    with pytest.raises(NoteError, match=r"^note has no verifiable signatures$"):
        open_checkpoint(raw, log.verifier)


def test_another_key_under_the_logs_name_does_not_stand_in_for_the_log() -> None:
    raw = a_checkpoint().note().signed_by(a_key(seed=2)).to_bytes()

    with pytest.raises(NoteError, match=r"^note has no verifiable signatures$"):
        open_checkpoint(raw, a_key(seed=1).verifier)


def test_a_log_signs_for_its_own_origin_alone() -> None:
    log = a_key()
    raw = a_checkpoint("fund.example/ukraine").note().signed_by(log).to_bytes()

    with pytest.raises(NoteError) as refusal:
        open_checkpoint(raw, log.verifier)

    assert str(refusal.value) == (
        "the checkpoint is of 'fund.example/ukraine', the key of 'fund.example/era'"
    )


def test_a_signature_over_anything_else_than_a_checkpoint_opens_nothing() -> None:
    log = a_key()
    raw = a_checkpoint().note().signed_by(log).to_bytes()
    changed = raw.replace(b"\n42\n", b"\n43\n")
    extended = raw.replace(b"\n\n", b"\nextension\n\n")

    for other in (changed, extended):
        assert other != raw
        with pytest.raises(NoteError, match=r"^invalid signature for key fund\.example/era\+"):
            open_checkpoint(other, log.verifier)
