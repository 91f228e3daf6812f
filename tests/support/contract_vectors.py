"""The files in docs/vectors, which the wire contract quotes: `make vectors` writes them.

Keys, clock and identifiers are fixed and ES256 is deterministic (RFC 6979), so that the files come
out alike; only the manifest's signature is drawn anew with each bundle. Once the bundle's format is
released its story is not told again, and the other files are made from the bundle that is kept.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.audit.format.layout import entries_path
from app.audit.format.versions import NEWEST
from app.chain.canonical import decode, encode
from app.chain.entry import Entry
from app.chain.jws import sign_detached, thumbprint
from app.chain.spelling import read_base64url, write_base64url
from app.domain.values import Role
from app.runtime.settings import Settings
from app.store.engine import Database
from app.store.migrate import migrate
from app.trust.signatures import JWS_TYPE
from tests.support.builders import AUDITOR, REQUESTER, TRUSTEE, Person, treasury
from tests.support.service import Service, running
from tests.support.signers import a_key, admin, jwk_of

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "docs" / "vectors"
BUNDLE: Final = VECTORS / "bundle" / "bundle.zip"
TRUST: Final = "trust.policy"
RELEASED: Final = ROOT / "tests" / "golden" / "released.txt"

FUND: Final = "example"
ORIGIN: Final = "ledger.example"
BEGIN: Final = datetime(2026, 1, 15, 9, tzinfo=UTC)
LAWYER: Final = Person("DE", Role.LEGAL_REVIEWER)
DE_SCALAR: Final = 0x1F2E3D4C5B6A79880102030405060708090A0B0C0D0E0F101112131415161718
DE_KEY: Final = a_key(DE_SCALAR)
EXPORT_KEY: Final = a_key(0x0F1E2D3C4B5A69788796A5B4C3D2E1F00112233445566778899AABBCCDDEEFF0)
LOG_KEY: Final = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"the example's log").digest())

CANONICAL: Final = {
    "members in the order of their names": '{"b": 1, "a": 2, "B": 3}',
    "names by UTF-16 code units": '{"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3}',
    "no space outside of texts": '{ "list" : [ 1 , true , "a b" ] ,\n\t"empty" : { } }',
    "escapes that JSON makes shorter": r'"\u0022\u005c\u0008\u0009\u000a\u000c\u000d\/"',
    "other controls in four hex digits": r'"\u0000\u001F\u007f"',
    "characters beyond ASCII as they are": r'"Fa\u00dfade \u20ac \uD83D\uDE00"',
    "integers": "[0, -1, 9007199254740991, -9007199254740991]",
    "an amount is a text": '{"currency": "EUR", "amount": "1500000.00"}',
    "sixteen deep": "[" * 17 + "]" * 17,
}
"""Texts in JSON and what they are for."""
REFUSED: Final = {
    "a member twice": b'{"a":1,"a":1}',
    "a member twice, once by escape": b'{"a":1,"\\u0061":2}',
    "a fraction": b"1.0",
    "an exponent": b"1e2",
    "minus zero": b"-0",
    "beyond 2^53 - 1": b"9007199254740992",
    "not a number": b"NaN",
    "a lone surrogate": b'"\\ud800"',
    "not UTF-8": b'"\xff"',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "something behind the end": b"{} {}",
    "seventeen deep": b"[" * 18 + b"]" * 18,
}
"""Bytes that have no canonical form here."""


class RepeatableKey:
    """A private key whose ES256 signatures come out alike (RFC 6979)."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._private.public_key()

    def sign(self, data: bytes, signature_algorithm: ec.ECDSA, /) -> bytes:
        return self._private.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))


def signature(body: dict[str, Any], op: str, nonce: str) -> str:
    """DE's signature over a request's body."""
    header = {"typ": JWS_TYPE, "fund": FUND, "op": op, "nonce": nonce}
    return sign_detached(encode(body), RepeatableKey(DE_KEY), header)


# -- the files -----------------------------------------------------------------------------------


def canonical() -> dict[str, Any]:
    """`canonical.json`."""
    accepted = [
        {"name": name, "json": text, "canonical": written.decode(), "hex": written.hex()}
        for name, text in CANONICAL.items()
        for written in [encode(decode(text.encode()))]
    ]
    refused = [{"name": name, "hex": text.hex()} for name, text in REFUSED.items()]
    return {"accepted": accepted, "refused": refused}


def signed_request(entry: Entry) -> dict[str, Any]:
    """`signed-request.json`: the approval in the bundle, step by step."""
    assert entry.jws is not None
    protected, _, made = entry.jws.split(".")
    payload = encode(entry.data)
    header = read_base64url(protected)
    named = decode(header)
    public = jwk_of(DE_KEY)
    raw = read_base64url(made)
    return {
        "jwk": {**public, "d": write_base64url(DE_SCALAR.to_bytes(32, "big"))},
        "thumbprint_input": encode(public).decode(),
        "thumbprint": thumbprint(DE_KEY.public_key()),
        "method": "POST",
        "path": f"/v1/funds/{FUND}/disbursements/{entry.data['disbursement_id']}/approvals",
        "headers": {
            "Content-Type": "application/json",
            "Idempotency-Key": named["nonce"],
            "X-JWS-Signature": entry.jws,
        },
        "data": entry.data,
        "canonical": payload.decode(),
        "canonical_hex": payload.hex(),
        "canonical_sha256": hashlib.sha256(payload).hexdigest(),
        "protected": named,
        "protected_bytes": header.decode(),
        "protected_base64url": protected,
        "payload_base64url": write_base64url(payload),
        "signing_input": f"{protected}.{write_base64url(payload)}",
        "r_hex": raw[:32].hex(),
        "s_hex": raw[32:].hex(),
        "signature": made,
        "jws": entry.jws,
    }


def approval() -> Entry:
    """The signed approval in the bundle that is kept: its last entry."""
    with zipfile.ZipFile(BUNDLE) as archive:
        return Entry.from_bytes(archive.read(entries_path(0)).splitlines()[-1])


def as_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """All files of docs/vectors."""
    if str(NEWEST) not in RELEASED.read_text().split():
        for part in ("bundle", "receipt"):
            (VECTORS / part).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as service:
            answer = _told(service)
            trust = f"log {service.inside.notary.keys.of_log(FUND).verifier}\nquorum none\n"
            address = f"/v1/funds/{FUND}/exports/audit"
            made = b"".join(service.client(AUDITOR).download(address))
            # A signature never comes out twice the same: a new one alone is no new bundle.
            if not BUNDLE.exists() or _unsigned(made) != _unsigned(BUNDLE.read_bytes()):
                BUNDLE.write_bytes(made)
        (VECTORS / "receipt" / "answer.json").write_bytes(answer)
        for part in ("bundle", "receipt"):
            (VECTORS / part / TRUST).write_text(trust)
    (VECTORS / "canonical.json").write_text(as_text(canonical()))
    (VECTORS / "signed-request.json").write_text(as_text(signed_request(approval())))


def _unsigned(bundle: bytes) -> dict[str, bytes]:
    """The files of a bundle but the manifest's signature."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "manifest.jws"}


# -- the story of the bundle ---------------------------------------------------------------------


def charter() -> dict[str, Any]:
    """One government, one window, two steps, the first of which is signed."""
    people = [
        *(Person("DE", role) for role in (Role.ADMIN, Role.TREASURY, Role.LEGAL_REVIEWER)),
        *(Person("DE", Role.TREASURY_APPROVER), TRUSTEE, REQUESTER, AUDITOR),
    ]
    kinds = {"DE": "government", "TRUSTEE": "trustee", "UA": "recipient", "AUDIT": "auditor"}
    step = {"who": "each_government"}
    return {
        "fund": FUND,
        "title": "A fund to show the wire format",
        "parties": [{"id": name, "name": name, "kind": kind} for name, kind in kinds.items()],
        "members": [
            {"subject": one.subject, "party": one.party, "roles": [one.role]} for one in people
        ],
        "currencies": ["EUR"],
        "holding_currency": "EUR",
        "windows": [{"id": "energy", "name": "Energy", "purposes": ["grid"]}],
        "bank_accounts": [{"id": "BANK-EUR", "currency": "EUR"}],
        "approval_steps": [
            {**step, "id": "legal_review", "name": "Legal review", "role": "legal_reviewer"},
            {
                **step,
                "id": "treasury_release",
                "name": "Release",
                "role": "treasury_approver",
                "after": ["legal_review"],
            },
        ],
        "signed": ["approval.given"],
    }


def _told(service: Service) -> bytes:
    """Nine entries, the last one the signed approval: the answer to that, byte for byte."""
    amount = {"amount": "1500000.00", "currency": "EUR"}

    def asked(who: Person, path: str, body: dict[str, Any], key: str, op: str = "") -> bytes:
        headers = {"X-JWS-Signature": signature(body, op, key)} if op else {}
        headers["Idempotency-Key"] = key
        _Clock.present += timedelta(minutes=1)
        answer = service.raw(who, "POST", f"/v1/funds{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.content

    asked(TRUSTEE, "", charter(), "open")
    fund = service.client(AUDITOR).get(f"/v1/funds/{FUND}")
    registration = {
        "jwk": jwk_of(DE_KEY),
        "charter_digest": fund["charter_digest"],
        "checkpoint": service.client(AUDITOR).seen(FUND),
    }
    asked(admin("DE"), f"/{FUND}/keys", registration, "de-key-1", "key.registered")
    draft = {
        "window": "energy",
        "amount": amount,
        "instrument": "grant",
        "instalments": [{"due": "2026-06-30", "amount": amount}],
    }
    drafted = json.loads(asked(treasury("DE"), f"/{FUND}/agreements", draft, "agreement-1"))
    agreement = drafted["entry"]["derived"]["agreement_id"]
    digest = hashlib.sha256(encode(drafted["entry"]["data"])).hexdigest()
    signing = {"agreement_id": agreement, "digest": digest}
    path = f"/{FUND}/agreements/{agreement}/signatures"
    asked(treasury("DE"), path, signing, "agreement-1-de")
    asked(TRUSTEE, path, signing, "agreement-1-trustee")
    receipt = {
        "agreement_id": agreement,
        "amount": amount,
        "bank_account": "BANK-EUR",
        "bank_reference": "STATEMENT-1/1",
        "value_date": "2026-01-14",
    }
    asked(treasury("DE"), f"/{FUND}/receipts", receipt, "statement-1-line-1")
    request = {
        "window": "energy",
        "amount": {"amount": "250000.00", "currency": "EUR"},
        "purpose": "grid",
        "description": "Transformers",
    }
    requested = json.loads(asked(REQUESTER, f"/{FUND}/disbursements", request, "request-1"))
    identifier = requested["entry"]["derived"]["disbursement_id"]
    approving = {
        "disbursement_id": identifier,
        "step": "legal_review",
        "decision": "approve",
        "digest": hashlib.sha256(encode(requested["entry"]["data"])).hexdigest(),
    }
    path = f"/{FUND}/disbursements/{identifier}/approvals"
    return asked(LAWYER, path, approving, "legal-review-request-1", "approval.given")


class _Clock(datetime):
    """Stands in for `datetime` where the clock enters: time passes only when it is told to."""

    present = BEGIN

    @classmethod
    def now(cls, _: object = None) -> datetime:  # type: ignore[override]
        return cls.present


class _Chance:
    """Stands in for `os` where chance enters."""

    def __init__(self) -> None:
        self._drawn = 0

    def urandom(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.sha256(f"chance {self._drawn}".encode()).digest()[:count]


@contextmanager
def _served(folder: Path) -> Iterator[Service]:
    """A service with keys, clock and chance that are always the same."""
    settings = Settings(
        data_dir=folder, database_url=f"sqlite:///{folder / 'ledger.db'}", log_origin=ORIGIN
    )
    settings.keys_dir.mkdir(mode=0o700)
    for name, key in (("log", LOG_KEY), ("export", EXPORT_KEY)):
        path = settings.keys_dir / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    database = Database(settings.database)
    migrate(database)
    database.close()
    _Clock.present = BEGIN
    with (
        patch("app.runtime.clock.datetime", _Clock),
        patch("app.runtime.clock.elapsed", lambda: float(_Clock.present.timestamp())),
        patch("app.runtime.clock.os", _Chance()),
        running(settings) as service,
    ):
        yield service
