"""The development issuer: signs tokens for every party, so that one person can act for all of them.

It has a registry row for any party; its key lies in the data folder. Production refuses to have
one.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jose import jwt

from app.api.auth.issuers import Issuer
from app.chain.jws import public_jwk, thumbprint
from app.domain.values import Role
from app.runtime import clock
from app.runtime.settings import Settings
from app.trust.ledger_keys import KeyUnusable, read_or_make

PREFIX: Final = "urn:fundledger:development:"
LIFETIME: Final = timedelta(hours=12)
_PARTY: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,15}")


class DevelopmentIssuer:
    """Registry and signer in one, for one audience."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, audience: str) -> None:
        self._key = key
        self._audience = audience

    @classmethod
    def open(cls, settings: Settings, *, create: bool = True) -> "DevelopmentIssuer":
        """The issuer of this data folder. Raises KeyUnusable in production; and where there is no
        key, unless one may be created.
        """
        if settings.env == "production":
            raise KeyUnusable("there is no development issuer in production")
        path = Path(settings.keys_dir) / "development-issuer.pem"
        if not create and not path.exists():
            raise KeyUnusable(
                f"{path} is not here: run this where the service runs, or set FUNDLEDGER_DATA_DIR "
                "to its data folder"
            )
        key = read_or_make(path, lambda: ec.generate_private_key(ec.SECP256R1()), create=create)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyUnusable(f"{path} is not an EC key")
        return cls(key, settings.audience)

    def find(self, issuer: str) -> Issuer | None:
        """The row of any party's development issuer."""
        party = issuer.removeprefix(PREFIX)
        if not issuer.startswith(PREFIX) or not _PARTY.fullmatch(party):
            return None
        return Issuer(
            issuer=issuer,
            party=party,
            audience=self._audience,
            algorithms=("ES256",),
            roles=frozenset(Role) - {Role.LEDGER},
            max_lifetime_s=int(LIFETIME.total_seconds()),
            jwks={"keys": [public_jwk(self._key.public_key())]},
        )

    def token(self, party: str, roles: list[str], subject: str) -> str:
        """A bearer token for a person of a party, valid for twelve hours."""
        issued = clock.now()
        claims = {
            "iss": PREFIX + party,
            "sub": subject,
            "aud": self._audience,
            "iat": int(issued.timestamp()),
            "exp": int((issued + LIFETIME).timestamp()),
            "jti": clock.new_id(issued),
            "roles": roles,
        }
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        kid = thumbprint(self._key.public_key())
        token: str = jwt.encode(
            claims, pem, algorithm="ES256", headers={"typ": "at+jwt", "kid": kid}
        )
        return token
