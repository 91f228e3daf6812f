"""Base64 and decimal numbers, each in its only spelling.

Python's own readers accept junk characters, spare bits, underscores and digits of other scripts;
whatever is signed or hashed must have one form only.
"""

import base64
import binascii
import re

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def read_base64(text: str) -> bytes:
    """Bytes of padded standard base64 (RFC 4648 section 4). Raises ValueError."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if base64.b64encode(value).decode("ascii") != text:
        raise ValueError("base64 with spare bits")
    return value


def write_base64(value: bytes) -> str:
    """Padded standard base64."""
    return base64.b64encode(value).decode("ascii")


def read_base64url(text: str) -> bytes:
    """Bytes of unpadded base64url (RFC 7515 section 2). Raises ValueError."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    if write_base64url(value) != text:
        raise ValueError("base64url with spare bits")
    return value


def write_base64url(value: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def read_decimal(text: str) -> int:
    """A natural number below 10**19 without sign or leading zeros. Raises ValueError."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    return int(text)
