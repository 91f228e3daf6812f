"""Refusals: the base class, and those that every subject uses.

A refusal is an answer to a caller and no fault of the program: a kind (`api/http/problems.py` alone
gives it an HTTP status), a stable code, and one sentence with the values that conflict.
`docs/errors.md` is made from them.
"""

from enum import StrEnum
from typing import ClassVar, Final


class Kind(StrEnum):
    """What sort of refusal it is; HTTP makes a status of it."""

    INVALID = "invalid"  # the request makes no sense, whatever the state of the book
    FORBIDDEN = "forbidden"  # not this person, not this party
    MISSING = "missing"  # there is no such thing in this fund
    CONFLICT = "conflict"  # the request is valid, but the state of the book forbids it
    STALE = "stale"  # it names content that has changed since
    LATER = "later"  # the request is valid, but there was no time for it now


REFUSALS: "Final[dict[str, type[Refusal]]]" = {}
"""Every refusal by its code, for `docs/errors.md` and the published interface."""


class Refusal(Exception):
    """Base of all refusals. Each subclass's docstring is its cause in `docs/errors.md`."""

    kind: ClassVar[Kind]
    code: ClassVar[str]
    remedy: ClassVar[str]
    """What the caller can do about it."""
    again_soon: ClassVar[bool] = False
    """Whether the request is valid and may be accepted when it is sent again in a moment."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.code in REFUSALS:
            raise TypeError(f"two refusals with the code {cls.code}")
        REFUSALS[cls.code] = cls

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(Refusal):
    """There is no such thing in this fund."""

    kind, code = Kind.MISSING, "not_found"
    remedy = "look it up in the fund's lists; what is not yours to see is not found either"


class AlreadyExists(Refusal):
    """The name or reference is taken."""

    kind, code = Kind.CONFLICT, "already_exists"
    remedy = "choose another one; correct the rates"
