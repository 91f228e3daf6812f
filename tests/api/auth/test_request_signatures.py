"""Parties' signatures over HTTP: what holds is recorded verbatim, what does not records nothing.

Checked with a second library, `joserfc`, in both directions.
"""

import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws as reference
from joserfc.jwk import ECKey

from app.chain.canonical import encode
from app.client import Refused
from app.domain.values import Role
from app.trust.signatures import sign
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    assert_refused,
    b64,
    ecdsa,
    fresh_key,
    nothing_recorded,
    signed_part,
)
from tests.support.builders import REQUESTER, Person, an_approval, money
from tests.support.service import FUND, Service
from tests.support.signers import EcKey, a_key, admin, jwk_of, kid_of, post_signed, registered

GOVERNMENTS = ("DE", "FR", "IT", "NL")
LEGAL = Person("DE", Role.LEGAL_REVIEWER)
TYPE = "fund-ledger+jws"


DE_KEY = a_key(101)
KID = kid_of(DE_KEY)


def asked(service: Service) -> tuple[str, dict[str, Any]]:
    """Where a new request is approved, and the body that approves its legal review."""
    identifier = service.requested(money(5))
    digest = service.get(REQUESTER, f"/disbursements/{identifier}")["disbursement"]["digest"]
    path = f"/disbursements/{identifier}/approvals"
    return path, an_approval(identifier, "legal_review", digest)


def a_header(used: str, **changes: Any) -> dict[str, Any]:
    """A good protected header under this nonce; a member that is changed to None is left out."""
    header = {
        "alg": "ES256",
        "kid": KID,
        "typ": TYPE,
        "fund": "test-fund",
        "op": "approval.given",
        "nonce": used,
        **changes,
    }
    return {name: value for name, value in header.items() if value is not None}


def by_hand(header: Any, payload: bytes, private: EcKey = DE_KEY) -> str:
    """A detached signature made without the code under test."""
    content = signed_part(header, payload)
    return f"{content.partition('.')[0]}..{b64(ecdsa(private, content))}"


@pytest.fixture(scope="module")
def opened(shared: Service) -> Service:
    """The fund of four governments; DE has a key."""
    shared.open(governments=GOVERNMENTS)
    registered(shared, "DE", DE_KEY)
    return shared


@pytest.fixture(scope="module")
def waiting(opened: Service) -> tuple[str, dict[str, Any]]:
    """A request that nobody ever approves."""
    return asked(opened)


@pytest.fixture
def attacker(opened: Service) -> Iterator[Attacker]:
    with closing(Attacker(opened)) as one:
        yield one


def send(
    attacker: Attacker, path: str, body: Any, jws: str, key: str, who: Person = LEGAL
) -> Answer:
    return attacker.post(who, path, body, X_JWS_Signature=jws, Idempotency_Key=key)


def test_an_entry_carries_its_partys_signature_verbatim(
    opened: Service, attacker: Attacker
) -> None:
    (path, body), nonce = asked(opened), fresh_key()
    seen = opened.seen()
    jws = sign(encode(body), DE_KEY, fund="test-fund", op="approval.given", nonce=nonce, seen=seen)
    spaced = json.dumps(body, indent=2, sort_keys=False).encode()

    answer = send(attacker, path, spaced, jws, nonce)

    entry = answer.content["entry"]
    assert (answer.status, entry["jws"], entry["data"]) == (201, jws, body)
    stored = opened.get(LEGAL, f"/entries/{entry['seq']}")["entry"]
    assert stored == entry


def test_whoever_was_shown_another_log_signs_nothing_here(
    opened: Service, attacker: Attacker
) -> None:
    (path, body), nonce = asked(opened), fresh_key()
    seen = {**opened.seen(), "root": "0" * 64}
    jws = sign(encode(body), DE_KEY, fund="test-fund", op="approval.given", nonce=nonce, seen=seen)

    with nothing_recorded(opened):
        answer = send(attacker, path, body, jws, nonce)

    assert_refused(answer, 412, "stale_proposal")


def test_a_second_library_verifies_what_the_client_signed(opened: Service) -> None:
    path, body = asked(opened)

    entry = post_signed(opened, LEGAL, path, body, DE_KEY, "approval.given")["entry"]

    (registered_key,) = (
        row["jwk"] for row in opened.get(LEGAL, "/keys")["items"] if row["kid"] == KID
    )
    protected, _, signature = entry["jws"].split(".")
    compact = f"{protected}.{b64(encode(entry['data']))}.{signature}"
    registry = reference.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    read = reference.deserialize_compact(
        compact, ECKey.import_key(registered_key), registry=registry
    )
    assert json.loads(read.payload or b"") == body
    assert read.headers()["kid"] == ECKey.import_key(registered_key).thumbprint() == KID


def test_a_signature_that_a_second_library_made_is_accepted(
    opened: Service, attacker: Attacker
) -> None:
    (path, body), nonce = asked(opened), fresh_key()
    registry = reference.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    key = ECKey.import_key(DE_KEY)
    compact = reference.serialize_compact(a_header(nonce), encode(body), key, registry=registry)
    protected, _, signature = compact.split(".")

    answer = send(attacker, path, body, f"{protected}..{signature}", nonce)

    assert answer.status == 201


def with_header(**changes: Any) -> Callable[[bytes, str], str]:
    return lambda payload, nonce: by_hand(a_header(nonce, **changes), payload)


def over_other_bytes(payload: bytes, nonce: str) -> str:
    return by_hand(a_header(nonce), payload + b" ")


def over_the_body_as_it_was_sent(payload: bytes, nonce: str) -> str:
    return by_hand(a_header(nonce), json.dumps(json.loads(payload)).encode())


def with_no_algorithm(payload: bytes, nonce: str) -> str:
    header = a_header(nonce, alg="none")
    return f"{signed_part(header, payload).partition('.')[0]}.."


def with_the_public_key_for_a_secret(payload: bytes, nonce: str) -> str:
    content = signed_part(a_header(nonce, alg="HS256"), payload)
    secret = encode(jwk_of(DE_KEY))
    return f"{content.partition('.')[0]}..{b64(hmac.digest(secret, content.encode(), 'sha256'))}"


def in_asn1(payload: bytes, nonce: str) -> str:
    content = signed_part(a_header(nonce), payload)
    return f"{content.partition('.')[0]}..{b64(DE_KEY.sign(content.encode(), ec.ECDSA(SHA256())))}"


def with_r_and_s_of_nothing(payload: bytes, nonce: str) -> str:
    return f"{by_hand(a_header(nonce), payload).rpartition('.')[0]}.{b64(bytes(64))}"


def with_a_payload_inside(payload: bytes, nonce: str) -> str:
    return by_hand(a_header(nonce), payload).replace("..", f".{b64(payload)}.")


def of_another_key_under_this_name(payload: bytes, nonce: str) -> str:
    return by_hand(a_header(nonce), payload, a_key(999))


def with_a_member_twice(payload: bytes, nonce: str) -> str:
    text = json.dumps(a_header(nonce))
    return by_hand((text[:-1] + ',"op":"approval.given"}').encode(), payload)


WRONG: dict[str, Callable[[bytes, str], str]] = {
    "a NUL for a nonce": lambda payload, _: by_hand(a_header("\x00"), payload),
    "other bytes": over_other_bytes,
    "not canonical": over_the_body_as_it_was_sent,
    "other fund": with_header(fund="other-fund"),
    "other op": with_header(op="approval.refused"),
    "other nonce": with_header(nonce="another"),
    "no nonce": with_header(nonce=None),
    "nonce a number": with_header(nonce=7),
    "crit": with_header(crit=["exp"], exp=4_000_000_000),
    "b64": with_header(b64=False),
    "jwk": with_header(jwk=jwk_of(DE_KEY)),
    "jku": with_header(jku="https://attacker.example/jwks"),
    "x5c": with_header(x5c=["AAAA"]),
    "unknown member": with_header(exp=4_000_000_000),
    "typ": with_header(typ="JWT"),
    "no typ": with_header(typ=None),
    "typ of an export": with_header(typ="fund-ledger-export+jws"),
    "seen no checkpoint": with_header(seen={"size": "1", "root": "0" * 64}),
    "seen null": lambda body, nonce: by_hand({**a_header(nonce), "seen": None}, body),
    "kid a list": with_header(kid=[KID]),
    "ES384 on P-256": with_header(alg="ES384"),
    "none": with_no_algorithm,
    "HS256": with_the_public_key_for_a_secret,
    "DER": in_asn1,
    "zero": with_r_and_s_of_nothing,
    "not detached": with_a_payload_inside,
    "another key": of_another_key_under_this_name,
    "member twice": with_a_member_twice,
    "header a list": lambda payload, nonce: by_hand([a_header(nonce)], payload),
    "empty": lambda *_: "",
    "too long": lambda *_: "A" * 8_300 + "..A",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_signature_made_for_anything_else_is_refused(
    opened: Service, attacker: Attacker, waiting: tuple[str, dict[str, Any]], name: str
) -> None:
    (path, body), nonce = waiting, fresh_key()
    jws = WRONG[name](encode(body), nonce)

    with nothing_recorded(opened):
        answer = send(attacker, path, body, jws, nonce)

    assert_refused(answer, 422, "signature_mismatch", jws)


@pytest.mark.parametrize("kid", ["\x00" * 43, "unknown", "", "'--", "x" * 4_000, "\u00e9"])
def test_a_key_that_nobody_registered_signs_nothing(
    opened: Service, attacker: Attacker, waiting: tuple[str, dict[str, Any]], kid: str
) -> None:
    (path, body), nonce = waiting, fresh_key()
    jws = by_hand(a_header(nonce, kid=kid), encode(body))

    with nothing_recorded(opened):
        answer = send(attacker, path, body, jws, nonce)

    assert_refused(answer, 403, "key_not_valid", kid)


def test_a_request_carries_one_signature(
    opened: Service, attacker: Attacker, waiting: tuple[str, dict[str, Any]]
) -> None:
    (path, body), nonce = waiting, fresh_key()
    jws = by_hand(a_header(nonce), encode(body))
    headers = [
        ("Authorization", f"Bearer {opened.token(LEGAL)}"),
        ("Idempotency-Key", nonce),
        ("X-JWS-Signature", jws),
        ("X-JWS-Signature", jws),
    ]

    with nothing_recorded(opened):
        answer = httpx.post(opened.address + FUND + path, json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "duplicate_header")


def test_a_revoked_key_signs_no_more(opened: Service) -> None:
    key, lawyer = a_key(201), Person("FR", Role.LEGAL_REVIEWER)
    kid = registered(opened, "FR", key)
    path, body = asked(opened)
    before = post_signed(opened, lawyer, path, body, key, "approval.given")["entry"]["seq"]
    revocation = {"kid": kid, "trusted_through": before, "reason": "The token was lost"}
    opened.post(admin("FR"), "/keys/revocations", revocation)
    path, body = asked(opened)

    with nothing_recorded(opened), pytest.raises(Refused) as told:
        post_signed(opened, lawyer, path, body, key, "approval.given")

    assert (told.value.status, told.value.code) == (403, "key_not_valid")


def test_a_partys_second_key_signs_once_its_first_one_has_endorsed_it(opened: Service) -> None:
    first, second, lawyer = a_key(301), a_key(302), Person("IT", Role.LEGAL_REVIEWER)
    registered(opened, "IT", first)
    kid = registered(opened, "IT", second)
    path, body = asked(opened)

    with nothing_recorded(opened), pytest.raises(Refused) as told:
        post_signed(opened, lawyer, path, body, second, "approval.given")
    post_signed(opened, admin("IT"), "/keys/endorsements", {"kid": kid}, first, "key.endorsed")
    post_signed(opened, lawyer, path, body, second, "approval.given")

    assert told.value.code == "key_not_valid"


def test_another_partys_key_speaks_for_its_own_party_only(opened: Service) -> None:
    path, body = asked(opened)

    with nothing_recorded(opened), pytest.raises(Refused) as told:
        post_signed(opened, Person("NL", Role.LEGAL_REVIEWER), path, body, DE_KEY, "approval.given")

    assert (told.value.status, told.value.code) == (403, "key_not_valid")


def test_a_captured_request_serves_once(opened: Service, attacker: Attacker) -> None:
    """Row C7: the idempotency key stands inside what is signed."""
    (path, body), nonce = asked(opened), fresh_key()
    jws = by_hand(a_header(nonce), encode(body))
    first = send(attacker, path, body, jws, nonce)

    with nothing_recorded(opened):
        again = send(attacker, path, body, jws, nonce)
        under_a_new_key = send(attacker, path, body, jws, fresh_key())
        by_another = send(attacker, path, body, jws, nonce, Person("NL", Role.LEGAL_REVIEWER))

    assert (first.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.content["entry"] == first.content["entry"]
    assert_refused(under_a_new_key, 422, "signature_mismatch")
    assert_refused(by_another, 403, "key_not_valid")
