"""Parties that sign: keys that are always the same, registered and used through the client."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from app.chain.jws import public_jwk, thumbprint
from app.client import Client
from app.domain.values import Role
from tests.support.builders import Person, a_key_registration
from tests.support.service import Service

EcKey = ec.EllipticCurvePrivateKey


def a_key(number: int, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> EcKey:
    """Always the same key for the same number."""
    return ec.derive_private_key(number, curve())


def kid_of(private: EcKey) -> str:
    return thumbprint(private.public_key())


def jwk_of(private: EcKey) -> dict[str, str]:
    """The required members of the public key, and no others."""
    full = public_jwk(private.public_key())
    return {name: full[name] for name in ("kty", "crv", "x", "y")}


def admin(party: str) -> Person:
    return Person(party, Role.ADMIN)


def post_signed(
    service: Service,
    who: Person,
    path: str,
    body: dict[str, Any],
    private: EcKey,
    op: str,
    *,
    fund: str | None = None,
) -> dict[str, Any]:
    """What somebody records with their party's signature, through the client."""
    with Client(service.address, service.token(who), private) as client:
        return client.post((fund or service.path) + path, body, service.key(), op)


def registered(service: Service, party: str, private: EcKey, *, fund: str | None = None) -> str:
    """The name of a party's key, registered by itself."""
    fund = fund or service.path
    with Client(service.address, service.token(admin(party))) as client:
        digest, seen = client.get(fund)["charter_digest"], client.seen(fund.rpartition("/")[2])
    body = a_key_registration(digest, jwk_of(private), seen)
    post_signed(service, admin(party), "/keys", body, private, "key.registered", fund=fund)
    return kid_of(private)
