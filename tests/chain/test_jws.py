"""Detached signatures, cross-checked with `joserfc`; and everything a header must not say."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as reference
from joserfc.jwk import ECKey

from app.chain.canonical import encode
from app.chain.jws import (
    MAX_JWS_BYTES,
    SignatureError,
    protected_header,
    sign_detached,
    thumbprint,
    verify_detached,
)
from tests.support.chain import json_values, modest

PAYLOAD = '{"amount":"1500000.00","currency":"EUR","memo":"\u20ac \U0001f600"}'.encode()
HEADER = {"typ": "fund-ledger+jws", "fund": "era", "nonce": "n-1"}
KEYS = {
    "ES256": ec.derive_private_key(4711, ec.SECP256R1()),
    "ES384": ec.derive_private_key(4711, ec.SECP384R1()),
}
HASHES: dict[str, hashes.HashAlgorithm] = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384()}
P256 = KEYS["ES256"]
both = pytest.mark.parametrize("algorithm", ["ES256", "ES384"])


def unpadded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def signed(header: bytes, payload: bytes = PAYLOAD, algorithm: str = "ES256") -> str:
    """A valid signature under any header bytes, made without the code under test."""
    key = KEYS[algorithm]
    protected = unpadded(header)
    message = f"{protected}.{unpadded(payload)}".encode()
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(HASHES[algorithm])))
    width = key.key_size // 8
    return f"{protected}..{unpadded(r.to_bytes(width, 'big') + s.to_bytes(width, 'big'))}"


def own_header(algorithm: str = "ES256", **more: Any) -> dict[str, Any]:
    return {"alg": algorithm, "kid": thumbprint(KEYS[algorithm].public_key()), **more}


def refused(jws: str, sentence: str, payload: bytes = PAYLOAD, algorithm: str = "ES256") -> None:
    with pytest.raises(SignatureError) as refusal:
        verify_detached(jws, payload, KEYS[algorithm].public_key())

    assert str(refusal.value) == sentence


def reference_key(algorithm: str) -> ECKey:
    return ECKey.import_key(KEYS[algorithm])


def reference_registry(algorithm: str) -> reference.JWSRegistry:
    return reference.JWSRegistry(algorithms=[algorithm], strict_check_header=False)


@both
def test_the_reference_library_accepts_our_signature(algorithm: str) -> None:
    protected, _, signature = sign_detached(PAYLOAD, KEYS[algorithm], dict(HEADER)).split(".")

    compact = f"{protected}.{unpadded(PAYLOAD)}.{signature}"

    read = reference.deserialize_compact(
        compact, reference_key(algorithm), registry=reference_registry(algorithm)
    )
    assert read.payload == PAYLOAD
    assert read.headers() == {**HEADER, **own_header(algorithm)}


@both
def test_we_accept_the_reference_librarys_signature(algorithm: str) -> None:
    header = own_header(algorithm, **HEADER)
    compact = reference.serialize_compact(
        header, PAYLOAD, reference_key(algorithm), registry=reference_registry(algorithm)
    )
    protected, _, signature = compact.split(".")

    assert verify_detached(f"{protected}..{signature}", PAYLOAD, KEYS[algorithm].public_key()) == (
        header
    )


@modest
@given(st.sampled_from(["ES256", "ES384"]), st.binary(max_size=64), json_values(depth=1))
def test_a_signature_holds_for_its_payload_and_returns_its_header(
    algorithm: str, payload: bytes, value: Any
) -> None:
    key = KEYS[algorithm]

    jws = sign_detached(payload, key, {"seen": value})

    assert jws.split(".")[1] == ""
    header = verify_detached(jws, payload, key.public_key())
    assert header == protected_header(jws) == own_header(algorithm, seen=value)


def test_a_header_is_written_in_canonical_form() -> None:
    jws = sign_detached(PAYLOAD, P256, {"typ": "t", "a": 1})

    assert jws.split(".")[0] == unpadded(encode(own_header(typ="t", a=1)))


def test_the_signer_cannot_name_another_algorithm_or_key() -> None:
    jws = sign_detached(PAYLOAD, P256, {"alg": "none", "kid": "other"})

    assert verify_detached(jws, PAYLOAD, P256.public_key()) == own_header()


@both
def test_a_signature_does_not_hold_for_another_payload(algorithm: str) -> None:
    jws = sign_detached(PAYLOAD, KEYS[algorithm])

    for other in (b"", PAYLOAD + b"\n", PAYLOAD[:-1], PAYLOAD.replace(b"1", b"2", 1)):
        refused(jws, "the signature does not hold", other, algorithm)


def test_a_signature_does_not_hold_under_another_header() -> None:
    jws = sign_detached(PAYLOAD, P256, {"nonce": "n-1"})
    other = unpadded(encode(own_header(nonce="n-2")))

    refused(f"{other}..{jws.split('.')[2]}", "the signature does not hold")


def test_a_signature_of_another_key_is_refused() -> None:
    other = ec.derive_private_key(1, ec.SECP256R1())
    jws = sign_detached(PAYLOAD, other)
    under_our_name = f"{unpadded(encode(own_header()))}..{jws.split('.')[2]}"

    refused(jws, "the signature names another algorithm or key")
    refused(under_our_name, "the signature does not hold")


@pytest.mark.parametrize(
    "alg", ["ES384", "ES512", "none", "None", "HS256", "RS256", "es256", "", 7]
)
def test_the_keys_algorithm_is_not_the_headers_to_choose(alg: Any) -> None:
    header = {**own_header(), "alg": alg}

    refused(signed(encode(header)), "the signature names another algorithm or key")


@pytest.mark.parametrize("missing", ["alg", "kid"])
def test_a_header_names_algorithm_and_key(missing: str) -> None:
    header = own_header()
    del header[missing]

    refused(signed(encode(header)), "the signature names another algorithm or key")


@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_the_public_key_is_no_shared_secret(alg: str) -> None:
    pem = P256.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    protected = unpadded(encode({**own_header(), "alg": alg}))
    message = f"{protected}.{unpadded(PAYLOAD)}".encode()
    mac = hmac.new(pem, message, hashlib.sha256).digest()

    sentences = {
        "HS256": "the signature names another algorithm or key",
        "ES256": "the signature has the wrong length",
    }
    refused(f"{protected}..{unpadded(mac)}", sentences[alg])


@pytest.mark.parametrize("name", ["b64", "crit", "jku", "jwk", "x5c", "x5u"])
@pytest.mark.parametrize("value", [False, None, ["b64"], {"kty": "EC"}, "https://example.com"])
def test_a_header_that_would_steer_the_verifier_is_refused(name: str, value: Any) -> None:
    jws = signed(encode(own_header(**{name: value})))

    refused(jws, f"the header must not carry {name}")
    with pytest.raises(SignatureError, match=f"^the header must not carry {name}$"):
        protected_header(jws)


def test_the_payload_is_never_signed_without_base64() -> None:
    protected = unpadded(encode(own_header(b64=False, crit=["b64"])))
    der = P256.sign(protected.encode() + b"." + PAYLOAD, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)

    jws = f"{protected}..{unpadded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    refused(jws, "the header must not carry b64")


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"", "malformed header: not JSON at line 1 column 1"),
        (b"[]", "malformed header: not an object"),
        (b'"ES256"', "malformed header: not an object"),
        (b'{"alg":"ES256","alg":"none"}', "malformed header: a member stands twice in one object"),
        (b'{"iat":1.5}', "malformed header: a number with a fraction or an exponent"),
        (b"\xff", "malformed header: not UTF-8 at byte 0"),
        (b"[" * 5_000, "malformed header: nested deeper than 16"),
    ],
)
def test_a_header_that_is_no_object_is_refused(header: bytes, sentence: str) -> None:
    refused(signed(header), sentence)


@pytest.mark.parametrize("protected", ["e30=", "e3 0", "e31", "e", "{}"])
def test_a_header_in_another_spelling_of_base64url_is_refused(protected: str) -> None:
    with pytest.raises(SignatureError, match=r"^malformed header: (not )?base64url"):
        protected_header(f"{protected}..AAAA")


def test_a_signature_is_header_dot_dot_signature() -> None:
    jws = sign_detached(PAYLOAD, P256)
    protected, _, signature = jws.split(".")
    attached = f"{protected}.{unpadded(PAYLOAD)}.{signature}"

    for other in ("", protected, f"{protected}.{signature}", attached, jws + ".", "." + jws):
        refused(other, "expected header..signature")


@pytest.mark.parametrize("ending", ["=", "==", " ", "\n", "+", "/", "!", "\u0416"])
def test_a_signature_in_another_spelling_of_base64url_is_refused(ending: str) -> None:
    refused(sign_detached(PAYLOAD, P256) + ending, "the signature is not base64url")


@both
def test_a_signature_is_r_and_s_in_full_width(algorithm: str) -> None:
    jws = sign_detached(PAYLOAD, KEYS[algorithm])
    protected, _, signature = jws.split(".")
    value = base64.urlsafe_b64decode(signature + "==")
    half = len(value) // 2

    assert half == {"ES256": 32, "ES384": 48}[algorithm]
    shortened = (b"", value[:-1], value[:half], value[1:], value[: half - 1] + value[half:-1])
    for other in (*shortened, value + b"\x00", b"\x00" + value, value + value):
        jws = f"{protected}..{unpadded(other)}"
        refused(jws, "the signature has the wrong length", algorithm=algorithm)


def test_a_der_signature_is_refused() -> None:
    protected = unpadded(encode(own_header()))
    message = f"{protected}.{unpadded(PAYLOAD)}".encode()
    der = P256.sign(message, ec.ECDSA(hashes.SHA256()))

    refused(f"{protected}..{unpadded(der)}", "the signature has the wrong length")


@both
def test_no_changed_byte_of_a_signature_holds(algorithm: str) -> None:
    protected, _, signature = sign_detached(PAYLOAD, KEYS[algorithm]).split(".")
    value = base64.urlsafe_b64decode(signature + "==")

    for at in range(len(value)):
        other = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        jws = f"{protected}..{unpadded(other)}"
        refused(jws, "the signature does not hold", algorithm=algorithm)


@pytest.mark.parametrize("half", [bytes(32), b"\xff" * 32, bytes(31) + b"\x01"])
def test_a_signature_of_zeros_or_beyond_the_curve_does_not_hold(half: bytes) -> None:
    protected = unpadded(encode(own_header()))

    refused(f"{protected}..{unpadded(half + half)}", "the signature does not hold")


def test_a_signature_has_at_most_8192_characters() -> None:
    # 6,078 bytes of header are 8,104 letters; two dots and 86 letters of signature follow.
    room = 6_078 - len(encode(own_header(a="")))

    longest = sign_detached(PAYLOAD, P256, {"a": "x" * room})
    too_long = sign_detached(PAYLOAD, P256, {"a": "x" * (room + 1)})

    assert len(longest) == MAX_JWS_BYTES == 8_192
    assert verify_detached(longest, PAYLOAD, P256.public_key()) == own_header(a="x" * room)
    refused(too_long, "expected header..signature")


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1()])
def test_only_two_curves_sign(curve: ec.EllipticCurve) -> None:
    key = ec.derive_private_key(5, curve)

    with pytest.raises(SignatureError, match=r"^only P-256 and P-384 keys sign here$"):
        sign_detached(PAYLOAD, key)
    with pytest.raises(SignatureError, match=r"^only P-256 and P-384 keys sign here$"):
        verify_detached(sign_detached(PAYLOAD, P256), PAYLOAD, key.public_key())
