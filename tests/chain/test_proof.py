"""Receipts: an entry's place under a signed checkpoint, and everything that is not it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain.checkpoint import Checkpoint
from app.chain.note import NoteError
from app.chain.proof import HEADER, MAX_RECEIPT_BYTES, TlogProof, path_from
from app.chain.spelling import write_base64
from app.chain.tree import MAX_PROOF, Frontier, ProofError
from tests.support.chain import ORIGIN, NaiveTree, a_key, entries, flipped, modest

LOG = a_key()
ENTRIES = entries(13)
TREE = NaiveTree(ENTRIES)
HASH = write_base64(bytes(32))


def a_checkpoint(size: int = 13) -> Checkpoint:
    return Checkpoint(ORIGIN, size, TREE.root(size))


def a_receipt(index: int = 7, size: int = 13) -> TlogProof:
    note = a_checkpoint(size).note().signed_by(LOG)
    return TlogProof(index, tuple(TREE.path(index, size)), note.to_bytes())


def test_every_entry_of_a_log_gets_a_receipt_that_holds() -> None:
    for size in range(1, 14):
        for index in range(size):
            text = a_receipt(index, size).to_text()

            receipt = TlogProof.parse(text)

            assert receipt == a_receipt(index, size)
            assert receipt.verify(ENTRIES[index], LOG.verifier) == a_checkpoint(size)


@modest
@given(
    st.integers(0, 10**19 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PROOF),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_receipt_reads_what_it_writes(index: int, path: list[bytes], note: str) -> None:
    receipt = TlogProof(index, tuple(path), note.encode())

    assert TlogProof.parse(receipt.to_text()) == receipt


def test_a_receipt_is_a_text_of_header_index_hashes_and_checkpoint() -> None:
    receipt = a_receipt(12)

    head = f"c2sp.org/tlog-proof@v1\nindex 12\n{write_base64(TREE.mth(8, 12))}\n"
    assert receipt.to_text().startswith(head)
    assert receipt.to_text().endswith(f"=\n\n{receipt.checkpoint.decode()}")


def test_the_only_entry_of_a_log_has_a_receipt_without_hashes() -> None:
    receipt = TlogProof.parse(a_receipt(0, 1).to_text())

    assert receipt.path == ()
    assert receipt.verify(ENTRIES[0], LOG.verifier).size == 1


def test_every_entry_of_a_batch_has_its_path_without_the_log_being_read() -> None:
    tree = NaiveTree(entries(40))

    for old in range(40):
        before, _ = Frontier().extend(tree.leaves[:old])
        for new in range(old + 1, 41):
            _, completed = before.extend(tree.leaves[old:new])
            known = before.subtrees() | completed
            for index in range(old, new):
                assert path_from(known, index, new) == tuple(tree.path(index, new))


def test_there_is_no_path_for_an_entry_beyond_the_batch() -> None:
    frontier, completed = Frontier().extend(TREE.leaves)

    with pytest.raises(IndexError, match=r"^entry 13 is not in a log of 13$"):
        path_from(completed | frontier.subtrees(), 13, 13)


def test_an_extra_line_is_read_over_and_not_kept() -> None:
    text = a_receipt().to_text()

    receipt = TlogProof.parse(text.replace("\nindex", "\nextra AAAA\nindex", 1))

    assert receipt == a_receipt()
    assert receipt.to_text() == text


def test_no_changed_character_of_a_receipt_leaves_it_good() -> None:
    raw = a_receipt().to_text().encode()

    for at in range(len(raw)):
        other = raw[:at] + flipped(raw[at : at + 1], 0) + raw[at + 1 :]
        with pytest.raises((ProofError, NoteError, UnicodeDecodeError)):
            TlogProof.parse(other.decode()).verify(ENTRIES[7], LOG.verifier)


def test_no_line_of_a_receipt_can_be_left_out_or_doubled() -> None:
    lines = a_receipt().to_text().removesuffix("\n").split("\n")
    signature = len(lines) - 1  # a repeated signature says nothing new and is read over

    for at in range(len(lines)):
        for other in (lines[:at] + lines[at + 1 :], lines[: at + 1] + lines[at:]):
            if at == signature and len(other) > len(lines):
                continue
            with pytest.raises((ProofError, NoteError)):
                TlogProof.parse("\n".join(other) + "\n").verify(ENTRIES[7], LOG.verifier)


def test_a_receipt_holds_for_its_own_entry_alone() -> None:
    receipt = a_receipt()
    others = [entry for entry in ENTRIES if entry != ENTRIES[7]]

    for other in (*others, ENTRIES[7] + b"\n", ENTRIES[7][:-1], b""):
        with pytest.raises(ProofError, match=r"^the proof leads to root [0-9a-f]{64}, not to"):
            receipt.verify(other, LOG.verifier)


def test_a_receipt_holds_for_its_own_index_alone() -> None:
    receipt = a_receipt()

    for index in (*range(7), *range(8, 14)):
        with pytest.raises(ProofError):
            TlogProof(index, receipt.path, receipt.checkpoint).verify(ENTRIES[7], LOG.verifier)


def test_a_receipt_of_one_checkpoint_does_not_hold_under_another() -> None:
    other = a_receipt(size=12).checkpoint

    with pytest.raises(ProofError, match=r"^the proof leads to root"):
        TlogProof(7, a_receipt().path, other).verify(ENTRIES[7], LOG.verifier)


def test_a_receipt_needs_the_signature_of_the_log_that_is_trusted() -> None:
    receipt = a_receipt()

    for key in (a_key(seed=2), a_key("fund.example/eru")):
        with pytest.raises(NoteError, match=r"^note has no verifiable signatures$"):
            receipt.verify(ENTRIES[7], key.verifier)


def test_a_receipt_for_a_checkpoint_of_another_origin_is_refused() -> None:
    other = Checkpoint("fund.example/eru", 13, TREE.root(13)).note().signed_by(LOG)

    with pytest.raises(NoteError, match=r"^the checkpoint is of 'fund\.example/eru', the key of"):
        TlogProof(7, a_receipt().path, other.to_bytes()).verify(ENTRIES[7], LOG.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEADER,
        f"{HEADER}\n",
        f"{HEADER}\nindex 0\n{HASH}\n",
        "\n\n",
        f"c2sp.org/tlog-proof@v2\nindex 0\n{HASH}\n\nnote\n",
        f"{HEADER} \nindex 0\n{HASH}\n\nnote\n",
        f"\ufeff{HEADER}\nindex 0\n{HASH}\n\nnote\n",
        f"{HEADER}\r\nindex 0\r\n\r\nnote\r\n",
        f"{HEADER}\nindex 0\n\n" + "x" * MAX_RECEIPT_BYTES,
    ],
)
def test_what_has_another_header_or_no_checkpoint_is_no_receipt(text: str) -> None:
    with pytest.raises(ProofError, match=r"^not a tlog-proof$"):
        TlogProof.parse(text)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["extra AAAA"],
        [HASH],
        ["Index 0", HASH],
        ["index=0", HASH],
        ["extra AAAA", "extra AAAA", "index 0", HASH],
        ["index 0", *[HASH] * (MAX_PROOF + 1)],
    ],
)
def test_other_lines_than_index_and_hashes_are_malformed(lines: list[str]) -> None:
    with pytest.raises(ProofError, match=r"^malformed tlog-proof$"):
        TlogProof.parse("\n".join([HEADER, *lines]) + "\n\nnote\n")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["index 00", HASH], "not a decimal number"),
        (["index +1", HASH], "not a decimal number"),
        (["index -1", HASH], "not a decimal number"),
        (["index  1", HASH], "not a decimal number"),
        (["index \u0661", HASH], "not a decimal number"),
        (["index ", HASH], "not a decimal number"),
        (["index 0", "index 0"], "not base64"),
        (["index 0", HASH[:-1]], "not base64"),
        (["index 0", HASH + " "], "not base64"),
        (["index 0", HASH, "extra AAAA"], "not base64"),
        (["index 0", HASH[:-2] + "B="], "base64 with spare bits"),
        (["index 0", write_base64(bytes(31))], "a hash has 32 bytes"),
        (["index 0", HASH, write_base64(bytes(33))], "a hash has 32 bytes"),
    ],
)
def test_another_spelling_of_index_or_hash_is_malformed(lines: list[str], sentence: str) -> None:
    with pytest.raises(ProofError, match=f"^malformed tlog-proof: {re.escape(sentence)}$"):
        TlogProof.parse("\n".join([HEADER, *lines]) + "\n\nnote\n")


def longest_receipt(note: str = "", extra: str = "") -> str:
    """A receipt with 63 hashes whose note is filled up to the greatest number of bytes."""
    head = "\n".join([HEADER, *([extra] if extra else []), "index 0", *[HASH] * MAX_PROOF])
    text = f"{head}\n\n{note}"
    return text + "x" * (MAX_RECEIPT_BYTES - len(text.encode()))


@pytest.mark.parametrize("note", ["", "\u20ac" * 300_000, "\U0001f600"])
def test_a_receipt_of_the_longest_path_and_size_is_read(note: str) -> None:
    longest = longest_receipt(note)

    assert len(longest.encode()) == MAX_RECEIPT_BYTES == 1_000_000
    assert len(TlogProof.parse(longest).path) == MAX_PROOF == 63


@pytest.mark.parametrize("character", ["x", "\u00e9", "\u20ac", "\U0001f600"])
def test_a_receipts_size_is_that_of_its_bytes(character: str) -> None:
    note = character * (MAX_RECEIPT_BYTES // len(character.encode()))

    with pytest.raises(ProofError, match=r"^not a tlog-proof$"):
        TlogProof.parse(f"{HEADER}\nindex 0\n\n{note}")


@pytest.mark.parametrize("extra", ["", "extra \u20ac"])
def test_a_receipt_has_at_most_a_million_bytes(extra: str) -> None:
    with pytest.raises(ProofError, match=r"^not a tlog-proof$"):
        TlogProof.parse(longest_receipt(extra=extra) + "x")


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\ud800\nindex 0\n{HASH}\n\nnote\n",
        f"{HEADER}\nindex 0\ud800\n{HASH}\n\nnote\n",
        f"{HEADER}\nindex 0\n{HASH}\udfff\n\nnote\n",
        f"{HEADER}\nindex 0\n{HASH}\n\nnote\udcff\n",
        f"{HEADER}\nindex 0\n{HASH}\n\n\ud800",
        f"{HEADER}\nextra \ud800\nindex 0\n{HASH}\n\nnote\n",
    ],
)
def test_a_receipt_holds_no_lone_surrogate(text: str) -> None:
    with pytest.raises(ProofError):
        TlogProof.parse(text)
