"""The issuer registry: rows pin everything, keys are fetched rarely and read strictly."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from app.api.auth.issuers import (
    COOL_DOWN_S,
    FileRegistry,
    Issuer,
    Keys,
    KeysUnavailable,
    RegistryUnusable,
    read_jwks,
)
from app.chain.jws import public_jwk
from app.chain.spelling import write_base64url

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = public_jwk(KEY.public_key())
ADDRESS = "https://login.example/jwks"


def a_row(**changes: Any) -> dict[str, Any]:
    row = {
        "issuer": "https://login.example",
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


def test_an_issuer_is_found_by_exactly_its_name(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": [a_row()]}))

    registry = FileRegistry(path)

    assert registry.find("https://login.example") == an_issuer()
    for name in ("https://login.example/", "https://LOGIN.example", "https://login.exampl", ""):
        assert registry.find(name) is None


def test_one_issuer_stands_in_the_registry_once(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": [a_row(), a_row(party="FR")]}))

    with pytest.raises(RegistryUnusable, match="twice"):
        FileRegistry(path)


@pytest.mark.parametrize("content", [None, "", "[]", '{"issuers": [{"party": "DE"}]}'])
def test_a_registry_that_cannot_be_read_names_its_file(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "issuers.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(RegistryUnusable, match=r"issuers\.json"):
        FileRegistry(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"jwks": None},
        {"jwks_uri": ADDRESS},
        {"jwks": None, "jwks_uri": "http://login.example/jwks"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"roles": ["ledger"]},
        {"roles": ["emperor"]},
        {"max_lifetime_s": 0},
        {"max_lifetime_s": 10**6},
        {"surprise": 1},
    ],
)
def test_a_row_that_is_not_safe_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_issuer(**changes)


def test_a_key_is_picked_by_its_id_and_algorithm() -> None:
    keys, issuer = Keys(), an_issuer(algorithms=["ES256", "ES384"])

    found = keys.cached(issuer, JWK["kid"], "ES256")

    assert found is not None
    assert found.startswith("-----BEGIN PUBLIC KEY-----")
    assert keys.cached(issuer, JWK["kid"], "ES384") is None
    assert keys.cached(issuer, "other", "ES256") is None
    assert keys.fetch(issuer, "other", "ES256") is None


@pytest.mark.parametrize(
    "jwks",
    [
        [],
        {"keys": None},
        {"keys": [JWK, JWK]},
        {"keys": [{**JWK, "kid": None}]},
        {"keys": ["text"]},
        {"keys": [{"kid": str(number)} for number in range(21)]},
    ],
)
def test_a_key_set_that_is_unclear_is_refused_whole(jwks: Any) -> None:
    with pytest.raises(ValueError, match="key"):
        read_jwks(jwks, an_issuer())


@pytest.mark.parametrize(
    "jwk",
    [
        {**JWK, "use": "enc"},
        {**JWK, "alg": "ES384"},
        {**JWK, "crv": "P-384"},
        {**JWK, "x": "AA"},
        {**JWK, "d": "AA"},
        {"kid": "r", "kty": "RSA", "n": "!!", "e": "AQAB"},
        {"kid": "r", "kty": "RSA"},
        rsa_jwk(1024),
    ],
)
def test_a_key_that_is_not_for_this_is_left_out(jwk: dict[str, Any]) -> None:
    issuer = an_issuer(algorithms=["ES256", "RS256"])

    assert read_jwks({"keys": [jwk]}, issuer) == {}


def test_rsa_keys_serve_where_the_row_allows_them() -> None:
    issuer = an_issuer(algorithms=["RS256", "PS256"])

    assert set(read_jwks({"keys": [rsa_jwk(2048)]}, issuer)) == {("r", "RS256"), ("r", "PS256")}


class Provider:
    """A party's identity provider, as a transport that counts its visitors."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.visits = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.visits += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def fetching(*answers: httpx.Response | Exception) -> tuple[Keys, Provider, Issuer]:
    provider = Provider(*answers)
    issuer = an_issuer(jwks=None, jwks_uri=ADDRESS)
    return Keys(httpx.MockTransport(provider)), provider, issuer


def test_unknown_key_ids_do_not_make_a_storm_of_fetches() -> None:
    keys, provider, issuer = fetching(httpx.Response(200, json={"keys": [JWK]}))

    assert keys.cached(issuer, JWK["kid"], "ES256") is None
    assert keys.fetch(issuer, JWK["kid"], "ES256")
    for number in range(20):
        assert keys.fetch(issuer, f"unknown-{number}", "ES256") is None

    assert provider.visits == 1
    assert keys.cached(issuer, JWK["kid"], "ES256")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("down"),
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(200, content=b"not json"),
        httpx.Response(200, content=b" " * 70_000),
        httpx.Response(200, json={"keys": [JWK, JWK]}),
    ],
)
def test_without_keys_nobody_can_say_whether_a_token_is_good(
    answer: httpx.Response | Exception,
) -> None:
    keys, _, issuer = fetching(answer)

    with pytest.raises(KeysUnavailable):
        keys.fetch(issuer, JWK["kid"], "ES256")


def test_fetched_keys_serve_while_the_issuer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, provider, issuer = fetching(
        httpx.Response(200, json={"keys": [JWK]}), httpx.ConnectError("down")
    )
    keys.fetch(issuer, JWK["kid"], "ES256")

    now = time.monotonic() + COOL_DOWN_S + 1
    monkeypatch.setattr("app.api.auth.issuers.time.monotonic", lambda: now)

    assert keys.fetch(issuer, JWK["kid"], "ES256")
    assert provider.visits == 2
