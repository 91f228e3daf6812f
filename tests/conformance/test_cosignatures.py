"""FiloSottile/sunlight: cosignatures of real witnesses, and a mirror's tiles."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest

from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, Note, NoteError, VerifiedSignature, VerifierKey
from app.chain.tiles import TILE_WIDTH, HashReader
from app.chain.tree import HASH_BYTES, root_of, verify_consistency, verify_inclusion
from tests.support import vectors

SAMPLES: list[dict[str, Any]] = vectors.read_json("FiloSottile_sunlight/cosignature_v1.json")[
    "cosignatures"
]
TILES = {
    name: b64decode(content)
    for name, content in vectors.read_json("FiloSottile_sunlight/tiles_300.json")[
        "files_base64"
    ].items()
}
each_sample = pytest.mark.parametrize("number", range(3))


def hashes(content: bytes) -> list[bytes]:
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


LEAVES = hashes(TILES["tile/0/000"] + TILES["tile/0/001.p/44"])


def tile(level: int, number: int) -> Sequence[bytes]:
    names = {(0, 0): "tile/0/000", (0, 1): "tile/0/001.p/44", (1, 0): "tile/1/000.p/1"}
    return hashes(TILES[names[level, number]])


def mirrored() -> Checkpoint:
    return Checkpoint.parse(Note.parse(TILES["checkpoint"]).text)


def test_the_files_are_whole() -> None:
    assert [sample["role"] for sample in SAMPLES] == ["witness", "mirror", "witness2"]
    assert [len(TILES[name]) for name in ("tile/0/000", "tile/0/001.p/44")] == [256 * 32, 44 * 32]


@each_sample
def test_a_cosignature_holds_and_gives_its_time(number: int) -> None:
    sample = SAMPLES[number]
    key = VerifierKey.parse(sample["vkey"])

    note = Note.parse(sample["checkpoint"].encode())

    assert key.type == COSIGNATURE
    assert note.verify([key]) == [VerifiedSignature(key, sample["timestamp"])]
    assert Checkpoint.parse(note.text).size == 300
    assert note.to_bytes() == sample["checkpoint"].encode()


@each_sample
def test_a_cosignature_with_one_changed_byte_is_refused(number: int) -> None:
    sample = SAMPLES[number]
    key = VerifierKey.parse(sample["vkey"])
    note = Note.parse(sample["checkpoint"].encode())
    (signature,) = (s for s in note.signatures if (s.name, s.key_id) == (key.name, key.id))

    assert key.verify(note.text, signature.value) == sample["timestamp"]
    for at in range(len(signature.value)):
        changed = bytearray(signature.value)
        changed[at] ^= 0x10
        with pytest.raises(NoteError, match=r"^invalid signature for key"):
            key.verify(note.text, bytes(changed))


@each_sample
def test_a_cosignature_holds_for_its_own_checkpoint_alone(number: int) -> None:
    sample = SAMPLES[number]
    key = VerifierKey.parse(sample["vkey"])
    raw = sample["checkpoint"].encode()

    for other in (
        raw.replace(b"\n300\n", b"\n301\n"),
        raw.replace(b"2026h1", b"2026h2", 1),
        raw.replace(b"\n\n", b"\nextension\n\n"),
    ):
        assert other != raw
        with pytest.raises(NoteError, match=r"^invalid signature for key"):
            Note.parse(other).verify([key])


def test_a_cosignature_is_no_other_witnesss() -> None:
    first, _, third = (Note.parse(sample["checkpoint"].encode()) for sample in SAMPLES)
    key = VerifierKey.parse(SAMPLES[0]["vkey"])

    assert first.verify([key])
    with pytest.raises(NoteError, match=r"^note has no verifiable signatures$"):
        third.verify([key])


def test_the_mirrors_tiles_give_the_root_that_it_cosigned() -> None:
    key = VerifierKey.parse(SAMPLES[1]["vkey"])
    note = Note.parse(TILES["checkpoint"])
    reader = HashReader(tile)

    assert [verified.key for verified in note.verify([key])] == [key]
    assert mirrored().size == len(LEAVES) == 300
    assert reader.root(300) == root_of(LEAVES) == mirrored().root


def test_the_upper_tile_is_the_hash_of_the_full_one() -> None:
    assert hashes(TILES["tile/1/000.p/1"]) == [root_of(LEAVES[:TILE_WIDTH])]


def test_every_leaf_of_the_mirror_is_included() -> None:
    reader = HashReader(tile)

    for index, leaf in enumerate(LEAVES):
        proof = reader.inclusion_proof(index, 300)
        verify_inclusion(index, 300, leaf, proof, mirrored().root)


@pytest.mark.parametrize("old", [1, 255, 256, 257, 299])
def test_the_mirrors_log_begins_with_its_smaller_self(old: int) -> None:
    proof = HashReader(tile).consistency_proof(old, 300)

    verify_consistency(old, 300, root_of(LEAVES[:old]), mirrored().root, proof)
