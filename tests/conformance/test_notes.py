"""golang/mod sumdb and the C2SP texts: notes, checkpoints, cosignatures, reference hashes."""

from base64 import b64decode
from typing import Any

import pytest

from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteError, VerifierKey, cosignature_message
from app.chain.tiles import TILE_WIDTH, stored_hashes
from app.chain.tree import Frontier, leaf_hash, node_hash, root_of
from tests.support import vectors

VECTORS: dict[str, Any] = vectors.read_json("golang_x_mod_and_C2SP_notes/vectors.json")
KEYS = [VerifierKey.parse(text) for text in VECTORS["good_vkeys"]]
GOOD = [case for case in VECTORS["open"] if "verified" in case]
BAD = [case for case in VECTORS["open"] if "error" in case]


def raw_note(case: dict[str, Any]) -> bytes:
    if "note_base64" in case:
        return b64decode(case["note_base64"])
    text: str = case["note"]
    return text.encode()


def opened(case: dict[str, Any]) -> list[str]:
    known = [VerifierKey.parse(text) for text in case["known"]]
    verified = Note.parse(raw_note(case)).verify(known)
    return [f"{one.key.name}+{one.key.id.hex()}" for one in verified]


def test_the_file_is_whole() -> None:
    assert (len(KEYS), len(VECTORS["bad_vkeys"]), len(GOOD), len(BAD)) == (3, 3, 3, 10)


def test_a_published_verifier_key_is_written_back() -> None:
    assert [str(key) for key in KEYS] == VECTORS["good_vkeys"]


@pytest.mark.parametrize(
    ("number", "why", "sentence"),
    [
        (0, "wrong key length, hash adjusted", "a verifier key is name+id+base64"),
        (1, "unknown algorithm 0x65, hash adjusted", "only Ed25519 keys (types 1 and 4) are known"),
        (2, "wrong key id", "the key id is c74f20a4, but the key has c74f20a3"),
    ],
)
def test_a_bad_verifier_key_is_refused_for_its_reason(number: int, why: str, sentence: str) -> None:
    text, published = VECTORS["bad_vkeys"][number]
    assert published == why

    with pytest.raises(NoteError) as refusal:
        VerifierKey.parse(text)

    assert str(refusal.value) == sentence


def test_the_published_signature_is_over_the_text_and_written_back() -> None:
    # The file holds no private key, so signing itself cannot be compared here.
    text, want = VECTORS["sign"]["text"], VECTORS["sign"]["want"]

    note = Note.parse(want.encode())

    assert note.text == text
    assert note.to_bytes() == want.encode()
    assert [verified.key for verified in note.verify(KEYS)] == [KEYS[0]]


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_a_good_note_opens_with_the_keys_that_signed_it(number: int) -> None:
    case = GOOD[number]

    assert opened(case) == case["verified"]

    others = [f"{s.name}+{s.key_id.hex()}" for s in Note.parse(raw_note(case)).signatures]
    assert others == case["verified"] + case["unverified"]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_bad_note_is_refused_for_the_published_reason(number: int) -> None:
    case = BAD[number]

    with pytest.raises(NoteError) as refusal:
        opened(case)

    assert str(refusal.value).startswith(case["error"])


def test_the_published_checkpoint_is_read_and_written_back() -> None:
    case = VECTORS["checkpoint_body"]

    checkpoint = Checkpoint.parse(case["good"])

    assert checkpoint.origin == "go.sum database tree"
    assert checkpoint.size == case["size"]
    assert checkpoint.root == leaf_hash(case["root_is_leaf_hash_of"].encode())
    assert checkpoint.text() == case["good"]


def test_the_published_cosignature_signs_the_published_message() -> None:
    case = VECTORS["cosignature_v1_message"]

    raw = f"{case['checkpoint_body']}\n{case['signature_line']}\n".encode()
    (signature,) = Note.parse(raw).signatures

    assert cosignature_message(case["checkpoint_body"], case["timestamp"]) == (
        case["signed_message"].encode()
    )
    assert signature.name == "witness.example.com/w1"
    assert signature.line() == case["signature_line"] + "\n"
    assert int.from_bytes(signature.value[:8], "big") == case["timestamp"]
    assert len(signature.value) == 8 + 64


def test_reference_trees_have_their_published_roots() -> None:
    reference = VECTORS["rfc6962_reference"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in reference["leaf_inputs_hex"]]

    roots = [root_of(leaves[:size]).hex() for size in range(len(leaves) + 1)]

    assert len(roots) == 9
    assert roots == reference["roots_by_size_hex"]


def test_single_hashes_have_their_published_values() -> None:
    single = [case["want"] for case in VECTORS["rfc6962_reference"]["single"]]

    assert [leaf_hash(b"L123456").hex(), node_hash(b"N123", b"N456").hex()] == single


@pytest.mark.parametrize("number", range(2))
def test_a_log_has_as_many_stored_hashes_as_its_tiles_hold(number: int) -> None:
    case = VECTORS["tiles_for_size"][number]
    _, completed = Frontier().extend([bytes(32)] * case["size"])

    stored = [level for level, _, _ in stored_hashes(completed.items())]

    for level in (1, 2, 3):
        full, partial = case["full"], case["partial_width"]
        width = full.get(str(level), 0) * TILE_WIDTH + partial.get(str(level), 0)
        assert stored.count(level) == width
