"""transparency-dev/tessera: a complete log of fifteen entries that another program wrote."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest

from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.note import NoteError, VerifierKey
from app.chain.tiles import HashReader
from app.chain.tree import HASH_BYTES, leaf_hash, root_of, verify_consistency, verify_inclusion
from tests.support import vectors

LOG: dict[str, Any] = vectors.read_json("transparency-dev_tessera/testdata_log.json")
PROOFS: dict[str, Any] = vectors.read_json("transparency-dev_tessera/derived_proofs.json")
KEY = VerifierKey.parse(LOG["vkey"])
FILES = {name: b64decode(content) for name, content in LOG["files_base64"].items()}
ENTRIES = [entry.encode() for entry in LOG["entries_utf8"]]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
HEADS = [open_checkpoint(case["checkpoint"].encode(), KEY) for case in LOG["checkpoints"]]
SIZES = range(1, 16)


def tile(level: int, number: int) -> Sequence[bytes]:
    """The hashes of the log's only tile, from the file that the other program wrote."""
    assert (level, number) == (0, 0)
    content = FILES["tile/0/000.p/15"]
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def bundled(content: bytes) -> list[bytes]:
    """The entries of a bundle: two bytes of length before each."""
    found = []
    while content:
        size = int.from_bytes(content[:2], "big")
        found.append(content[2 : 2 + size])
        content = content[2 + size :]
    return found


def hashes(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def test_the_log_is_whole() -> None:
    assert len(ENTRIES) == 15
    assert [head.size for head in HEADS] == list(range(16))
    assert len(FILES) == 17 + 15 + 15


@pytest.mark.parametrize("size", range(16))
def test_a_checkpoint_is_signed_and_its_root_recomputes_from_the_entries(size: int) -> None:
    raw = FILES[f"checkpoint.{size}"]

    head = open_checkpoint(raw, KEY)

    assert raw.decode() == LOG["checkpoints"][size]["checkpoint"]
    assert head == Checkpoint(LOG["origin"], size, root_of(LEAVES[:size]))


def test_the_newest_checkpoint_is_that_of_all_entries() -> None:
    assert open_checkpoint(FILES["checkpoint"], KEY) == HEADS[15]


@pytest.mark.parametrize("size", range(16))
def test_a_checkpoint_of_another_size_or_root_is_not_signed(size: int) -> None:
    raw = FILES[f"checkpoint.{size}"]
    other = FILES[f"checkpoint.{(size + 1) % 16}"]
    text, signature = raw.split(b"\n\n")[0], other.split(b"\n\n")[1]

    with pytest.raises(NoteError, match=r"^invalid signature for key example\.com/log/testdata\+"):
        open_checkpoint(text + b"\n\n" + signature, KEY)


@pytest.mark.parametrize("size", SIZES)
def test_a_tile_holds_our_leaf_hashes(size: int) -> None:
    assert FILES[f"tile/0/000.p/{size}"] == b"".join(LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_a_bundle_holds_the_entries(size: int) -> None:
    assert bundled(FILES[f"tile/entries/000.p/{size}"]) == ENTRIES[:size]


def test_every_pair_of_checkpoints_is_consistent() -> None:
    reader = HashReader(tile)
    pairs = 0

    for case in PROOFS["consistency"]:
        old, new = HEADS[case["size1"]], HEADS[case["size2"]]
        proof = reader.consistency_proof(old.size, new.size)
        assert proof == hashes(case["proof"])
        assert [old.root, new.root] == hashes([case["root1"], case["root2"]])
        verify_consistency(old.size, new.size, old.root, new.root, proof)
        pairs += 1

    assert pairs == 15 * 16 // 2


def test_every_entry_is_included_under_every_later_checkpoint() -> None:
    reader = HashReader(tile)
    pairs = 0

    for case in PROOFS["inclusion"]:
        index, head = case["index"], HEADS[case["size"]]
        proof = reader.inclusion_proof(index, head.size)
        assert proof == hashes(case["proof"])
        assert [LEAVES[index], head.root] == hashes([case["leafHash"], case["root"]])
        verify_inclusion(index, head.size, LEAVES[index], proof, head.root)
        pairs += 1

    assert pairs == 15 * 16 // 2


def test_the_other_programs_tile_gives_the_signed_roots() -> None:
    reader = HashReader(tile)

    for head in HEADS:
        assert reader.root(head.size) == reader.frontier(head.size).root() == head.root
