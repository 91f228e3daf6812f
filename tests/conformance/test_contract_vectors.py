"""The vectors of the wire contract, judged by libraries that are not ours."""

import base64
import hashlib
import json
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws as reference
from joserfc.jwk import ECKey

from tests.support import oracle
from tests.support.contract_vectors import BUNDLE, TRUST, VECTORS

REQUEST: dict[str, Any] = json.loads((VECTORS / "signed-request.json").read_text())
CANONICAL: list[dict[str, str]] = json.loads((VECTORS / "canonical.json").read_text())["accepted"]
REGISTRY = reference.JWSRegistry(algorithms=["ES256"], strict_check_header=False)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_second_jose_library_verifies_the_signed_request() -> None:
    key = ECKey.import_key({name: REQUEST["jwk"][name] for name in ("kty", "crv", "x", "y")})
    protected, empty, signature = REQUEST["jws"].split(".")
    payload = bytes.fromhex(REQUEST["canonical_hex"])

    read = reference.deserialize_compact(
        f"{protected}.{b64(payload)}.{signature}", key, registry=REGISTRY
    )

    assert (empty, read.payload) == ("", payload)
    assert read.headers() == REQUEST["protected"]
    assert json.loads(payload) == REQUEST["data"]


def test_thumbprints_agree() -> None:
    key = ECKey.import_key(REQUEST["jwk"])
    by_hand = hashlib.sha256(REQUEST["thumbprint_input"].encode()).digest()

    assert key.thumbprint() == b64(by_hand) == REQUEST["thumbprint"] == REQUEST["protected"]["kid"]


def test_a_second_jose_library_signs_with_the_private_key_what_the_public_one_verifies() -> None:
    key = ECKey.import_key(REQUEST["jwk"])
    payload = bytes.fromhex(REQUEST["canonical_hex"])

    made = reference.serialize_compact(REQUEST["protected"], payload, key, registry=REGISTRY)

    assert made.split(".")[1] == REQUEST["payload_base64url"]
    assert reference.deserialize_compact(made, key, registry=REGISTRY).payload == payload


def test_the_steps_lead_to_the_signature() -> None:
    public = ec.derive_private_key(
        int.from_bytes(base64.urlsafe_b64decode(REQUEST["jwk"]["d"] + "=")), ec.SECP256R1()
    ).public_key()
    r, s = int(REQUEST["r_hex"], 16), int(REQUEST["s_hex"], 16)
    header = REQUEST["protected_bytes"].encode()

    public.verify(encode_dss_signature(r, s), REQUEST["signing_input"].encode(), ec.ECDSA(SHA256()))

    assert REQUEST["signing_input"] == f"{b64(header)}.{REQUEST['payload_base64url']}"
    assert REQUEST["signature"] == b64(bytes.fromhex(REQUEST["r_hex"] + REQUEST["s_hex"]))
    assert REQUEST["jws"] == f"{b64(header)}..{REQUEST['signature']}"
    assert hashlib.sha256(REQUEST["canonical"].encode()).hexdigest() == REQUEST["canonical_sha256"]


@pytest.mark.parametrize("one", CANONICAL, ids=lambda one: one["name"])
def test_a_second_library_writes_the_same_canonical_bytes(one: dict[str, str]) -> None:
    written = rfc8785.dumps(json.loads(one["json"]))

    assert written.hex() == one["hex"]
    assert written.decode() == one["canonical"]


def test_a_second_verifier_accepts_the_bundle() -> None:
    code, said = oracle.verdict(BUNDLE, BUNDLE.with_name(TRUST))

    assert (code, said) == (0, ["ok: all 19 checks passed"])
