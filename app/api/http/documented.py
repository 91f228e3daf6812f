"""Problems in the published interface: one response for each status, naming its codes."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

from app.api.http.codes import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    BUSY,
    DUPLICATE_HEADER,
    DUPLICATE_PARAMETER,
    FORK_DETECTED,
    IDEMPOTENCY_KEY_INVALID,
    IDEMPOTENCY_KEY_REQUIRED,
    INVALID_BODY,
    INVALID_JSON,
    INVALID_TOKEN,
    KEYS_UNAVAILABLE,
    NULL_NOT_ALLOWED,
    OUTCOME_UNKNOWN,
    PATH_MISMATCH,
    TARGET_TOO_LONG,
    TOKEN_REQUIRED,
    UNAVAILABLE,
    UNKNOWN_PARAMETER,
    UNSUPPORTED_MEDIA_TYPE,
)
from app.api.http.problems import MEDIA_TYPE, Code, ProblemDetails, status_of
from app.domain.refusals.base import NotFound, Refusal
from app.domain.refusals.people import (
    IssuerNotRegistered,
    KeyNotValid,
    NotAMember,
    RoleNotPermitted,
    SignatureMismatch,
    SignatureRequired,
)
from app.domain.refusals.record import (
    EntryTooLarge,
    IdempotencyKeyReused,
    LogIsClosed,
    RequestInFlight,
)
from app.domain.value_faults import (
    AMOUNT_NOT_POSITIVE,
    AMOUNT_OUT_OF_RANGE,
    CURRENCY_PRECISION,
    DATE_OUT_OF_RANGE,
    FORBIDDEN_CHARACTER,
    INVALID_AMOUNT,
    INVALID_DATE,
    INVALID_RATE,
    UNKNOWN_CURRENCY,
)

_FRAME: Final[tuple[Code, ...]] = (
    BAD_REQUEST,
    DUPLICATE_HEADER,
    DUPLICATE_PARAMETER,
    TOKEN_REQUIRED,
    INVALID_TOKEN,
    RoleNotPermitted,
    NotFound,
    TARGET_TOO_LONG,
    UNKNOWN_PARAMETER,
    UNAVAILABLE,
    KEYS_UNAVAILABLE,
)
_WRITE: Final[tuple[Code, ...]] = (
    IDEMPOTENCY_KEY_REQUIRED,
    IDEMPOTENCY_KEY_INVALID,
    INVALID_JSON,
    IssuerNotRegistered,
    KeyNotValid,
    NotAMember,
    LogIsClosed,
    RequestInFlight,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    EntryTooLarge,
    IdempotencyKeyReused,
    INVALID_BODY,
    NULL_NOT_ALLOWED,
    PATH_MISMATCH,
    SignatureMismatch,
    SignatureRequired,
    BUSY,
    OUTCOME_UNKNOWN,
    FORK_DETECTED,
)
Answers = dict[int | str, dict[str, Any]]


def reading(*own: Code, public: bool = False) -> Answers:
    """The problems that a reading route can answer with; `own` are additional ones."""
    hidden = (401, 403) if public else ()
    return _answers([code for code in (*_FRAME, *own) if status_of(code) not in hidden])


def writing(*refusals: type[Refusal], values: Sequence[Code] = ()) -> Answers:
    """The problems of a writing route: those of every write, of its rules and of its values."""
    return _answers([*_FRAME, *_WRITE, *refusals, *values])


def _answers(codes: Iterable[Code]) -> Answers:
    named: dict[int, set[str]] = {}
    for code in codes:
        named.setdefault(status_of(code), set()).add(code.code)
    return {status: _answer(status, sorted(names)) for status, names in sorted(named.items())}


def _answer(status: int, codes: list[str]) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    example = {
        "type": f"urn:fundledger:problem:{codes[0]}",
        "title": title,
        "status": status,
        "detail": "One sentence that says what is wrong.",
        "code": codes[0],
        "instance": "01947b6e-3c00-7000-8000-000000000001",
    }
    return {
        "model": ProblemDetails,
        "description": f"{title}: {', '.join(f'`{code}`' for code in codes)}",
        "content": {MEDIA_TYPE: {"example": example}},
    }


MONEY_CODES: Final = (
    AMOUNT_NOT_POSITIVE,
    AMOUNT_OUT_OF_RANGE,
    CURRENCY_PRECISION,
    INVALID_AMOUNT,
    UNKNOWN_CURRENCY,
)
TEXT_CODES: Final = (FORBIDDEN_CHARACTER,)
DATE_CODES: Final = (DATE_OUT_OF_RANGE, INVALID_DATE)
RATE_CODES: Final = (*DATE_CODES, INVALID_RATE, UNKNOWN_CURRENCY)
