"""The issuer registry: who may sign tokens for whom.

One issuer speaks for exactly one party. Its row pins everything that a token could otherwise
choose for itself: the exact issuer name, the keys or the address they are fetched from, the
algorithms, the audience, the longest lifetime, and the roles that it may hand out at most.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.chain.canonical import decode, encode
from app.chain.jws import SignatureError, key_from_jwk
from app.chain.spelling import read_base64url
from app.domain.values import PartyId, Role
from app.runtime.faults import Fault
from app.runtime.outbound import trusted

ALGORITHMS: Final = ("ES256", "ES384", "RS256", "PS256")
MIN_RSA_BITS: Final = 2_048
MAX_KEYS: Final = 20
MAX_JWKS_BYTES: Final = 65_536
FETCH_TIMEOUT_S: Final = 3.0
COOL_DOWN_S: Final = 30.0
"""After a fetch, unknown key ids are refused for this long without asking again."""
STALE_S: Final = 24 * 3600.0
"""Keys that were fetched are used this many seconds while the issuer cannot be reached."""

_logger = logging.getLogger(__name__)


class RegistryUnusable(Fault):
    """The registry's file cannot be read, or one of its rows is not safe."""


_PLAIN: Final = {"Accept-Encoding": "identity"}
"""Compressed answers are not asked for, because a small one can expand to a huge one."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be fetched now, so the token can be neither accepted nor refused."""


class Issuer(BaseModel):
    """One row of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, Field(min_length=1, max_length=500)]
    party: PartyId
    audience: Annotated[str, Field(min_length=1, max_length=500)]
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)]
    roles: frozenset[Role]
    max_lifetime_s: Annotated[int, Field(ge=1, le=86_400)]
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None

    @model_validator(mode="after")
    def _pins_its_keys(self) -> Self:
        if (self.jwks is None) == (self.jwks_uri is None):
            raise ValueError("an issuer has either jwks or jwks_uri")
        if self.jwks_uri is not None and not self.jwks_uri.startswith("https://"):
            raise ValueError("keys are fetched over https only")
        if not set(self.algorithms) <= set(ALGORITHMS):
            raise ValueError(f"algorithms are of {', '.join(ALGORITHMS)}")
        if Role.LEDGER in self.roles:
            raise ValueError("no issuer speaks for the ledger itself")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of this row in canonical JSON, which the partners of a fund agree on."""
        row = self.model_dump(mode="json", exclude_none=True)
        return sha256(encode({**row, "roles": sorted(row["roles"])})).hexdigest()


class Registry(Protocol):
    """Finds an issuer's row: in the registry's file, or of the development issuer."""

    def find(self, issuer: str) -> Issuer | None: ...


class FileRegistry:
    """The registry in a JSON file: `{"issuers": [{...}, ...]}`."""

    def __init__(self, path: Path) -> None:
        try:
            rows = json.loads(path.read_text())["issuers"]
            issuers = [Issuer.model_validate(row) for row in rows]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RegistryUnusable(f"issuer registry {path}: {error}") from None
        self._by_name = {row.issuer: row for row in issuers}
        if len(self._by_name) != len(issuers):
            raise RegistryUnusable(f"issuer registry {path}: an issuer stands twice")

    @property
    def rows(self) -> list[Issuer]:
        """All rows of the file."""
        return list(self._by_name.values())

    def find(self, issuer: str) -> Issuer | None:
        """The row with exactly this name."""
        return self._by_name.get(issuer)


@dataclass(slots=True)
class _FetchedKeys:
    """An issuer's keys as PEM by (key id, algorithm), and when they were fetched."""

    pems: Mapping[tuple[str, str], str] = field(default_factory=dict)
    fetched_at: float = -STALE_S
    tried_at: float = -COOL_DOWN_S


class Keys:
    """Issuers' public keys. Concurrent fetches are one request, and a fetch is not repeated before
    COOL_DOWN_S.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._sets: dict[str, _FetchedKeys] = {}
        self._lock = threading.Lock()
        self._client = httpx.Client(
            transport=transport,
            timeout=FETCH_TIMEOUT_S,
            follow_redirects=False,
            verify=trusted(),
        )

    def cached(self, issuer: Issuer, kid: str, algorithm: str) -> str | None:
        """The key as one PEM if it is in memory; else None, without a request."""
        known = self._sets.get(issuer.issuer)
        if known is None and issuer.jwks is not None:
            known = self._sets[issuer.issuer] = _FetchedKeys(read_jwks(issuer.jwks, issuer))
        return known.pems.get((kid, algorithm)) if known else None

    def fetch(self, issuer: Issuer, kid: str, algorithm: str) -> str | None:
        """As `cached`, after asking the issuer if that is due. Blocks. Raises KeysUnavailable."""
        if issuer.jwks_uri is None:
            return None
        with self._lock:
            known = self._sets.setdefault(issuer.issuer, _FetchedKeys())
            if time.monotonic() - known.tried_at >= COOL_DOWN_S:
                self._refresh(issuer, issuer.jwks_uri, known)
            if time.monotonic() - known.fetched_at >= STALE_S:
                raise KeysUnavailable(issuer.issuer)
            return known.pems.get((kid, algorithm))

    def _refresh(self, issuer: Issuer, address: str, known: _FetchedKeys) -> None:
        known.tried_at = time.monotonic()
        try:
            with self._client.stream("GET", address, headers=_PLAIN) as response:
                response.raise_for_status()
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise ValueError("packed")  # noqa: TRY301  handled like any bad set
                content = b""
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_JWKS_BYTES:
                        raise ValueError("too large")  # noqa: TRY301  handled like any bad set
            known.pems = read_jwks(decode(content), issuer)
            known.fetched_at = time.monotonic()
        except (httpx.HTTPError, ValueError) as error:
            _logger.warning("keys of issuer %s: %s", issuer.issuer, type(error).__name__)


def read_jwks(jwks: Any, issuer: Issuer) -> dict[tuple[str, str], str]:
    """Usable signing keys of a set by (kid, algorithm). Raises ValueError for an ambiguous set."""
    keys = jwks.get("keys") if type(jwks) is dict else None
    if type(keys) is not list or len(keys) > MAX_KEYS:
        raise ValueError("not a key set")
    pems: dict[tuple[str, str], str] = {}
    kids: set[str] = set()
    for jwk in keys:
        kid = jwk.get("kid") if type(jwk) is dict else None
        if type(kid) is not str or kid in kids:
            raise ValueError("a key without an id of its own")
        kids.add(kid)
        if jwk.get("use", "sig") != "sig":
            continue
        for algorithm in issuer.algorithms:
            if jwk.get("alg", algorithm) == algorithm and (pem := _pem(jwk, algorithm)):
                pems[kid, algorithm] = pem
    return pems


def _pem(jwk: dict[str, Any], algorithm: str) -> str | None:
    """The public key as PEM text; None when it is not one for this algorithm."""
    curve = {"ES256": "P-256", "ES384": "P-384"}.get(algorithm)
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    try:
        if curve is not None:
            if jwk.get("crv") != curve:
                return None
            public = key_from_jwk(jwk)
        else:
            if jwk.get("kty") != "RSA" or "d" in jwk:
                return None
            n, e = (int.from_bytes(read_base64url(jwk[name]), "big") for name in ("n", "e"))
            public = rsa.RSAPublicNumbers(e, n).public_key()
            if public.key_size < MIN_RSA_BITS:
                return None
    except (KeyError, TypeError, ValueError, SignatureError):
        return None
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")
