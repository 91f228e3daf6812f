"""Registering keys, and a charter that asks for signatures: what is refused leaves no trace."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from app.chain.canonical import encode
from app.client import Refused
from app.domain.values import Role
from app.store.tables import metadata
from app.trust.signatures import sign
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    assert_refused,
    b64,
    fresh_key,
    nothing_recorded,
)
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    TRUSTEE,
    Person,
    a_charter,
    a_key_registration,
    a_request,
    an_approval,
    money,
)
from tests.support.service import Service
from tests.support.signers import EcKey, a_key, admin, jwk_of, post_signed, registered

LEGAL = Person("DE", Role.LEGAL_REVIEWER)
SIGNED = "/v1/funds/signed-fund"
"""A fund whose charter asks for signatures on approvals."""
PRIVATE = a_key(424_242)
D = b64((424_242).to_bytes(32, "big"))


@pytest.fixture(scope="module")
def opened(shared: Service) -> Service:
    """Two funds of DE and FR; in the second one approvals are signed, and DE has a key."""
    shared.open()
    charter = a_charter(fund="signed-fund", signed=["approval.given"])
    shared.client(TRUSTEE).post("/v1/funds", charter, shared.key())
    registered(shared, "DE", a_key(1), fund=SIGNED)
    return shared


@pytest.fixture
def attacker(opened: Service) -> Iterator[Attacker]:
    with closing(Attacker(opened)) as one:
        yield one


def register(
    service: Service, attacker: Attacker, jwk: dict[str, Any], key: EcKey, **changes: Any
) -> Answer:
    """Try to register a public key for FR, signed with a private one."""
    digest = service.get(AUDITOR, "")["charter_digest"]
    body = {**a_key_registration(digest, jwk, service.seen()), **changes}
    nonce = fresh_key()
    jws = sign(encode(body), key, fund="test-fund", op="key.registered", nonce=nonce)
    headers = {"X_JWS_Signature": jws, "Idempotency_Key": nonce}
    return attacker.post(admin("FR"), "/keys", body, **headers)


def asked(service: Service) -> tuple[str, dict[str, Any]]:
    """Where a request in the fund that wants signatures is approved, and with what."""
    client = service.client(REQUESTER)
    made = client.post(f"{SIGNED}/disbursements", a_request(money(5)), service.key())
    identifier = made["entry"]["derived"]["disbursement_id"]
    digest = client.get(f"{SIGNED}/disbursements/{identifier}")["disbursement"]["digest"]
    path = f"/disbursements/{identifier}/approvals"
    return path, an_approval(identifier, "legal_review", digest)


def size_of_signed(service: Service) -> int:
    size: int = service.client(AUDITOR).get(SIGNED)["size"]
    return size


def test_a_key_on_p_384_signs_with_es384(opened: Service) -> None:
    key = a_key(384, ec.SECP384R1)

    kid = registered(opened, "DE", key)

    identifier = opened.requested(money(5))
    digest = opened.get(REQUESTER, f"/disbursements/{identifier}")["disbursement"]["digest"]
    body = an_approval(identifier, "legal_review", digest)
    path = f"/disbursements/{identifier}/approvals"
    entry = post_signed(opened, LEGAL, path, body, key, "approval.given")["entry"]
    (row,) = (row for row in opened.get(LEGAL, "/keys")["items"] if row["kid"] == kid)
    answers = opened.get(LEGAL, f"/disbursements/{identifier}")["approvals"]
    assert (row["jwk"]["crv"], row["state"], len(entry["jws"]) > 250) == ("P-384", "active", True)
    assert [answer["kid"] for answer in answers if answer["answer"] == "approved"] == [kid]


COORDINATE = b64(bytes(31) + b"\1")
WRONG_JWKS: dict[str, dict[str, Any]] = {
    "secp256k1": {**jwk_of(PRIVATE), "crv": "secp256k1"},
    "P-521": {"kty": "EC", "crv": "P-521", "x": b64(bytes(66)), "y": b64(bytes(66))},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": COORDINATE},
    "symmetric": {"kty": "oct", "k": COORDINATE},
    "more members": {**jwk_of(PRIVATE), "use": "sig"},
    "short": {**jwk_of(PRIVATE), "x": "AQ"},
    "padded": {**jwk_of(PRIVATE), "x": jwk_of(PRIVATE)["x"] + "="},
    "private": {**jwk_of(PRIVATE), "d": D},
}


@pytest.mark.parametrize("name", WRONG_JWKS)
def test_only_public_keys_on_two_curves_have_the_form_of_a_key(
    opened: Service, attacker: Attacker, name: str
) -> None:
    with nothing_recorded(opened):
        answer = register(opened, attacker, WRONG_JWKS[name], PRIVATE)

    assert_refused(answer, 422, "invalid_body", D)


@pytest.mark.parametrize(
    "jwk",
    [
        {**jwk_of(PRIVATE), "y": COORDINATE},
        {**jwk_of(PRIVATE), "x": b64(bytes(32)), "y": b64(bytes(32))},
        {**jwk_of(PRIVATE), "x": b64(b"\xff" * 32)},
        {**jwk_of(PRIVATE), "crv": "P-384"},
        jwk_of(a_key(2)),
    ],
    ids=["off the curve", "infinity", "beyond the field", "of the other curve", "not the signer's"],
)
def test_a_key_that_cannot_have_made_its_own_signature_is_refused(
    opened: Service, attacker: Attacker, jwk: dict[str, str]
) -> None:
    with nothing_recorded(opened):
        answer = register(opened, attacker, jwk, PRIVATE)

    assert_refused(answer, 422, "signature_mismatch")


def test_a_party_acknowledges_the_charter_and_a_checkpoint_that_is(
    opened: Service, attacker: Attacker
) -> None:
    ahead = {"size": 10_000, "root": "0" * 64}

    with nothing_recorded(opened):
        other = register(opened, attacker, jwk_of(PRIVATE), PRIVATE, charter_digest="0" * 64)
        future = register(opened, attacker, jwk_of(PRIVATE), PRIVATE, checkpoint=ahead)
        another = {**opened.seen(), "root": "0" * 64}
        foreign = register(opened, attacker, jwk_of(PRIVATE), PRIVATE, checkpoint=another)
        unsigned = attacker.post(
            admin("FR"), "/keys", a_key_registration("0" * 64, jwk_of(PRIVATE))
        )

    assert_refused(other, 412, "stale_proposal")
    assert_refused(future, 412, "stale_proposal")
    assert_refused(foreign, 412, "stale_proposal")
    assert_refused(unsigned, 422, "signature_required")


def test_a_key_is_one_partys_for_ever(opened: Service, attacker: Attacker) -> None:
    key = a_key(77)
    registered(opened, "IFI", key)

    with nothing_recorded(opened):
        answer = register(opened, attacker, jwk_of(key), key)

    assert_refused(answer, 409, "already_exists")


def test_a_private_key_that_somebody_sends_is_kept_nowhere(
    opened: Service, attacker: Attacker, caplog: pytest.LogCaptureFixture
) -> None:
    jwk = {**jwk_of(PRIVATE), "d": D}
    body = a_key_registration("0" * 64, jwk)
    item = {"op": "key.registered", "key": fresh_key(), "data": body}

    with nothing_recorded(opened), caplog.at_level(logging.DEBUG):
        answers = [
            register(opened, attacker, jwk, PRIVATE),
            attacker.post(admin("FR"), "/keys", body),
            attacker.post(admin("FR"), "/batches", [item]),
            attacker.post(admin("FR"), "/batches?mode=each", [item]),
            attacker.post(admin("FR"), "/keys", {**body, "jwk": jwk_of(PRIVATE), D: D}),
        ]

    said = [answer.body.decode() for answer in answers]
    said.append(str(opened.get(AUDITOR, "/access?limit=500")))
    with opened.inside.database.read() as connection:
        tables = metadata.tables.values()
        said += [str(connection.execute(select(table)).all()) for table in tables]
    files = [path for path in opened.settings.data_dir.rglob("*") if path.is_file()]
    said += [path.read_bytes().decode("latin-1") for path in files]
    assert [text for text in [*said, caplog.text] if D in text] == []
    assert {answer.status for answer in answers} == {422, 200}


def test_a_charter_that_wants_signatures_refuses_an_approval_without_one(
    opened: Service, attacker: Attacker
) -> None:
    (path, body), before = asked(opened), size_of_signed(opened)

    bare = attacker.post(LEGAL, SIGNED + path, body)
    with pytest.raises(Refused) as told:
        opened.client(Person("FR", Role.LEGAL_REVIEWER)).post(SIGNED + path, body, fresh_key())
    size = size_of_signed(opened)
    signed = post_signed(opened, LEGAL, path, body, a_key(1), "approval.given", fund=SIGNED)

    assert_refused(bare, 422, "signature_required")
    assert told.value.code == "signature_required"
    assert (size, signed["entry"]["seq"]) == (before, before)


def test_refusing_and_revoking_need_no_signature_where_only_approving_does(
    opened: Service, attacker: Attacker
) -> None:
    path, body = asked(opened)
    no = {**body, "decision": "refuse", "reason": "Not like this"}

    answer = attacker.post(LEGAL, SIGNED + path, no)

    assert (answer.status, answer.content["entry"].get("jws")) == (201, None)


@pytest.mark.parametrize("mode", ["atomic", "each"])
def test_in_a_batch_each_command_carries_its_own_signature(
    opened: Service, attacker: Attacker, mode: str
) -> None:
    requests = [asked(opened) for _ in range(3)]
    items = []
    for _, body in requests:
        nonce = fresh_key()
        jws = sign(encode(body), a_key(1), fund="signed-fund", op="approval.given", nonce=nonce)
        items.append({"op": "approval.given", "key": nonce, "data": body, "jws": jws})

    answer = attacker.post(LEGAL, f"{SIGNED}/batches?mode={mode}", items)

    entries = [result["entry"] for result in answer.content["results"]]
    assert [entry["jws"] for entry in entries] == [item["jws"] for item in items]


def test_in_a_batch_a_signature_serves_its_own_command_only(
    opened: Service, attacker: Attacker
) -> None:
    (_, first), (_, second) = asked(opened), asked(opened)
    one, other = fresh_key(), fresh_key()
    jws = sign(encode(first), a_key(1), fund="signed-fund", op="approval.given", nonce=one)
    good = {"op": "approval.given", "key": one, "data": first, "jws": jws}
    crossed = [
        {"op": "approval.given", "key": other, "data": second, "jws": jws},
        {"op": "approval.given", "key": one, "data": second, "jws": jws},
        {"op": "approval.given", "key": other, "data": first, "jws": jws},
    ]
    before = size_of_signed(opened)

    refused = [attacker.post(LEGAL, f"{SIGNED}/batches", [item]) for item in crossed]
    null = attacker.post(LEGAL, f"{SIGNED}/batches", [{**good, "jws": None}])
    header = attacker.post(LEGAL, f"{SIGNED}/batches", [good], X_JWS_Signature=jws)
    size = size_of_signed(opened)
    each = attacker.post(LEGAL, f"{SIGNED}/batches?mode=each", [crossed[0], good])

    assert [answer.code for answer in refused] == ["signature_mismatch"] * 3
    assert (null.code, header.code) == ("invalid_batch", "signature_mismatch")
    assert size == before
    assert [result["status"] for result in each.content["results"]] == [422, 201]
