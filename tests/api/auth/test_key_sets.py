"""Keys of issuers: fetched rarely and again and again, read generously, dropped when withdrawn."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.api.auth import key_sets
from app.api.auth.issuers import Issuer
from app.api.auth.key_sets import COOL_DOWN_S, KeySets, KeysUnavailable, read_jwks
from app.chain.jws import public_jwk
from tests.support.issuers import ADDRESS, JWK, NAME, an_issuer, rsa_jwk

KID = JWK["kid"]
OTHER = {**JWK, "kid": "other"}


def test_a_key_is_picked_by_its_id_and_algorithm() -> None:
    keys, issuer = KeySets(), an_issuer(algorithms=["ES256", "ES384"])

    found = keys.cached(issuer, KID, "ES256")

    assert found is not None
    assert found.startswith("-----BEGIN PUBLIC KEY-----")
    assert keys.cached(issuer, KID, "ES384") is None
    assert keys.cached(issuer, "other", "ES256") is None
    assert asyncio.run(keys.fetched(issuer, "other", "ES256")) is None


@pytest.mark.parametrize("jwks", [[], {"keys": None}, {}, "text", None])
def test_what_is_no_set_of_keys_is_refused(jwks: Any) -> None:
    with pytest.raises(ValueError, match="key"):
        read_jwks(jwks, an_issuer())


STRANGE: dict[str, Any] = {
    "a post-quantum key": {"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AAAA"},
    "an encryption key without an id": {**JWK, "kid": None, "use": "enc"},
    "a key without an id": {name: value for name, value in JWK.items() if name != "kid"},
    "a number as an id": {**JWK, "kid": 7},
    "no object": "text",
    "a fraction": {**JWK, "kid": "f", "x5t": 1.5},
    "a huge number": {"kty": "RSA", "kid": "h", "n": "AQAB", "e": "AQAB", "exp": 10**40},
    "members of other types": {"kty": [], "kid": "m", "crv": {}, "x": 1, "y": None, "n": 2},
    "an unknown curve": {**JWK, "kid": "k", "crv": "secp256k1"},
    "an Edwards key": {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AAAA"},
    "a point off its curve": {**JWK, "kid": "p", "x": JWK["y"]},
    "no base64": {**JWK, "kid": "b", "x": "!!"},
    "a private key": {**JWK, "kid": "d", "d": "AA"},
    "a key of the wrong use": {**JWK, "kid": "u", "use": "enc"},
    "another algorithm": {**JWK, "kid": "a", "alg": "ES384"},
    "a short RSA key": {**rsa_jwk(1024), "kid": "s"},
    "an exponent of one": {"kty": "RSA", "kid": "e", "n": "AQAB", "e": "AQ"},
    "text that is not ASCII": {**JWK, "kid": "ü", "kty": "\ud83d"},
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_key_that_is_not_understood_shuts_nobody_out(strange: str) -> None:
    issuer = an_issuer(algorithms=["ES256", "RS256"])

    for keys in ([STRANGE[strange], JWK], [JWK, STRANGE[strange]]):
        found = read_jwks({"keys": keys, "more": {"deep": 1.5}}, issuer)
        assert [label for label in found if label[0] == KID] == [(KID, "ES256")]
        assert set(found) <= {(KID, "ES256"), ("f", "ES256"), ("ü", "ES256")}


def test_a_hundred_keys_are_read() -> None:
    keys = [{**JWK, "kid": str(number)} for number in range(100)]

    assert len(read_jwks({"keys": keys}, an_issuer())) == 100


def test_an_id_that_two_keys_share_is_nobodys() -> None:
    another = {**OTHER, "kid": KID, "x": JWK["x"], "y": JWK["y"]}
    mirrored = _mirrored(JWK)

    assert read_jwks({"keys": [JWK, another]}, an_issuer()) != {}
    assert read_jwks({"keys": [JWK, mirrored, OTHER]}, an_issuer()).keys() == {("other", "ES256")}


def test_rsa_keys_serve_where_the_row_allows_them() -> None:
    issuer = an_issuer(algorithms=["RS256", "PS256"])

    assert set(read_jwks({"keys": [rsa_jwk(2048)]}, issuer)) == {("r", "RS256"), ("r", "PS256")}


def _mirrored(jwk: dict[str, str]) -> dict[str, str]:
    """Another point of the curve under the same id."""
    other = public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
    return {**jwk, "x": other["x"], "y": other["y"]}


Answer = httpx.Response | Exception


class Provider(httpx.AsyncBaseTransport):
    """A party's identity provider, as a transport that counts its visitors."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.visited: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.visited.append(str(request.url))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_set(*keys: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"keys": list(keys)})


def fetching(*answers: Answer) -> tuple[KeySets, Provider, Issuer]:
    provider = Provider(*answers)
    return KeySets(transport=provider), provider, an_issuer(jwks=None, jwks_uri=ADDRESS)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time go by."""
    here = time.monotonic()

    def go(seconds: float) -> None:
        monkeypatch.setattr("app.api.auth.key_sets.time.monotonic", lambda: here + seconds)

    return go


def test_unknown_key_ids_do_not_make_a_storm_of_fetches() -> None:
    keys, provider, issuer = fetching(a_set(JWK))

    async def storm() -> None:
        assert await keys.fetched(issuer, KID, "ES256")
        found = [keys.fetched(issuer, f"unknown-{number}", "ES256") for number in range(20)]
        assert await asyncio.gather(*found) == [None] * 20

    assert keys.cached(issuer, KID, "ES256") is None
    asyncio.run(storm())

    assert provider.visited == [ADDRESS]
    assert keys.cached(issuer, KID, "ES256")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("down"),
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(200, content=b"not json"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b" " * 300_000),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=b"\x1f\x8b"),
    ],
)
def test_without_keys_nobody_can_say_whether_a_token_is_good(answer: Answer) -> None:
    keys, _, issuer = fetching(answer)

    with pytest.raises(KeysUnavailable):
        asyncio.run(keys.fetched(issuer, KID, "ES256"))


def test_fetched_keys_serve_while_the_issuer_is_away_but_not_for_ever(
    later: Callable[[float], None],
) -> None:
    keys, provider, issuer = fetching(a_set(JWK), httpx.ConnectError("down"), httpx.Response(500))
    asyncio.run(keys.refresh(issuer))

    later(COOL_DOWN_S + 1)
    asyncio.run(keys.refresh(issuer))
    assert keys.cached(issuer, KID, "ES256")
    later(key_sets.STALE_S + 1)
    assert keys.cached(issuer, KID, "ES256") is None
    with pytest.raises(KeysUnavailable):
        asyncio.run(keys.fetched(issuer, KID, "ES256"))

    assert len(provider.visited) == 3


def test_a_key_that_is_withdrawn_is_dropped_although_nobody_asked_for_another() -> None:
    keys, _, issuer = fetching(a_set(JWK), a_set(OTHER))
    asyncio.run(keys.refresh(issuer))
    assert keys.cached(issuer, KID, "ES256")

    asyncio.run(keys.refresh(issuer))

    assert keys.cached(issuer, KID, "ES256") is None
    assert keys.cached(issuer, "other", "ES256")


def test_keys_are_fetched_in_the_background_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "REFRESH_S", 0.001)
    keys, provider, issuer = fetching(a_set(JWK), httpx.ConnectError("down"), a_set(OTHER))

    async def rounds() -> None:
        background = asyncio.create_task(keys.keep_fresh([issuer, an_issuer()]))
        while provider.answers:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        background.cancel()

    asyncio.run(asyncio.wait_for(rounds(), 10))

    assert keys.cached(issuer, "other", "ES256")


class Dripping(httpx.AsyncByteStream):
    """A byte every moment, without end."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)


def test_an_issuer_that_drips_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "DEADLINE_S", 0.2)
    others_name = "https://other.example"
    slow, quick = (
        an_issuer(jwks=None, jwks_uri=ADDRESS),
        an_issuer(issuer=others_name, jwks=None, jwks_uri=f"{others_name}/keys"),
    )

    class Both(httpx.AsyncBaseTransport):
        dripped = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "other.example":
                return a_set(JWK)
            self.dripped += 1
            return a_set(JWK) if self.dripped == 1 else httpx.Response(200, stream=Dripping())

    keys = KeySets(transport=Both())

    async def both() -> None:
        await keys.refresh(slow)
        waiting = asyncio.create_task(keys.refresh(slow))
        await asyncio.sleep(0.02)
        # The other party signs in at once, and the slow one's known key serves meanwhile.
        assert await keys.fetched(quick, KID, "ES256")
        assert keys.cached(slow, KID, "ES256")
        assert not waiting.done()
        await asyncio.wait_for(waiting, 5)
        assert keys.cached(slow, KID, "ES256")

    asyncio.run(both())


def discovering(document: Any, *more: Answer) -> tuple[KeySets, Provider, Issuer]:
    provider = Provider(httpx.Response(200, content=json.dumps(document)), *more)
    return KeySets(transport=provider), provider, an_issuer(jwks=None, discovery=True)


def test_the_address_of_keys_is_discovered() -> None:
    keys, provider, issuer = discovering({"issuer": NAME, "jwks_uri": ADDRESS}, a_set(JWK))

    assert asyncio.run(keys.fetched(issuer, KID, "ES256"))
    assert provider.visited == [f"{NAME}/.well-known/openid-configuration", ADDRESS]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": NAME + "/", "jwks_uri": ADDRESS},
        {"issuer": "https://elsewhere.example", "jwks_uri": ADDRESS},
        {"jwks_uri": ADDRESS},
        {"issuer": NAME, "jwks_uri": "http://login.example/jwks"},
        {"issuer": NAME, "jwks_uri": "file:///etc/passwd"},
        {"issuer": NAME, "jwks_uri": [ADDRESS]},
        {"issuer": NAME},
        [],
    ],
)
def test_a_discovery_document_of_somebody_else_leads_nowhere(document: Any) -> None:
    keys, provider, issuer = discovering(document, a_set(JWK))

    with pytest.raises(KeysUnavailable):
        asyncio.run(keys.fetched(issuer, KID, "ES256"))
    assert len(provider.visited) == 1
