"""What the published interface says about errors: one entry a status, naming its codes."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from app.api.http.problems import MEDIA_TYPE, ProblemDetails, status_of
from app.domain.refusals import Refusal

_FRAME: Final = {
    400: ("bad_request", "duplicate_header", "duplicate_parameter"),
    401: ("token_required", "invalid_token"),
    403: ("role_not_permitted",),
    404: ("not_found",),
    414: ("target_too_long",),
    422: ("unknown_parameter",),
    503: ("unavailable", "keys_unavailable"),
}
_WRITE: Final = {
    400: ("idempotency_key_required", "idempotency_key_invalid", "invalid_json"),
    403: ("issuer_not_registered", "key_not_valid", "not_a_member"),
    409: ("log_is_closed", "request_in_flight"),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    422: (
        "entry_too_large",
        "idempotency_key_reused",
        "invalid_body",
        "null_not_allowed",
        "path_mismatch",
        "signature_mismatch",
        "signature_required",
    ),
    503: ("busy", "outcome_unknown", "fork_detected"),
}

Answers = dict[int | str, dict[str, Any]]


def reading(*own: str, public: bool = False) -> Answers:
    """The problems that a reading route can answer with; `own` are further codes of a 422."""
    hidden = (401, 403) if public else ()
    frame = {code: names for code, names in _FRAME.items() if code not in hidden}
    return _answers([frame, {422: own}])


def writing(*refusals: type[Refusal], values: Sequence[str] = ()) -> Answers:
    """The problems of a writing route: the frame's, the rules' and its values'."""
    rules: dict[int, tuple[str, ...]] = {422: tuple(values)}
    for refusal in refusals:
        status = status_of(refusal.kind)
        rules[status] = (*rules.get(status, ()), refusal.code)
    return _answers([_FRAME, _WRITE, rules])


def _answers(parts: Sequence[dict[int, tuple[str, ...]]]) -> Answers:
    codes: dict[int, set[str]] = {}
    for part in parts:
        for status, names in part.items():
            codes.setdefault(status, set()).update(names)
    return {status: _answer(status, sorted(names)) for status, names in sorted(codes.items())}


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
    "amount_not_positive",
    "amount_out_of_range",
    "currency_precision",
    "invalid_amount",
    "unknown_currency",
)
TEXT_CODES: Final = ("forbidden_character",)
DATE_CODES: Final = ("date_out_of_range", "invalid_date")
RATE_CODES: Final = (*DATE_CODES, "invalid_rate", "unknown_currency")
