"""Public keys as JWK: one spelling each, cross-checked with `joserfc`."""

from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from app.chain.jws import SignatureError, key_from_jwk, public_jwk, thumbprint
from app.chain.spelling import write_base64url
from tests.support.chain import json_values, modest

KEYS = {
    "ES256": ec.derive_private_key(4711, ec.SECP256R1()).public_key(),
    "ES384": ec.derive_private_key(4711, ec.SECP384R1()).public_key(),
}
P256 = KEYS["ES256"]
both = pytest.mark.parametrize("algorithm", ["ES256", "ES384"])
each_coordinate = pytest.mark.parametrize("name", ["x", "y"])


def refused(jwk: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SignatureError) as refusal:
        key_from_jwk(jwk)

    assert str(refusal.value) == sentence


def coordinate(jwk: dict[str, str], name: str) -> bytes:
    return urlsafe_b64decode(jwk[name] + "==")


@both
def test_thumbprints_are_the_reference_librarys(algorithm: str) -> None:
    reference = ECKey.import_key(KEYS[algorithm])

    assert thumbprint(KEYS[algorithm]) == reference.thumbprint()


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1()])
def test_a_key_on_another_curve_has_no_thumbprint_and_no_jwk(curve: ec.EllipticCurve) -> None:
    key = ec.derive_private_key(5, curve).public_key()

    for write in (thumbprint, public_jwk):
        with pytest.raises(SignatureError, match=r"^only P-256 and P-384 keys sign here$"):
            write(key)


@both
def test_a_public_key_survives_writing_and_reading(algorithm: str) -> None:
    key = KEYS[algorithm]

    jwk = public_jwk(key)

    assert jwk.keys() == {"crv", "kty", "x", "y", "alg", "use", "kid"}
    assert (jwk["alg"], jwk["use"], jwk["kid"]) == (algorithm, "sig", thumbprint(key))
    assert key_from_jwk(jwk).public_numbers() == key.public_numbers()
    assert ECKey.import_key(dict(jwk)).thumbprint() == jwk["kid"]


@pytest.mark.parametrize(
    ("secret", "curve", "width"), [(379, ec.SECP256R1(), 43), (197, ec.SECP384R1(), 64)]
)
def test_a_coordinate_keeps_its_leading_zeros(
    secret: int, curve: ec.EllipticCurve, width: int
) -> None:
    key = ec.derive_private_key(secret, curve).public_key()

    jwk = public_jwk(key)

    assert key.public_numbers().x.bit_length() <= curve.key_size - 8
    assert jwk["x"].startswith("A")
    assert len(jwk["x"]) == len(jwk["y"]) == width
    assert thumbprint(key) == ECKey.import_key(key).thumbprint()
    assert key_from_jwk(jwk).public_numbers() == key.public_numbers()


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "OKP"},
        {"kty": None},
        {"crv": "P-521"},
        {"crv": "secp256k1"},
        {"crv": None},
        {"crv": 256},
        {"crv": ["P-256"]},
        {"crv": {"P-256": 1}},
        {"kty": ["EC"]},
        {"d": "AA"},
    ],
)
def test_only_public_keys_on_two_curves_are_read(change: dict[str, Any]) -> None:
    jwk = {**public_jwk(P256), **change}

    refused(jwk, "expected a public EC key on P-256 or P-384")


def test_an_empty_key_is_no_key() -> None:
    refused({}, "expected a public EC key on P-256 or P-384")


@both
@each_coordinate
def test_a_coordinate_has_the_full_width_of_its_curve(algorithm: str, name: str) -> None:
    jwk = public_jwk(KEYS[algorithm])
    value = coordinate(jwk, name)

    for other in (b"", b"\x00", value[:-1], value[1:], b"\x00" + value, value + b"\x00", value * 2):
        refused({**jwk, name: write_base64url(other)}, "a coordinate has the wrong length")


@pytest.mark.parametrize(("secret", "curve"), [(379, ec.SECP256R1()), (197, ec.SECP384R1())])
def test_a_coordinate_without_its_leading_zeros_is_refused(
    secret: int, curve: ec.EllipticCurve
) -> None:
    jwk = public_jwk(ec.derive_private_key(secret, curve).public_key())
    shorter = coordinate(jwk, "x").lstrip(b"\x00")

    assert int.from_bytes(shorter, "big") == int.from_bytes(coordinate(jwk, "x"), "big")
    refused({**jwk, "x": write_base64url(shorter)}, "a coordinate has the wrong length")


@each_coordinate
@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], {}, ["AA"], b"AA", "A=", "!", "\ud800"])
def test_a_coordinate_is_a_base64url_string(name: str, value: Any) -> None:
    refused({**public_jwk(P256), name: value}, "the key is not a point on its curve")


@each_coordinate
@pytest.mark.parametrize("value", [bytes(32), bytes(31) + b"\x01", b"\xff" * 32])
def test_a_key_is_a_point_on_its_curve(name: str, value: bytes) -> None:
    jwk = {**public_jwk(P256), name: write_base64url(value)}

    refused(jwk, "the key is not a point on its curve")


@each_coordinate
def test_a_key_has_both_coordinates(name: str) -> None:
    jwk = public_jwk(P256)
    del jwk[name]

    refused(jwk, "the key is not a point on its curve")


def test_a_point_of_one_curve_is_none_of_the_other() -> None:
    jwk = {**public_jwk(P256), "crv": "P-384"}
    widened = {name: write_base64url(bytes(16) + coordinate(jwk, name)) for name in ("x", "y")}

    refused(jwk, "a coordinate has the wrong length")
    refused(jwk | widened, "the key is not a point on its curve")


@modest
@given(
    st.sampled_from(["P-256", "P-384"]) | json_values(depth=1),
    st.just("EC") | json_values(depth=1),
    json_values(depth=1),
    json_values(depth=1),
)
def test_json_that_is_no_key_is_refused_as_no_key(crv: Any, kty: Any, x: Any, y: Any) -> None:
    with pytest.raises(SignatureError):
        key_from_jwk({"crv": crv, "kty": kty, "x": x, "y": y})
