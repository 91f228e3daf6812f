"""Bearer tokens: one verifier, python-jose behind guards.

The library checks the signature with one algorithm and one key that the registry picked; what it
is known to let through is checked here, by number (docs/security.md lists the guards):

 G1  size, three parts, one spelling of base64url
 G2  header: no crit, jku, jwk, x5c, x5t, x5u, zip, b64; typ is at+jwt (or JWT, by the row)
 G3  the unverified iss only picks the registry's row, by exact match
 G4  the key is the row's, by kid and algorithm, one PEM text; G5 one algorithm; G6 never HS*
 G7  exp, iat, aud, iss, sub and jti are there (plain JWTs need no jti), and no ID token's claims
 G8  aud names us exactly
 G9  times are numbers (no bool), and the lifetime is within the row's limit
 G10 iat and nbf lie at most ten seconds ahead
 G11 header and claims are objects without duplicate members, of little depth
 G12 whatever goes wrong is a 401
 G14 a verified token is remembered for a minute at most, never past its end

(G13, one-time tokens, does not apply to access tokens.)
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from jose import jwt
from pydantic import TypeAdapter, ValidationError

from app.api.auth.issuers import Issuer, Registry
from app.api.auth.key_sets import KeySets
from app.chain.canonical import NotCanonical, decode
from app.chain.spelling import read_base64url
from app.domain.command import Actor
from app.domain.values import Role, Subject

MAX_TOKEN_BYTES: Final = 8_192
LEEWAY_S: Final = 10
CACHE_S: Final = 60
CACHE_SIZE: Final = 10_000
_FORBIDDEN_HEADERS: Final = {"b64", "crit", "jku", "jwk", "x5c", "x5t", "x5u", "zip"}
_TYPES: Final = ("at+jwt", "application/at+jwt")
_NEEDED: Final = ("exp", "iat", "aud", "iss", "sub")
_KINDS: Final = (None, "Bearer")
"""What Keycloak writes into the claim `typ` of an access token; others write nothing."""
_ID_TOKEN: Final = frozenset({"at_hash", "c_hash", "s_hash"})
"""Claims that only ID tokens have (OpenID Connect Core 1.0, section 3.3.2.11)."""
_FOR_CALLING: Final = frozenset({"scp", "scope", "client_id", "appid", "azpacr"})
"""Claims of plain JWTs that an access token has and an ID token has not; the last two are Entra's,
where the caller is a program.
"""
_SUBJECT: Final[TypeAdapter[str]] = TypeAdapter(Subject)
_KNOWN_ROLES: Final = frozenset(str(role) for role in Role)


class BadToken(Exception):
    """The token is refused. `reason` is one of a closed set, for the metric's label and the
    service's log; `issuer` the row's name, once it is found, and `claim` the one that is wrong.
    """

    def __init__(self, reason: str, issuer: str | None = None, claim: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.issuer = issuer
        self.claim = claim


class RoleNotInRegistry(Exception):
    """The token claims a party or a role that its issuer, which is named, may not hand out."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    actor: Actor
    until: float


class TokenVerifier:
    """Verifies bearer tokens and gives the actor of each."""

    def __init__(self, registry: Registry, keys: KeySets, now: Callable[[], datetime]) -> None:
        self._registry = registry
        self._keys = keys
        self._now = now
        self._remembered: dict[bytes, _Remembered] = {}
        self._lock = threading.Lock()

    async def verify(self, token: str) -> Actor:
        """The actor. Raises BadToken, RoleNotInRegistry, KeysUnavailable."""
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        now = self._now().timestamp()
        known = self._remembered.get(digest)
        if known is not None and now < known.until:
            return known.actor
        claims, issuer, plain = await self._signed_claims(token)
        self._check_claims(claims, issuer, now)
        if _is_no_access_token(claims, plain=plain):
            raise BadToken("not_an_access_token", issuer.issuer)
        actor = _actor(claims, issuer)
        self._remember(digest, _Remembered(actor, min(now + CACHE_S, float(claims["exp"]))))
        return actor

    async def _signed_claims(self, token: str) -> tuple[dict[str, Any], Issuer, bool]:
        """Its claims, who signed it, and whether its header does not say that it is for access."""
        header, unverified = _parts(token)
        if _FORBIDDEN_HEADERS & header.keys():
            raise BadToken("header")
        issuer = self._find(unverified.get("iss"))
        name, algorithm, kid = issuer.issuer, header.get("alg"), header.get("kid")
        if header.get("typ") not in (*_TYPES, issuer.token_type or _TYPES[0]):
            raise BadToken("type", name)
        if type(algorithm) is not str or algorithm not in issuer.algorithms:
            raise BadToken("algorithm", name)
        if type(kid) is not str:
            raise BadToken("key", name)
        pem = self._keys.cached(issuer, kid, algorithm)
        if pem is None:
            pem = await self._keys.fetched(issuer, kid, algorithm)
        if pem is None:
            raise BadToken("key", name)
        try:
            claims = jwt.decode(
                token,
                pem,
                algorithms=[algorithm],
                # Signature only: times, audience and presence are checked below, more strictly.
                options=dict.fromkeys(_LIBRARY_CHECKS, False),
            )
        except Exception:  # noqa: BLE001
            # G12: the library also raises errors that it does not document.
            raise BadToken("signature", name) from None
        if claims != unverified:
            raise BadToken("signature", name)
        return claims, issuer, header.get("typ") not in _TYPES

    def _find(self, name: object) -> Issuer:
        issuer = self._registry.find(name) if type(name) is str else None
        if issuer is None:
            raise BadToken("issuer")
        return issuer

    def _check_claims(self, claims: dict[str, Any], issuer: Issuer, now: float) -> None:
        name = issuer.issuer
        # RFC 9068 demands `jti`; providers whose tokens are plain JWTs leave it out.
        needed = _NEEDED if issuer.token_type else (*_NEEDED, "jti")
        for claim in needed:
            if claim not in claims:
                raise BadToken("claim_missing", name, claim)
        for claim in ("exp", "iat", *(["nbf"] if "nbf" in claims else [])):
            if type(claims[claim]) not in (int, float):
                raise BadToken("claim_malformed", name, claim)
        audience = claims["aud"] if type(claims["aud"]) is list else [claims["aud"]]
        if issuer.audience not in audience:
            raise BadToken("audience", name)
        if claims["exp"] + LEEWAY_S <= now:
            raise BadToken("expired", name)
        if claims["iat"] > now + LEEWAY_S or claims.get("nbf", 0) > now + LEEWAY_S:
            raise BadToken("not_yet_valid", name)
        if not 0 < claims["exp"] - claims["iat"] <= issuer.max_lifetime_s:
            raise BadToken("lifetime", name)
        try:
            _SUBJECT.validate_python(claims["sub"])
        except ValidationError:
            raise BadToken("claim_malformed", name, "sub") from None
        if type(claims.get("jti", "")) is not str:
            raise BadToken("claim_malformed", name, "jti")

    def _remember(self, digest: bytes, remembered: _Remembered) -> None:
        with self._lock:
            if len(self._remembered) >= CACHE_SIZE:
                self._remembered.clear()
            self._remembered[digest] = remembered


_LIBRARY_CHECKS: Final = (
    "verify_aud",
    "verify_iat",
    "verify_exp",
    "verify_nbf",
    "verify_iss",
    "verify_sub",
    "verify_jti",
    "verify_at_hash",
)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, not verified, of a token in its only spelling. Raises BadToken."""
    pieces = token.split(".")
    if len(token) > MAX_TOKEN_BYTES or len(pieces) != 3:
        raise BadToken("malformed")
    try:
        header, claims, _ = map(read_base64url, pieces)
        both = decode(header), decode(claims, floats=True)
    except (NotCanonical, ValueError):
        raise BadToken("malformed") from None
    if type(both[0]) is not dict or type(both[1]) is not dict:
        raise BadToken("malformed")
    return both


def _is_no_access_token(claims: dict[str, Any], *, plain: bool) -> bool:
    """Whether these are the claims of an ID token, or of another that is not for calling us."""
    kind = claims.get("typ")
    if kind not in _KINDS or not _ID_TOKEN.isdisjoint(claims):
        return True
    if not plain or kind is not None:
        return False
    # Nothing says what this plain JWT is. An ID token may lack all hashes, and have our audience.
    return "nonce" in claims or _FOR_CALLING.isdisjoint(claims)


def _actor(claims: dict[str, Any], issuer: Issuer) -> Actor:
    """The actor. The registry names the party; the token can only repeat it and narrow the roles.
    Raises BadToken, RoleNotInRegistry.
    """
    if claims.get("party", issuer.party) != issuer.party:
        raise RoleNotInRegistry(issuer.issuer)
    names = [name for path in issuer.roles_claims or ("roles",) for name in _at(claims, path)]
    if any(type(name) is not str for name in names):
        raise BadToken("claim_malformed", issuer.issuer, "roles")
    if issuer.role_names is not None:
        held = frozenset(issuer.role_names[name] for name in names if name in issuer.role_names)
    elif set(names) <= _KNOWN_ROLES:
        held = frozenset(map(Role, names))
    else:
        raise RoleNotInRegistry(issuer.issuer)
    if not held <= issuer.roles:
        raise RoleNotInRegistry(issuer.issuer)
    return Actor(issuer.party, claims["sub"], held, issuer.digest)


def _at(claims: dict[str, Any], path: str) -> list[Any]:
    """The list at a path of claims, `realm_access.roles`; a claim's own name may have dots."""
    found: Any = claims
    for name in [path] if path in claims else path.split("."):
        if type(found) is not dict:
            return [None]
        if name not in found:
            return []
        found = found[name]
    return found if type(found) is list else [None]
