"""Time stamps (RFC 3161): a third party's signature that a checkpoint existed at a time.

A time authority signs a digest together with its clock. The answer proves for ever that the
digested text existed then: certificates are checked as of the time in the token, so that it is
valid after they expire. The whole answer (TimeStampResp, DER) is kept as it came.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from app.runtime.faults import Fault

MAX_STAMP_BYTES: Final = 20_000
_SHA256: Final = "2.16.840.1.101.3.4.2.1"


class StampError(ValueError):
    """The answer is no valid time stamp of this text by a trusted authority."""


class CertificatesUnusable(Fault):
    """The file with the authority's certificates cannot be used."""


def stamp_request(text: bytes) -> TimeStampRequest:
    """A request to a time authority, with a nonce that its answer must repeat."""
    return TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()


def read_stamp(raw: bytes, text: bytes) -> TimeStampResponse:
    """An answer that states exactly this text; its signature is not verified. Raises StampError."""
    if len(raw) > MAX_STAMP_BYTES:
        raise StampError(f"a time stamp has at most {MAX_STAMP_BYTES} bytes")
    try:
        answer = decode_timestamp_response(raw)
        imprint = answer.tst_info.message_imprint
        algorithm, digest = imprint.hash_algorithm.dotted_string, imprint.message
    except (ValueError, TypeError):
        raise StampError("not an answer of a time authority") from None
    if algorithm != _SHA256 or digest != hashlib.sha256(text).digest():
        raise StampError("the time stamp is of something else")
    return answer


def verify_stamp(
    raw: bytes, text: bytes, roots: Iterable[Certificate], nonce: int | None = None
) -> datetime:
    """The time (UTC) at which an authority under one of `roots` stamped the text.

    Certificates in the answer are used only as links to a root, and are checked as of the time in
    it. Raises StampError.
    """
    answer = read_stamp(raw, text)
    builder = VerifierBuilder(roots=list(roots), nonce=nonce)
    try:
        builder.build().verify_message(answer, text)
    except (VerificationError, ValueError, TypeError) as error:
        raise StampError(f"not stamped by a trusted time authority: {error}") from None
    return answer.tst_info.gen_time


def read_certificates(path: Path) -> list[Certificate]:
    """The authority's root certificates, in PEM. Raises CertificatesUnusable."""
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise CertificatesUnusable(f"{path} holds no certificates in PEM") from None
