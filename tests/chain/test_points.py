"""Keys under which anybody can sign are no keys, in whatever spelling they come."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.chain.note import ED25519, NoteError, VerifierKey
from app.chain.points import is_sound

P = 2**255 - 19
OF_ORDER_8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
WEAK_Y = (0, 1, P - 1, OF_ORDER_8, P - OF_ORDER_8)
SPELLINGS = sorted(
    {
        (number | sign << 255).to_bytes(32, "little")
        for y in WEAK_Y
        for number in (y, y + P)
        for sign in (0, 1)
        if number < 2**255
    }
)
"""The eight points of small order, and every other spelling that some verifier takes for one."""


@pytest.mark.parametrize("public", SPELLINGS, ids=lambda key: key.hex()[:8])
def test_no_spelling_of_a_point_of_small_order_is_a_key(public: bytes) -> None:
    assert not is_sound(public)
    with pytest.raises(NoteError, match="anybody can sign"):
        VerifierKey.parse(str(VerifierKey("witness.example/w", ED25519, public)))


def test_the_library_would_have_accepted_a_signature_that_anybody_makes() -> None:
    """Why this matters: R = identity, s = 0 holds under the identity for every message."""
    identity = (1).to_bytes(32, "little")
    forged = identity + bytes(32)

    try:
        Ed25519PublicKey.from_public_bytes(identity).verify(forged, b"whatever")
    except InvalidSignature:
        pytest.skip("this version of the library refuses it by itself")


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_is_generated_is_sound(seed: bytes) -> None:
    assert is_sound(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


@given(st.binary(max_size=40))
def test_any_bytes_are_judged_and_none_raises(raw: bytes) -> None:
    assert is_sound(raw) in (True, False)


def test_a_number_beyond_the_field_and_one_off_the_curve_are_no_keys() -> None:
    assert not is_sound((P + 3).to_bytes(32, "little"))
    assert not is_sound((2).to_bytes(32, "little"))
    assert not is_sound(b"")
