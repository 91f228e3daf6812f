"""A checkpoint of the log as an entry names it, and the spelling of the keys that sign one."""

from typing import Annotated

from pydantic import Field

from app.domain.event import Terms
from app.domain.values import Digest

VerifierKey = Annotated[
    str,
    Field(strict=True, pattern=r"^[!-*,-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$"),
]
"""A key as C2SP signed-note writes it: name, key id (hex), type and key (base64)."""

Base64 = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9+/]{4,40000}={0,2}$")]

LogSize = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]


class AttestedCheckpoint(Terms):
    """A checkpoint of this log: its size and its root (hex)."""

    size: LogSize
    root: Digest
