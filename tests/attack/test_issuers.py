"""Rows A4, A6, A10, A16: issuers that are not ours, not there, or speak for others."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.api.auth.issuers import FileRegistry, Issuer
from app.api.auth.key_sets import KeySets
from app.api.auth.tokens import BadToken, TokenVerifier
from app.chain.jws import public_jwk
from app.runtime import clock
from app.runtime.settings import Settings
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    Forge,
    b64,
    ecdsa,
    rsa_signature,
    signed_part,
    wrong,
)
from tests.support.service import Service, running


def test_a_removed_key_or_another_issuers_key_opens_nothing(
    service_settings: Settings, tmp_path: Path
) -> None:
    big = rsa.generate_private_key(65_537, 2_048)
    small = ec.generate_private_key(ec.SECP256R1())
    numbers = big.public_key().public_numbers()
    row: dict[str, Any] = {"audience": "fundledger", "roles": ["treasury"], "max_lifetime_s": 900}
    rsa_jwk = {"kty": "RSA", "kid": "k", "n": _number(numbers.n), "e": _number(numbers.e)}
    ec_jwk = {**public_jwk(small.public_key()), "kid": "k"}
    rows = [
        {**row, "issuer": "https://a", "party": "DE", "algorithms": ["RS256"]}
        | {"jwks": {"keys": [rsa_jwk]}},
        {**row, "issuer": "https://b", "party": "FR", "algorithms": ["ES256"]}
        | {"jwks": {"keys": [ec_jwk]}},
    ]
    (tmp_path / "issuers.json").write_text(json.dumps({"issuers": rows}))
    settings = service_settings.model_copy(update={"issuers_file": tmp_path / "issuers.json"})

    with running(settings) as service:
        forge = Forge.__new__(Forge)

        def signed(algorithm: str, **changes: Any) -> Answer:
            header = {"alg": algorithm, "typ": "at+jwt", "kid": "k"}
            content = signed_part(header, forge.claims(**{"iss": "https://a", **changes}))
            by_rsa = algorithm[0] in "RP"
            signature = rsa_signature(big, content, algorithm) if by_rsa else ecdsa(small, content)
            bearer = {"Authorization": f"Bearer {content}.{b64(signature)}"}
            return _list_funds(service, bearer)

        good = signed("RS256")
        bad = [signed(name) for name in ("RS384", "RS512", "PS256", "PS512", "ES256")]
        bad += [signed("RS256", iss="https://b"), signed("RS256", iss="https://a/")]
        more = signed("RS256", roles=["treasury", "trustee"])

    assert good.status == 200
    assert [wrong(answer, 401, "invalid_token") for answer in bad] == [""] * 7
    assert wrong(more, 403, "role_not_permitted") == ""


def test_without_the_issuers_keys_nobody_can_say(
    service_settings: Settings, tmp_path: Path
) -> None:
    row = _remote_row("https://127.0.0.1:9/keys")
    (tmp_path / "issuers.json").write_text(json.dumps({"issuers": [row]}))
    settings = service_settings.model_copy(update={"issuers_file": tmp_path / "issuers.json"})

    with running(settings) as service:
        bearer = {"Authorization": f"Bearer {_remote_token('k')}"}
        answer = _list_funds(service, bearer)

    assert wrong(answer, 503, "keys_unavailable") == ""
    assert int(answer.headers["retry-after"]) > 0


def test_a_storm_of_unknown_key_ids_asks_the_issuer_once(tmp_path: Path) -> None:
    fetches: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        fetches.append(str(request.url))
        return httpx.Response(200, json={"keys": []})

    rows = {"issuers": [_remote_row("https://issuer.invalid/keys")]}
    (tmp_path / "issuers.json").write_text(json.dumps(rows))
    registry = FileRegistry(tmp_path / "issuers.json")
    assert isinstance(registry.find("https://a"), Issuer)
    keys = KeySets(transport=httpx.MockTransport(answer))
    verifier = TokenVerifier(registry, keys, clock.now)

    async def storm() -> None:
        for number in range(20):
            with pytest.raises(BadToken, match="key"):
                await verifier.verify(_remote_token(f"kid-{number}"))

    asyncio.run(storm())

    assert len(fetches) == 1


def _list_funds(service: Service, headers: dict[str, str]) -> Answer:
    with closing(Attacker(service)) as attacker:
        return attacker.send("GET", "/v1/funds", headers)


def _remote_row(address: str) -> dict[str, Any]:
    return {
        "issuer": "https://a",
        "party": "DE",
        "audience": "fundledger",
        "algorithms": ["ES256"],
        "roles": ["treasury"],
        "max_lifetime_s": 900,
        "jwks_uri": address,
    }


def _remote_token(kid: str) -> str:
    content = signed_part(
        {"alg": "ES256", "typ": "at+jwt", "kid": kid},
        Forge.__new__(Forge).claims(iss="https://a"),
    )
    return f"{content}.{b64(bytes(64))}"


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
