"""Rows of an issuer registry, and tokens that such an issuer signs."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwt

from app.api.auth.issuers import Issuer
from app.chain.jws import public_jwk
from app.chain.spelling import write_base64url
from app.runtime import clock

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = public_jwk(KEY.public_key())
ADDRESS = "https://login.example/jwks"
NAME = "https://login.example"


def a_row(**changes: Any) -> dict[str, Any]:
    row = {
        "issuer": NAME,
        "party": "DE",
        "audience": "fundledger",
        "algorithms": ["ES256"],
        "roles": ["treasury"],
        "max_lifetime_s": 600,
        "jwks": {"keys": [JWK]},
        **changes,
    }
    return {name: value for name, value in row.items() if value is not None}


def an_issuer(**changes: Any) -> Issuer:
    return Issuer.model_validate(a_row(**changes))


def rsa_jwk(bits: int) -> dict[str, str]:
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    n = numbers.n.to_bytes((bits + 7) // 8, "big")
    return {"kty": "RSA", "kid": "r", "n": write_base64url(n), "e": "AQAB"}


def a_token(kind: str = "at+jwt", /, **changes: Any) -> str:
    """A token of that issuer; a claim that is None is left out."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": NAME,
        "sub": "de-1",
        "aud": "fundledger",
        "iat": now,
        "exp": now + 300,
        "jti": "1",
        "roles": ["treasury"],
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    headers = {"typ": kind, "kid": JWK["kid"]}
    token: str = jwt.encode(claims, pem, algorithm="ES256", headers=headers)
    return token
