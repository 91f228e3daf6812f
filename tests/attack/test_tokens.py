"""Rows A: tokens that must not open the door."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.api.auth.devissuer import PREFIX
from app.api.auth.policies import SignInMetrics
from app.chain.jws import public_jwk
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    Forge,
    b64,
    ecdsa,
    fresh_key,
    nothing_recorded,
    signed_part,
    wrong,
)
from tests.support.builders import a_pledge, money
from tests.support.service import Service

PLEDGE = json.dumps(a_pledge(money(1))).encode()


@pytest.fixture(scope="module")
def fund(on_sqlite: Service) -> Service:
    """One fund for all tests here: no token opens it."""
    on_sqlite.open()
    return on_sqlite


def _use(service: Service, token: str) -> list[Answer]:
    """A read and a write with the token."""
    attacker = Attacker(service)
    bearer = {"Authorization": f"Bearer {token}"}
    write = {**bearer, "Idempotency-Key": fresh_key(), "Content-Type": "application/json"}
    answers = [
        attacker.send("GET", service.path, bearer),
        attacker.send("POST", f"{service.path}/pledges", write, PLEDGE),
    ]
    attacker.close()
    return answers


def _assert_none_opens(
    service: Service, tokens: Mapping[str, str], status: int = 401, code: str = "invalid_token"
) -> None:
    """Each is refused for reading and for writing, counted, and leaves nothing behind."""
    counted = _failures(service)

    with nothing_recorded(service):
        found = {name: _use(service, token) for name, token in tokens.items()}

    faults = {}
    for name, answers in found.items():
        texts = [wrong(answer, status, code, tokens[name]) for answer in answers]
        challenges = [answer.headers.get("www-authenticate", "") for answer in answers]
        if status == 401:
            texts += [c for c in challenges if c != _CHALLENGE]
        if any(texts):
            faults[name] = texts
    assert faults == {}
    assert _failures(service) == counted + 2 * len(tokens)


_CHALLENGE = 'Bearer realm="fundledger", error="invalid_token"'


def _failures(service: Service) -> float:
    (metric,) = service.inside.metrics.of(SignInMetrics).auth_failures.collect()
    return sum(sample.value for sample in metric.samples if sample.name.endswith("_total"))


def test_the_forge_makes_good_tokens_when_it_wants_to(shared: Service) -> None:
    fund = shared.another()

    read, write = _use(fund, Forge(fund).token())

    assert (read.status, write.status) == (200, 201)


def test_without_a_bearer_token_the_answer_is_a_challenge(
    fund: Service, attacker: Attacker
) -> None:
    good = Forge(fund).token()
    schemes = ["", "Bearer", "Bearer ", f"Basic {good}", f"DPoP {good}", good, f"Bearer\t{good}"]
    headers: list[dict[str, str]] = [{}, *({"Authorization": text} for text in schemes)]
    json_type = {"Content-Type": "application/json", "Idempotency-Key": "k"}

    with nothing_recorded(fund):
        answers = [attacker.send("GET", fund.path, header) for header in headers]
        answers += [
            attacker.send("POST", f"{fund.path}/pledges", {**json_type, **header}, PLEDGE)
            for header in headers
        ]

    assert [wrong(answer, 401, "token_required", good) for answer in answers] == [""] * 16
    assert {answer.headers["www-authenticate"] for answer in answers} == {
        'Bearer realm="fundledger"'
    }


def test_a_token_outside_the_header_counts_for_nothing(fund: Service, attacker: Attacker) -> None:
    good = Forge(fund).token()
    frame = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    body = json.dumps({**a_pledge(money(1)), "access_token": good}).encode()

    with nothing_recorded(fund):
        in_query = attacker.send("GET", f"{fund.path}?access_token={good}", {})
        in_cookie = attacker.send("GET", fund.path, {"Cookie": f"access_token={good}"})
        in_body = attacker.send("POST", f"{fund.path}/pledges", frame, body)

    # A query parameter that nobody knows is refused before anybody asks who sends it.
    assert wrong(in_query, 422, "unknown_parameter", good) == ""
    assert wrong(in_cookie, 401, "token_required", good) == ""
    assert wrong(in_body, 401, "token_required", good) == ""


def test_a_token_without_a_real_signature_is_refused(fund: Service) -> None:
    forge = Forge(fund)
    good = forge.token()
    content, _, signature = good.rpartition(".")
    head, claims, _ = good.split(".")
    other = ec.generate_private_key(ec.SECP256R1())
    nones = {
        f"alg {name}": signed_part(forge.header(alg=name), forge.claims()) + ending
        for name in ("none", "None", "NONE", "nOnE", "")
        for ending in (".", f".{signature}")
    }
    missing = signed_part(forge.header("alg"), forge.claims())

    _assert_none_opens(
        fund,
        {
            **nones,
            "alg missing": missing + f".{b64(ecdsa(forge.key, missing))}",
            "alg null": forge.token(header=forge.header(alg=None)),
            "alg list": forge.token(header=forge.header(alg=["ES256"])),
            "signature left out": f"{content}.",
            "all zero": f"{content}.{b64(bytes(64))}",
            "another key": f"{content}.{b64(ecdsa(other, content))}",
            "two parts": content,
            "four parts": f"{good}.{signature}",
            "padded": f"{good}=",
            "spare bits": good[:-1] + chr(ord(good[-1]) + 1),
            "claims of another": f"{head}.{b64(json.dumps(forge.claims(sub='x')).encode())}."
            + signature,
            "standard base64": f"{head}.{claims}+/.{signature}",
            "not a token": "x" * 20_000,
            "not ascii": "\xe4.\xf6.\xfc",
        },
    )


def test_a_public_key_is_no_secret(fund: Service) -> None:
    forge = Forge(fund)

    _assert_none_opens(
        fund,
        {form: forge.hmac_token(secret) for form, secret in forge.public_forms().items()}
        | {f"{form}, no kid": forge.hmac_token(s, kid=None) for form, s in [("none", b"")]},
    )


def test_only_the_registered_algorithm_counts(shared: Service) -> None:
    fund = shared.another()
    forge = Forge(fund)

    _assert_none_opens(
        fund,
        {
            name: forge.token(header=forge.header(alg=name))
            for name in ("ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "es256", "HS512")
        },
    )


def test_a_token_cannot_bring_its_own_key_or_rules(fund: Service) -> None:
    forge = Forge(fund)
    mine = ec.generate_private_key(ec.SECP256R1())
    jwk = public_jwk(mine.public_key())
    content = signed_part(forge.header(jwk=jwk), forge.claims())
    forbidden: dict[str, Any] = {
        "jwk": jwk,
        "jku": "https://127.0.0.1:1/keys",
        "x5u": "https://127.0.0.1:1/cert",
        "x5c": ["AA=="],
        "crit": ["exp"],
        "zip": "DEF",
        "b64": False,
    }

    _assert_none_opens(
        fund,
        {name: forge.token(header=forge.header(**{name: v})) for name, v in forbidden.items()}
        | {"signed with its own jwk": f"{content}.{b64(ecdsa(mine, content))}"},
    )


def test_an_unknown_key_id_is_refused_whatever_it_says(fund: Service) -> None:
    forge = Forge(fund)
    kids: dict[str, Any] = {
        "other": "somebody-else",
        "sql": "' OR '1'='1'; DROP TABLE entries; --",
        "path": "../../../../dev/null",
        "address": "file:///etc/passwd",
        "long": "k" * 10_240,
        "empty": "",
        "number": 1,
        "null": None,
        "object": {"a": 1},
    }

    _assert_none_opens(
        fund,
        {name: forge.token(header=forge.header(kid=kid)) for name, kid in kids.items()}
        | {"missing": forge.token(header=forge.header("kid"))},
    )


def test_a_token_must_be_within_its_time(fund: Service) -> None:
    forge = Forge(fund)
    now = int(time.time())
    times: dict[str, dict[str, Any]] = {
        "expired": {"iat": now - 700, "exp": now - 100},
        "text": {"exp": str(now + 600)},
        "bool": {"exp": True},
        "null": {"exp": None},
        "huge": {"exp": 10**15},
        "lives too long": {"exp": now + 13 * 3600},
        "ends before it begins": {"iat": now + 5, "exp": now + 1},
        "negative": {"exp": -1},
        "old and long": {"iat": 0},
        "iat text": {"iat": str(now)},
        "iat bool": {"iat": False},
        "iat 61 s ahead": {"iat": now + 61},
        "nbf 61 s ahead": {"nbf": now + 61},
        "nbf text": {"nbf": "0"},
        "nbf null": {"nbf": None},
        "list": {"exp": [now + 600]},
    }
    raw = {
        name: json.dumps(forge.claims(exp=0)).replace('"exp": 0', f'"exp": {text}').encode()
        for name, text in (("inf", "1e999"), ("10^30", "1" + "0" * 30), ("NaN", "NaN"))
    }

    _assert_none_opens(
        fund,
        {name: forge.token(forge.claims(**changes)) for name, changes in times.items()}
        | {name: forge.token(claims) for name, claims in raw.items()}
        | {f"no {name}": forge.token(forge.claims(name)) for name in ("exp", "iat")},
    )


def test_a_clock_that_runs_a_few_seconds_ahead_is_forgiven(fund: Service) -> None:
    forge = Forge(fund)
    now = int(time.time())

    tokens = [forge.token(forge.claims(iat=now + 8)), forge.token(forge.claims(nbf=now + 8))]

    assert [_use(fund, token)[0].status for token in tokens] == [200, 200]


def test_a_token_for_somebody_else_is_refused(fund: Service) -> None:
    forge = Forge(fund)
    audiences: list[Any] = ["other", "fundledge", "fundledger2", "Fundledger", "", 1, None]
    audiences += [[], ["other"], ["fundledger-x"], {"fundledger": 1}, [["fundledger"]]]
    issuers: list[Any] = [f"{PREFIX}DE/", f"{PREFIX}DE ", f"{PREFIX.upper()}DE", f"{PREFIX}de"]
    issuers += ["https://127.0.0.1:1", "", PREFIX, f"{PREFIX}@ledger", 1, None, [f"{PREFIX}DE"]]
    subjects: list[Any] = ["", "a@b.example", "de treasury", 1, None, ["de-treasury"], "x" * 129]

    _assert_none_opens(
        fund,
        {f"aud {aud}": forge.token(forge.claims(aud=aud)) for aud in audiences}
        | {f"iss {iss}": forge.token(forge.claims(iss=iss)) for iss in issuers}
        | {f"sub {sub}": forge.token(forge.claims(sub=sub)) for sub in subjects}
        | {f"no {n}": forge.token(forge.claims(n)) for n in ("aud", "iss", "sub", "jti")}
        | {"jti number": forge.token(forge.claims(jti=1))}
        | {"roles text": forge.token(forge.claims(roles="treasury"))}
        | {"roles numbers": forge.token(forge.claims(roles=[1]))},
    )


def test_an_identity_token_is_no_access_token(fund: Service) -> None:
    forge = Forge(fund)
    types: list[Any] = ["JWT", "id_token+jwt", "AT+JWT", "logout+jwt", "dpop+jwt", "", None, 1]

    _assert_none_opens(
        fund,
        {f"typ {name}": forge.token(header=forge.header(typ=name)) for name in types}
        | {"no typ": forge.token(header=forge.header("typ"))},
    )


def test_a_token_may_not_claim_more_than_its_issuer_may_give(fund: Service) -> None:
    forge = Forge(fund)

    _assert_none_opens(
        fund,
        {
            "party": forge.token(forge.claims(party="FR")),
            "party list": forge.token(forge.claims(party=["DE"])),
            "ledger": forge.token(forge.claims(roles=["treasury", "ledger"])),
            "operator": forge.token(forge.claims(roles=["operator"])),
            "case": forge.token(forge.claims(roles=["TREASURY"])),
        },
        403,
        "role_not_permitted",
    )


def test_claims_that_two_readers_could_read_differently_are_refused_fast(fund: Service) -> None:
    forge = Forge(fund)
    twice = json.dumps(forge.claims()).encode()[:-1] + b',"sub":"fr-treasury"}'
    deep = b'{"a":' * 700 + b"1" + b"}" * 700
    claims: dict[str, bytes] = {
        "duplicate": twice,
        "deep": deep,
        "many digits": b'{"exp":' + b"9" * 5_000 + b"}",
        "list": b"[]",
        "text": b'"claims"',
        "null": b"null",
        "empty": b"",
        "not utf-8": b'{"sub":"\xff"}',
        "bom": b"\xef\xbb\xbf{}",
        "surrogate": json.dumps(forge.claims(sub="\ud800")).encode(),
        "nothing": b"{}",
        "proto": b'{"__proto__":{"iss":"x"}}',
    }
    tokens = {name: forge.token(content) for name, content in claims.items()}
    tokens |= {f"header {n}": forge.token(header=c) for n, c in claims.items() if c}
    tokens["header twice"] = forge.token(
        header=json.dumps(forge.header()).encode()[:-1] + b',"alg":"none"}'
    )

    began = time.perf_counter()
    _assert_none_opens(fund, tokens)

    assert time.perf_counter() - began < 5
