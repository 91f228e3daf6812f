"""RFC 3161: answers of other people's time authorities, with certificates long past.

Of the published answers only those over SHA-256 can be stamps here, and only those that bring the
signer's certificate along; the others are refused before their signatures are looked at.
"""

from base64 import b64decode
from datetime import datetime
from typing import Any

import pytest
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import decode_timestamp_response

from app.trust.timestamps import StampError, verify_stamp
from tests.support import vectors

FILE = "trailofbits_rfc3161-client/fixtures.json"
SHA256 = "2.16.840.1.101.3.4.2.1"
FIXTURES: dict[str, Any] = vectors.read_json(FILE)
RESULTS: list[dict[str, Any]] = FIXTURES["results"]
LABELS = [f"{r['dir']}/{r['response']}-{number}" for number, r in enumerate(RESULTS)]


def content(name: str) -> bytes:
    return b64decode(FIXTURES["files_base64"][name])


def chain(folder: str) -> list[Certificate]:
    """The signer's certificate first, its root last."""
    return load_pem_x509_certificates(content(f"{folder}/ts_chain.pem"))


def algorithm(raw: bytes) -> str:
    imprint = decode_timestamp_response(raw).tst_info.message_imprint
    return str(imprint.hash_algorithm.dotted_string)


def test_the_file_is_whole() -> None:
    assert len(RESULTS) == 10
    assert {f"{r['dir']}/{r['response']}" for r in RESULTS} <= FIXTURES["files_base64"].keys()


@pytest.mark.parametrize("published", RESULTS, ids=LABELS)
def test_an_answer_is_judged_as_published(published: dict[str, Any]) -> None:
    folder = published["dir"]
    raw, text = (
        content(f"{folder}/{published['response']}"),
        bytes.fromhex(published["message_hex"]),
    )
    verdict, *said = published["rfc3161_client_1.0.9"]
    alone = not decode_timestamp_response(raw).signed_data.certificates

    if algorithm(raw) == SHA256 and not alone and verdict == "OK":
        assert verify_stamp(raw, text, chain(folder)[1:]) == datetime.fromisoformat(said[0])
        return
    why = "something else" if algorithm(raw) != SHA256 else "not stamped by a trusted"
    with pytest.raises(StampError, match=why):
        verify_stamp(raw, text, chain(folder)[1:])
