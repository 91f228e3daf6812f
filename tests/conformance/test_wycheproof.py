"""C2SP/wycheproof: signatures and keys that careless libraries accept.

A note's text is UTF-8, so the Ed25519 cases whose message is not cannot be a note and are left
out; a count says how many are in. The ECDSA messages are no JWS signing inputs: of those files
only the keys can be read here.
"""

from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.chain.jws import key_from_jwk, public_jwk
from app.chain.note import ED25519, NoteError, VerifierKey
from tests.support import vectors


class Case(NamedTuple):
    number: int
    key: bytes
    text: str
    signature: bytes
    result: str


def text_of(message: str) -> str | None:
    try:
        return bytes.fromhex(message).decode()
    except UnicodeDecodeError:
        return None


def groups(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = vectors.read_json(f"C2SP_wycheproof/{name}")["testGroups"]
    return found


CASES = [
    Case(
        test["tcId"],
        bytes.fromhex(group["publicKey"]["pk"]),
        text,
        bytes.fromhex(test["sig"]),
        test["result"],
    )
    for group in groups("ed25519_test.json")
    for test in group["tests"]
    if (text := text_of(test["msg"])) is not None
]
KEY_GROUPS = [
    group for group in groups("ecdsa_secp256r1_sha256_p1363_test.json") if "publicKeyJwk" in group
]


def test_enough_cases_have_a_message_that_is_a_text() -> None:
    results = [case.result for case in CASES]

    assert len(CASES) == 84
    assert (results.count("valid"), results.count("invalid")) == (22, 62)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.result}-{case.number}")
def test_a_signature_is_judged_as_published(case: Case) -> None:
    key = VerifierKey("wycheproof", ED25519, case.key)

    if case.result == "valid":
        assert key.verify(case.text, case.signature) is None
    else:
        with pytest.raises(NoteError, match=r"^invalid signature for key wycheproof\+"):
            key.verify(case.text, case.signature)


def test_every_published_public_key_is_read_from_its_jwk_and_written_back() -> None:
    for group in KEY_GROUPS:
        jwk = group["publicKeyJwk"]
        published = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
        assert isinstance(published, ec.EllipticCurvePublicKey)

        key = key_from_jwk(jwk)

        assert key.public_numbers() == published.public_numbers()
        assert {name: public_jwk(key)[name] for name in ("kty", "crv", "x", "y")} == {
            name: jwk[name] for name in ("kty", "crv", "x", "y")
        }

    assert len(KEY_GROUPS) == 103
