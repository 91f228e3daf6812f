"""The public keys of issuers: fetched when they are first needed, and again every few minutes.

A key that an issuer withdraws is taken for at most REFRESH_S; while the issuer cannot be reached,
the keys that it had last serve, but for STALE_S at most. What is not understood in a key set is
left out (RFC 7517 section 5): one key of a new kind must not shut a party out.
"""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from anyio import create_task_group
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from prometheus_client import CollectorRegistry, Counter, Gauge

from app.api.auth.issuers import Issuer
from app.chain.jws import SignatureError, key_from_jwk
from app.chain.spelling import read_base64url
from app.runtime import clock, logs
from app.runtime.metrics import Metrics
from app.runtime.outbound import trusted

MIN_RSA_BITS: Final = 2_048
MAX_ANSWER_BYTES: Final = 262_144
DEADLINE_S: Final = 5.0
"""How long all of one fetch may take, discovery included, however slowly the bytes come."""
COOL_DOWN_S: Final = 30.0
"""After a fetch, unknown key ids are refused for this long without asking again."""
REFRESH_S: Final = 240.0
STALE_S: Final = 24 * 3600.0
"""Keys that were fetched are used this many seconds while the issuer cannot be reached."""
DISCOVERY: Final = "/.well-known/openid-configuration"
_PLAIN: Final = {"Accept-Encoding": "identity"}
"""Compressed answers are not asked for, because a small one can expand to a huge one."""
_log = logs.get(__name__)
Pems = dict[tuple[str, str], str]
"""Public keys as PEM by key id and algorithm."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be fetched now, so the token can be neither accepted nor refused."""


class KeySetMetrics:
    """Fetches of issuers' keys."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refreshes = Counter(
            "ledger_jwks_refresh",
            "Fetches of a party's keys by what came of them.",
            ["party", "result"],
            registry=registry,
        )
        self.last = Gauge(
            "ledger_jwks_last_success_timestamp_seconds",
            "When the keys of a party's issuer were last fetched; at first, the start.",
            ["party"],
            registry=registry,
        )
        self.keys = Gauge(
            "ledger_jwks_keys", "Usable keys of a party's issuer.", ["party"], registry=registry
        )


@dataclass(slots=True)
class _HeldKeys:
    """One issuer's keys, when they were fetched, and when that was last tried."""

    pems: Pems = field(default_factory=dict)
    fetched_at: float = -STALE_S
    tried_at: float = -COOL_DOWN_S
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_fresh_enough(self) -> bool:
        return time.monotonic() - self.fetched_at < STALE_S


class KeySets:
    """Every issuer's keys. Each issuer is asked by itself: a slow one holds up nobody else."""

    def __init__(
        self, metrics: Metrics | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._metrics = (metrics or Metrics()).of(KeySetMetrics)
        self._sets: dict[str, _HeldKeys] = {}
        self._transport = transport

    def cached(self, issuer: Issuer, kid: str, algorithm: str) -> str | None:
        """The key as one PEM if it is in memory; else None, without a request."""
        known = self._sets.get(issuer.issuer)
        if issuer.jwks is not None:
            if known is None:
                known = self._sets[issuer.issuer] = _HeldKeys(read_jwks(issuer.jwks, issuer))
            return known.pems.get((kid, algorithm))
        return known.pems.get((kid, algorithm)) if known and known.is_fresh_enough else None

    async def fetched(self, issuer: Issuer, kid: str, algorithm: str) -> str | None:
        """As `cached`, after asking the issuer if that is due. Raises KeysUnavailable."""
        if issuer.jwks is not None:
            return None
        known = self._sets.setdefault(issuer.issuer, _HeldKeys())
        async with known.lock:
            if time.monotonic() - known.tried_at >= COOL_DOWN_S:
                await self._refresh(issuer, known)
        if not known.is_fresh_enough:
            raise KeysUnavailable(issuer.issuer)
        return known.pems.get((kid, algorithm))

    async def keep_fresh(self, issuers: Iterable[Issuer]) -> None:
        """Fetch the keys of each issuer every few minutes, until cancelled."""
        async with create_task_group() as asking:
            for issuer in issuers:
                if issuer.jwks is None:
                    asking.start_soon(self._keep_fresh, issuer)

    async def _keep_fresh(self, issuer: Issuer) -> None:
        # From here on its age is counted: keys that never came are late too.
        self._metrics.last.labels(issuer.party).set(clock.now().timestamp())
        while True:
            await self.refresh(issuer)
            await asyncio.sleep(REFRESH_S)

    async def refresh(self, issuer: Issuer) -> None:
        """Ask the issuer now, whenever it was asked before; no error gets out."""
        known = self._sets.setdefault(issuer.issuer, _HeldKeys())
        async with known.lock:
            await self._refresh(issuer, known)

    async def _refresh(self, issuer: Issuer, known: _HeldKeys) -> None:
        known.tried_at = time.monotonic()
        try:
            async with asyncio.timeout(DEADLINE_S):
                pems = read_jwks(await self._ask(issuer), issuer)
        except Exception as error:  # noqa: BLE001  whatever it is, the keys that are known serve on
            self._metrics.refreshes.labels(issuer.party, "failed").inc()
            why = str(error) or type(error).__name__
            logs.seldom(
                _log, "issuer_keys_not_fetched", issuer.issuer, issuer=issuer.issuer, why=why
            )
            return
        self._metrics.refreshes.labels(issuer.party, "fetched").inc()
        self._metrics.last.labels(issuer.party).set(clock.now().timestamp())
        self._metrics.keys.labels(issuer.party).set(len(pems))
        if known.pems != pems:
            came, went = ({kid for kid, _ in one} for one in (pems, known.pems))
            _log.info(
                "issuer_keys_changed",
                issuer=issuer.issuer,
                came=sorted(came - went),
                went=sorted(went - came),
            )
        known.pems, known.fetched_at = pems, time.monotonic()

    async def _ask(self, issuer: Issuer) -> Any:
        """The issuer's key set. Raises httpx.HTTPError, ValueError."""
        async with httpx.AsyncClient(
            transport=self._transport,
            timeout=DEADLINE_S,
            follow_redirects=False,
            verify=trusted(),
            headers=_PLAIN,
        ) as client:
            address = issuer.jwks_uri or await _discovered(client, issuer.issuer)
            return await _json(client, address)


async def _discovered(client: httpx.AsyncClient, issuer: str) -> str:
    """The address of an issuer's keys (OpenID Connect Discovery 1.0, section 4). Raises ValueError,
    httpx.HTTPError.
    """
    found = await _json(client, issuer.rstrip("/") + DISCOVERY)
    if type(found) is not dict or found.get("issuer") != issuer:
        raise ValueError("the discovery document is of another issuer")
    address = found.get("jwks_uri")
    if type(address) is not str or not address.startswith("https://"):
        raise ValueError("the discovery document names no https address of keys")
    return address


async def _json(client: httpx.AsyncClient, address: str) -> Any:
    """What is there, as JSON. Raises httpx.HTTPError, ValueError."""
    content = bytearray()
    async with client.stream("GET", address) as response:
        response.raise_for_status()
        if response.is_redirect:
            raise ValueError("it leads to another address")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ValueError("it is packed")
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > MAX_ANSWER_BYTES:
                raise ValueError(f"more than {MAX_ANSWER_BYTES} bytes")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("too deep") from None


def read_jwks(jwks: Any, issuer: Issuer) -> Pems:
    """The keys of a set that this issuer's tokens can be verified with; all others are left out.

    So is an id that two usable keys share. Raises ValueError for what is no set at all.
    """
    keys = jwks.get("keys") if type(jwks) is dict else None
    if type(keys) is not list:
        raise ValueError("not a key set")
    pems: Pems = {}
    ambiguous = set[tuple[str, str]]()
    for jwk in keys:
        kid = jwk.get("kid") if type(jwk) is dict else None
        if type(kid) is not str or jwk.get("use", "sig") != "sig":
            continue
        for algorithm in issuer.algorithms:
            if jwk.get("alg", algorithm) == algorithm and (pem := _pem(jwk, algorithm)):
                label = (kid, algorithm)
                if pems.setdefault(label, pem) != pem:
                    ambiguous.add(label)
    return {label: pem for label, pem in pems.items() if label not in ambiguous}


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
    except (AttributeError, KeyError, TypeError, ValueError, SignatureError):
        return None
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")
