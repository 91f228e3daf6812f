"""Detached JWS (RFC 7515 appendix F) with ES256 or ES384: `header..signature`, payload elsewhere.

The algorithm is the key's, never the header's: a header that names another one is refused. The
payload is always base64url-encoded for signing (RFC 7797's `b64: false` is refused).
"""

from hashlib import sha256
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from app.chain.canonical import NotCanonical, decode, encode
from app.chain.spelling import read_base64url, write_base64url

MAX_JWS_BYTES: Final = 8_192
_ALGORITHMS: Final = {"secp256r1": "ES256", "secp384r1": "ES384"}
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "ES256": hashes.SHA256(),
    "ES384": hashes.SHA384(),
}


class SignatureError(ValueError):
    """A signature or its key is not acceptable; the message says why."""


class EcSigner(Protocol):
    """An EC private key: in memory (`EllipticCurvePrivateKey`), or in a security module.

    `sign` hashes the data and returns a signature in DER.
    """

    def public_key(self) -> ec.EllipticCurvePublicKey: ...

    def sign(self, data: bytes, signature_algorithm: ec.ECDSA, /) -> bytes: ...


def sign_detached(payload: bytes, key: EcSigner, header: dict[str, Any] | None = None) -> str:
    """Sign `payload`; `alg` and `kid` are added to the protected header."""
    algorithm = _algorithm(key.public_key())
    kid = thumbprint(key.public_key())
    protected = write_base64url(encode({**(header or {}), "alg": algorithm, "kid": kid}))
    der = key.sign(_signing_input(protected, payload), ec.ECDSA(_HASHES[algorithm]))
    r, s = decode_dss_signature(der)
    width = _width(key.public_key())
    return f"{protected}..{write_base64url(r.to_bytes(width, 'big') + s.to_bytes(width, 'big'))}"


def verify_detached(jws: str, payload: bytes, key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """Check a detached signature and return its protected header. Raises SignatureError."""
    protected, signature = _split(jws)
    header = protected_header(jws)
    algorithm = _algorithm(key)
    if header.get("alg") != algorithm or header.get("kid") != thumbprint(key):
        raise SignatureError("the signature names another algorithm or key")
    width = _width(key)
    if len(signature) != 2 * width:
        raise SignatureError("the signature has the wrong length")
    r, s = (int.from_bytes(half, "big") for half in (signature[:width], signature[width:]))
    message = _signing_input(protected, payload)
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(_HASHES[algorithm]))
    except InvalidSignature:
        raise SignatureError("the signature does not hold") from None
    return header


def protected_header(jws: str) -> dict[str, Any]:
    """The protected header, not verified: use it only to find the key. Raises SignatureError."""
    try:
        header = decode(read_base64url(_split(jws)[0]))
    except (NotCanonical, ValueError) as error:
        raise SignatureError(f"malformed header: {error}") from None
    if type(header) is not dict:
        raise SignatureError("malformed header: not an object")
    if forbidden := {"b64", "crit", "jku", "jwk", "x5c", "x5u"} & header.keys():
        raise SignatureError(f"the header must not carry {min(forbidden)}")
    return header


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public key as a JWK (RFC 7517) with its thumbprint as `kid`."""
    return {**_required_members(key), "alg": _algorithm(key), "use": "sig", "kid": thumbprint(key)}


def key_from_jwk(jwk: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    """Read an EC public JWK on P-256 or P-384. Raises SignatureError."""
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
    curve = curves.get(str(jwk.get("crv")))
    if jwk.get("kty") != "EC" or curve is None or "d" in jwk:
        raise SignatureError("expected a public EC key on P-256 or P-384")
    try:
        x, y = read_base64url(jwk["x"]), read_base64url(jwk["y"])
        # RFC 7518 section 6.2.1.2: the full width of the curve, so that a key has one spelling.
        if not len(x) == len(y) == (curve.key_size + 7) // 8:
            raise SignatureError("a coordinate has the wrong length")
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve
        )
        return numbers.public_key()
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SignatureError):
            raise
        raise SignatureError("the key is not a point on its curve") from None


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """RFC 7638: SHA-256 over the canonical required members, base64url."""
    return write_base64url(sha256(encode(_required_members(key))).digest())


def _required_members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    _algorithm(key)  # refuses other curves
    width, numbers = _width(key), key.public_numbers()
    return {
        "crv": _CURVES[key.curve.name],
        "kty": "EC",
        "x": write_base64url(numbers.x.to_bytes(width, "big")),
        "y": write_base64url(numbers.y.to_bytes(width, "big")),
    }


def _algorithm(key: ec.EllipticCurvePublicKey) -> str:
    if key.curve.name not in _ALGORITHMS:
        raise SignatureError("only P-256 and P-384 keys sign here")
    return _ALGORITHMS[key.curve.name]


def _width(key: ec.EllipticCurvePublicKey) -> int:
    return (key.curve.key_size + 7) // 8


def _signing_input(protected: str, payload: bytes) -> bytes:
    return f"{protected}.{write_base64url(payload)}".encode()


def _split(jws: str) -> tuple[str, bytes]:
    parts = jws.split(".")
    if len(jws) > MAX_JWS_BYTES or len(parts) != 3 or parts[1]:
        raise SignatureError("expected header..signature")
    try:
        return parts[0], read_base64url(parts[2])
    except ValueError:
        raise SignatureError("the signature is not base64url") from None
