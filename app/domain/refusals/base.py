"""Refusals: the ways in which the ledger says no.

A refusal is an answer to a caller, not a fault: a kind (what HTTP makes of it is decided in
`api/problems.py` alone), a stable code, and one sentence with both values. `docs/errors.md`
is made from them.
"""

from enum import StrEnum
from typing import ClassVar, Final


class Kind(StrEnum):
    """What sort of no it is."""

    INVALID = "invalid"  # the request makes no sense, whatever the state of the book
    FORBIDDEN = "forbidden"  # not this person, not this party
    MISSING = "missing"  # there is no such thing in this fund
    CONFLICT = "conflict"  # it made sense, but the state of the book forbids it
    STALE = "stale"  # it speaks of content that is not the present one
    LATER = "later"  # nothing is wrong with it: there was no time for it now


REFUSALS: "Final[dict[str, type[Refusal]]]" = {}
"""Every refusal by its code, for the page of errors and the published interface."""


class Refusal(Exception):
    """Base of all refusals. The sentence below the name of each is the cause on that page."""

    kind: ClassVar[Kind]
    code: ClassVar[str]
    remedy: ClassVar[str]
    """What whoever is refused can do about it."""
    again_soon: ClassVar[bool] = False
    """Whether nothing is wrong with the request: sent again in a moment it may be accepted."""

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
