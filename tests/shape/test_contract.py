"""The wire contract: the page, the vectors, and the code say the same."""

import hashlib
import json
import zipfile
from typing import Any

import pytest

from app.audit.format.layout import entries_path
from app.audit.format.versions import newest
from app.audit.receipt import verify_answer
from app.audit.report import Report
from app.audit.verify import verify
from app.chain.canonical import NotCanonical, decode, encode
from app.chain.entry import Entry
from app.chain.jws import key_from_jwk
from app.chain.policy import Policy
from app.domain.catalogue import EVENTS
from app.trust.signatures import check_signature
from tests.support import contract_page, contract_vectors
from tests.support.contract_vectors import BUNDLE, TRUST, VECTORS

PAGE = contract_page.PAGE.read_text()
REQUEST: dict[str, Any] = json.loads((VECTORS / "signed-request.json").read_text())
CANONICAL: dict[str, Any] = json.loads((VECTORS / "canonical.json").read_text())
ANSWER = (VECTORS / "receipt" / "answer.json").read_bytes()


def policy(part: str) -> Policy:
    return Policy.parse((VECTORS / part / TRUST).read_bytes())


def lines() -> list[bytes]:
    with zipfile.ZipFile(BUNDLE) as archive:
        return archive.read(entries_path(0)).splitlines()


def judged() -> Report:
    return verify(BUNDLE, policy("bundle"))


# -- the page ------------------------------------------------------------------------------------


def test_the_pages_examples_and_tables_are_those_of_files_and_code() -> None:
    quoted = {found["file"] for found in contract_page.EXAMPLE.finditer(PAGE)}
    kept = {str(path.relative_to(VECTORS)) for path in VECTORS.rglob("*") if path.is_file()}

    assert quoted == kept - {"canonical.json", "receipt/trust.policy"}
    assert PAGE.count("<!-- example:") == len(list(contract_page.EXAMPLE.finditer(PAGE))) > 10
    assert contract_page.filled(PAGE) == PAGE, "run `make vectors`"


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_type_stands_on_the_page(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("path", newest().view_paths)
def test_every_view_of_the_newest_format_stands_on_the_page(path: str) -> None:
    assert f"| `{path}` |" in PAGE


def test_the_newest_format_stands_on_the_page() -> None:
    assert f"| `format` | `{newest().name}`" in PAGE


# -- the vectors ---------------------------------------------------------------------------------


def test_canonical_json_is_what_the_code_gives() -> None:
    assert contract_vectors.canonical() == CANONICAL, "run `make vectors`"


@pytest.mark.parametrize("one", CANONICAL["refused"], ids=lambda one: one["name"])
def test_what_has_no_canonical_form_is_refused(one: dict[str, str]) -> None:
    with pytest.raises(NotCanonical):
        encode(decode(bytes.fromhex(one["hex"])))


def test_the_signed_request_is_what_the_code_gives() -> None:
    entry = contract_vectors.approval()
    op, nonce = entry.type, REQUEST["protected"]["nonce"]

    assert contract_vectors.signed_request(entry) == REQUEST, "run `make vectors`"
    assert contract_vectors.signature(entry.data, op, nonce) == REQUEST["jws"]


def test_the_signed_request_holds() -> None:
    public = {name: REQUEST["jwk"][name] for name in ("kty", "crv", "x", "y")}
    payload = bytes.fromhex(REQUEST["canonical_hex"])

    found = check_signature(REQUEST["jws"], payload, "example", public)

    assert (found.kid, found.op) == (REQUEST["thumbprint"], "approval.given")
    assert found.nonce == REQUEST["headers"]["Idempotency-Key"]
    assert key_from_jwk(public).curve.name == "secp256r1"


def test_it_is_the_approval_in_the_bundle_and_in_the_answer() -> None:
    line = lines()[-1]
    answered = json.loads(ANSWER)

    assert encode(answered["entry"]) == line
    assert (answered["entry"]["jws"], answered["entry"]["data"]) == (
        REQUEST["jws"],
        REQUEST["data"],
    )


def test_it_names_the_digest_of_the_request_that_it_approves() -> None:
    (asked,) = (
        one for one in map(Entry.from_bytes, lines()) if one.type == "disbursement.requested"
    )

    assert hashlib.sha256(encode(asked.data)).hexdigest() == REQUEST["data"]["digest"]


def test_the_answer_verifies_with_its_receipt() -> None:
    verified = verify_answer(ANSWER, policy("receipt"))

    assert (verified.seq, verified.checkpoint.size) == (8, 9)


def test_the_bundle_verifies() -> None:
    report = judged()

    assert report.result == "ok", report.first
    assert (report.size, report.signatures, report.access_entries) == (9, 2, 1)


def test_the_bundle_shows_a_consequence_and_journal_lines() -> None:
    entries = list(map(Entry.from_bytes, lines()))
    with zipfile.ZipFile(BUNDLE) as archive:
        journal = archive.read("views/journal.csv").splitlines()

    assert [one.derived for one in entries if one.by["party"] == "@ledger"] == [{"cause": 4}]
    assert len(journal) > 5
