"""Problem codes that belong to no rule and no value: of the request's form, and of the service.

A code that only one route answers with is declared beside that route. `docs/errors.md` is made from
these, from the refusals and from the faults of values.
"""

from typing import Final

EDGE_CODES: "Final[dict[str, EdgeCode]]" = {}
"""Every such code, by its name."""


class EdgeCode:
    """A stable code, its HTTP status, its cause, and what to do about it."""

    def __init__(self, code: str, status: int, cause: str, remedy: str) -> None:
        if code in EDGE_CODES:
            raise TypeError(f"two problems with the code {code}")
        self.code, self.status, self.cause, self.remedy = code, status, cause, remedy
        EDGE_CODES[code] = self


BAD_REQUEST: Final = EdgeCode(
    "bad_request",
    400,
    "the request is not HTTP as we read it",
    "mend the client",
)

DUPLICATE_HEADER: Final = EdgeCode(
    "duplicate_header",
    400,
    "a header stands twice that may stand once",
    "send it once",
)

DUPLICATE_PARAMETER: Final = EdgeCode(
    "duplicate_parameter",
    400,
    "a query parameter stands twice",
    "send it once",
)

IDEMPOTENCY_KEY_REQUIRED: Final = EdgeCode(
    "idempotency_key_required",
    400,
    "a write without `Idempotency-Key`",
    "choose a key, repeat it on retries",
)

IDEMPOTENCY_KEY_INVALID: Final = EdgeCode(
    "idempotency_key_invalid",
    400,
    "not 1 to 255 visible ASCII characters",
    "choose another key",
)

INVALID_JSON: Final = EdgeCode(
    "invalid_json",
    400,
    "not strict JSON: duplicate members, NaN, lone surrogates, byte order mark, depth over "
    "16, integers beyond 2^53 - 1",
    "mend the body",
)

TOKEN_REQUIRED: Final = EdgeCode(
    "token_required",
    401,
    "no bearer token",
    "get one from your party's identity provider",
)

INVALID_TOKEN: Final = EdgeCode(
    "invalid_token",
    401,
    "the token is refused; why is in the service's log and metrics only",
    "get a fresh one for this service",
)

METHOD_NOT_ALLOWED: Final = EdgeCode(
    "method_not_allowed",
    405,
    "the address does not know this method",
    "see `Allow`",
)

BODY_TOO_LARGE: Final = EdgeCode(
    "body_too_large",
    413,
    "more than 65,536 bytes; a batch: more than 16 MiB, or a line of more than 65,536 bytes",
    "send less; documents enter by digest",
)

TARGET_TOO_LONG: Final = EdgeCode(
    "target_too_long",
    414,
    "the address is longer than 8,192 bytes",
    "shorten it",
)

UNSUPPORTED_MEDIA_TYPE: Final = EdgeCode(
    "unsupported_media_type",
    415,
    "not `application/json` in UTF-8 (a batch: or `application/x-ndjson`), or encoded",
    "send plain JSON",
)

UNKNOWN_PARAMETER: Final = EdgeCode(
    "unknown_parameter",
    422,
    "the address does not know this query parameter",
    "the sentence lists those it knows",
)

SIZE_OUT_OF_RANGE: Final = EdgeCode(
    "size_out_of_range",
    422,
    "sizes of a consistency proof outside the log",
    "ask for `1 <= old <= new <=` the checkpoint's size",
)

ENTRY_DAMAGED: Final = EdgeCode(
    "entry_damaged",
    500,
    "the stored entry is not what was signed; the sentence gives the hash that was",
    "ask a partner's mirror, or an earlier bundle; operators: see `docs/runbooks/entry-damaged.md`",
)

INTERNAL_ERROR: Final = EdgeCode(
    "internal_error",
    500,
    "a mistake of ours",
    "tell the operators the request id",
)

INVALID_BODY: Final = EdgeCode(
    "invalid_body",
    422,
    "a member is missing, unknown or malformed",
    "`errors` names it: `missing_member`, `unknown_member`, `invalid_value`, or a code of "
    "this page",
)

NULL_NOT_ALLOWED: Final = EdgeCode(
    "null_not_allowed",
    422,
    "a member says null",
    "leave it out",
)

PATH_MISMATCH: Final = EdgeCode(
    "path_mismatch",
    422,
    "path and body name different things",
    "the body is what is recorded: make them agree",
)

BUSY: Final = EdgeCode(
    "busy",
    503,
    "too much waits, or the service is stopping",
    "again, same key",
)

UNAVAILABLE: Final = EdgeCode(
    "unavailable",
    503,
    "database or second store do not answer; this request changed nothing",
    "again, same key",
)

OUTCOME_UNKNOWN: Final = EdgeCode(
    "outcome_unknown",
    503,
    "the connection broke during the commit",
    "again, same key: it is recorded once",
)

KEYS_UNAVAILABLE: Final = EdgeCode(
    "keys_unavailable",
    503,
    "your identity provider's keys cannot be fetched",
    "again in a moment",
)

CLOCK_SUSPECT: Final = EdgeCode(
    "clock_suspect",
    503,
    "the service's clock contradicts other clocks or the log; nothing is recorded meanwhile",
    "again later, same key; operators: see `docs/runbooks/clock-suspect.md`",
)

FORK_DETECTED: Final = EdgeCode(
    "fork_detected",
    503,
    "the database contradicts what was signed; writing is halted",
    "operators: see `docs/operators.md`",
)
