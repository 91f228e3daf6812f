"""Keys of signed notes: their two text forms, their ids, and what is no key."""

from hashlib import sha256

import pytest
from hypothesis import given

from app.chain.note import COSIGNATURE, ED25519, NoteError, NoteKey, VerifierKey
from app.chain.spelling import write_base64
from tests.support.chain import a_key, flipped, key_names, key_types, modest, seeds


def private_text(name: str, seed: bytes, key_type: int = ED25519) -> str:
    """Go's form of a signing key."""
    key_id = NoteKey.from_seed(name, seed, key_type).verifier.id.hex()
    return f"PRIVATE+KEY+{name}+{key_id}+{write_base64(bytes([key_type]) + seed)}"


@modest
@given(key_names, seeds, key_types)
def test_a_verifier_key_reads_what_it_writes(name: str, seed: bytes, key_type: int) -> None:
    key = NoteKey.from_seed(name, seed, key_type).verifier

    assert VerifierKey.parse(str(key)) == key


@modest
@given(key_names, seeds, key_types)
def test_a_signing_key_is_read_from_gos_form(name: str, seed: bytes, key_type: int) -> None:
    key = NoteKey.parse(private_text(name, seed, key_type) + "\n")

    assert (key.name, key.type) == (name, key_type)
    assert key.verifier == NoteKey.from_seed(name, seed, key_type).verifier


def test_a_key_id_is_the_start_of_a_hash_over_name_type_and_key() -> None:
    key = a_key().verifier

    preimage = b"fund.example/era\n\x01" + key.public
    assert key.id == sha256(preimage).digest()[:4]
    assert str(key) == f"fund.example/era+{key.id.hex()}+{write_base64(preimage[17:])}"


def test_a_key_has_another_id_as_a_witness_or_under_another_name() -> None:
    log, witness = a_key().verifier, a_key(key_type=COSIGNATURE).verifier

    assert log.public == witness.public == a_key("other").verifier.public
    assert len({log.id, witness.id, a_key("other").verifier.id}) == 3


@pytest.mark.parametrize("text", ["", "name", "name+00000000", "name+00000000+A", "name+1+Q!=="])
def test_a_verifier_key_has_three_parts(text: str) -> None:
    with pytest.raises(NoteError, match=r"^a verifier key is name\+id\+base64$"):
        VerifierKey.parse(text)


@pytest.mark.parametrize("part", range(3))
def test_a_verifier_key_holds_no_lone_surrogate(part: int) -> None:
    parts = str(a_key().verifier).split("+", 2)

    for surrogate in ("\ud800", "\udfff", "\udcff"):
        other = [*parts[:part], parts[part] + surrogate, *parts[part + 1 :]]
        with pytest.raises(NoteError, match=r"^a verifier key is name\+id\+base64$"):
            VerifierKey.parse("+".join(other))


@pytest.mark.parametrize(
    ("key_type", "size"), [(0, 32), (2, 32), (5, 32), (6, 32), (255, 32), (1, 31), (1, 33), (4, 0)]
)
def test_other_keys_than_ed25519_are_not_known(key_type: int, size: int) -> None:
    key = VerifierKey("name", key_type, bytes(size))

    with pytest.raises(NoteError, match=r"^only Ed25519 keys \(types 1 and 4\) are known$"):
        VerifierKey.parse(str(key))


def test_a_verifier_key_without_any_bytes_is_not_known() -> None:
    with pytest.raises(NoteError, match=r"^only Ed25519 keys"):
        VerifierKey.parse("name+00000000+")


def test_a_key_id_that_is_not_the_keys_own_is_refused() -> None:
    key = a_key().verifier
    own = key.id.hex()

    for other in ("00000000", own.upper(), own[:-1], own + "0", ""):
        with pytest.raises(NoteError, match=f"^the key id is {other}, but the key has {own}$"):
            VerifierKey.parse(str(key).replace(own, other))


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\tb", "a\u00a0b", "a\u2003b", "a\u2028b", "a\x85b", "a\x7fb", "\n", "a\x00"],
)
def test_a_key_name_is_not_empty_and_holds_no_space(name: str) -> None:
    sentence = r"^a key name is not empty and holds no space and no '\+'$"

    encoded = write_base64(bytes([ED25519]) + bytes(32))

    for text in (str(VerifierKey(name, ED25519, bytes(32))), f"{name}+00000000+AA=="):
        with pytest.raises(NoteError, match=sentence):
            VerifierKey.parse(text)
    with pytest.raises(NoteError, match=sentence):
        NoteKey.from_seed(name, bytes(32))
    with pytest.raises(NoteError, match=sentence):
        NoteKey.parse(f"PRIVATE+KEY+{name}+00000000+{encoded}")


def test_a_key_name_holds_no_plus() -> None:
    with pytest.raises(NoteError, match=r"^a key name is not empty and holds no space and no"):
        NoteKey.from_seed("a+b", bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PRIVATE+KEY+name+00000000",
        "PRIVATE+KEY+name+00000000+",
        "PRIVATE+KEY+name+00000000+A!==",
        "PUBLIC+KEY+name+00000000+" + write_base64(b"\x01" + bytes(32)),
        "PRIVATE+key+name+00000000+" + write_base64(b"\x01" + bytes(32)),
    ],
)
def test_what_is_not_gos_form_is_no_signing_key(text: str) -> None:
    with pytest.raises(NoteError) as refusal:
        NoteKey.parse(text)

    assert str(refusal.value) == "a signing key is PRIVATE+KEY+name+id+base64"


@pytest.mark.parametrize(
    ("key_type", "size"),
    [(0, 32), (2, 32), (5, 32), (6, 32), (255, 32), (1, 0), (1, 31), (1, 33), (1, 64), (4, 31)],
)
def test_a_signing_key_has_a_known_type_and_32_bytes(key_type: int, size: int) -> None:
    sentence = r"^only Ed25519 keys \(types 1 and 4\) of 32 bytes are known$"
    encoded = write_base64(bytes([key_type]) + bytes(size))

    with pytest.raises(NoteError, match=sentence):
        NoteKey.from_seed("name", bytes(size), key_type)
    with pytest.raises(NoteError, match=sentence):
        NoteKey.parse(f"PRIVATE+KEY+name+00000000+{encoded}")


@pytest.mark.parametrize("key_type", [-1, 256, 2**70])
def test_a_signing_keys_type_fits_a_byte(key_type: int) -> None:
    with pytest.raises(NoteError, match=r"^only Ed25519 keys"):
        NoteKey.from_seed("name", bytes(32), key_type)


def test_a_signing_key_under_another_id_or_name_is_refused() -> None:
    text = private_text("name", bytes(range(32)))
    key_id = NoteKey.parse(text).verifier.id

    other_name = text.replace("+name+", "+nane+")
    other_id = text.replace(key_id.hex(), flipped(key_id, 0).hex())

    for other in (other_name, other_id):
        with pytest.raises(NoteError, match=r"^the signing key's id does not fit its key$"):
            NoteKey.parse(other)


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_a_signing_keys_name_holds_no_lone_surrogate(name: str) -> None:
    encoded = write_base64(bytes([ED25519]) + bytes(32))

    with pytest.raises(NoteError):
        NoteKey.parse(f"PRIVATE+KEY+{name}+00000000+{encoded}")
