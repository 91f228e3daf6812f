"""Parties' signatures: whether one is valid, for exactly this statement in exactly this fund.

The header `X-JWS-Signature` of a request is a detached JWS over the canonical bytes of `data`; it
is stored verbatim in the entry. The same function verifies it when the request arrives and in every
replay. Whether the key may sign for the party is a rule (`domain/governance/party_keys`).
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from app.chain.jws import (
    SignatureError,
    key_from_jwk,
    protected_header,
    sign_detached,
    verify_detached,
)

JWS_TYPE: Final = "fund-ledger+jws"
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
_NEEDED: Final = {"alg", "kid", "typ", "fund", "op", "nonce"}
_OPTIONAL: Final = {"seen"}


@dataclass(frozen=True, slots=True)
class PartySignature:
    """A valid signature: its key, its operation, its nonce, and what it was made over.

    `digest` is SHA-256 (hex) of the canonical bytes that were signed; `seen` a checkpoint, as size
    and root (hex), that the signer says they had verified.
    """

    jws: str
    kid: str
    op: str
    nonce: str
    digest: str
    seen: tuple[int, str] | None = None


def named_key(jws: str) -> str:
    """The key id in a signature's header, not verified: use it only to find the key.

    Raises SignatureError.
    """
    kid = protected_header(jws).get("kid")
    if type(kid) is not str:
        raise SignatureError("the header names no key")
    return kid


def check_signature(jws: str, payload: bytes, fund: str, jwk: dict[str, Any]) -> PartySignature:
    """Verify a signature over the canonical bytes of `data`. Raises SignatureError."""
    header = verify_detached(jws, payload, key_from_jwk(jwk))
    if not _NEEDED <= header.keys() <= _NEEDED | _OPTIONAL:
        raise SignatureError(f"the header has exactly {', '.join(sorted(_NEEDED))}, or seen too")
    if header["typ"] != JWS_TYPE:
        raise SignatureError(f"typ is not {JWS_TYPE}")
    if header["fund"] != fund:
        raise SignatureError("it was made for another fund")
    for name in ("op", "nonce"):
        # The form of an idempotency key, with safe characters only.
        if type(header[name]) is not str or not _VISIBLE.fullmatch(header[name]):
            raise SignatureError(f"{name} is not 1 to 255 visible ASCII characters")
    seen = _seen(header["seen"]) if "seen" in header else None
    digest = sha256(payload).hexdigest()
    return PartySignature(jws, header["kid"], header["op"], header["nonce"], digest, seen)


def sign(
    payload: bytes,
    key: ec.EllipticCurvePrivateKey,
    *,
    fund: str,
    op: str,
    nonce: str,
    seen: dict[str, Any] | None = None,
) -> str:
    """The header's value for a request: `payload` is the canonical form of its body."""
    header = {"typ": JWS_TYPE, "fund": fund, "op": op, "nonce": nonce}
    return sign_detached(payload, key, header if seen is None else {**header, "seen": seen})


def _seen(seen: object) -> tuple[int, str]:
    """A checkpoint that the signer says they had verified. Raises SignatureError."""
    if (
        type(seen) is not dict
        or seen.keys() != {"size", "root"}
        or type(seen["size"]) is not int
        or type(seen["root"]) is not str
    ):
        raise SignatureError("seen names a size and a root")
    return seen["size"], seen["root"]
