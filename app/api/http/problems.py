"""Errors on the wire: RFC 9457 problem details, with a stable `code`; nothing that was sent is
repeated.

Only here does a refusal or a fault become an HTTP status. `docs/errors.md` lists every code with
its cause and what to do.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.api.http.codes import (
    BAD_REQUEST,
    BUSY,
    CLOCK_SUSPECT,
    ENTRY_DAMAGED,
    FORK_DETECTED,
    INTERNAL_ERROR,
    INVALID_BODY,
    METHOD_NOT_ALLOWED,
    OUTCOME_UNKNOWN,
    UNAVAILABLE,
    EdgeCode,
)
from app.domain.refusals.base import Kind, NotFound, Refusal
from app.domain.value_faults import VALUE_FAULTS, ValueFault
from app.ledger.clock_guard import ClockSuspect
from app.ledger.damage_watch import EntryDamaged
from app.ledger.notary import ForkDetected
from app.ledger.submission import QueueFull
from app.runtime import logs
from app.store.engine import OutcomeUnknown, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
_STATUS: Final = {
    Kind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.MISSING: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.STALE: HTTPStatus.PRECONDITION_FAILED,
    Kind.LATER: HTTPStatus.SERVICE_UNAVAILABLE,
}
Code = EdgeCode | ValueFault | type[Refusal]
"""Everything that has a code of its own."""
_log = logs.get(__name__)


class FieldError(BaseModel):
    """One member of the request that is wrong."""

    pointer: str = Field(examples=["/amount"])
    code: str = Field(examples=["invalid_amount"])
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457, with a stable `code` for programs. `instance` is the request's id."""

    type: str = Field(examples=["urn:fundledger:problem:exceeds_agreement"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str
    code: str = Field(examples=["exceeds_agreement"])
    instance: str | None = None
    errors: list[FieldError] | None = None


class Problem(HTTPException):
    """An error answer. Only `app/api` raises it."""

    def __init__(
        self,
        code: Code,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(status_of(code), detail, headers)
        self.kind = code
        self.errors = errors

    @property
    def code(self) -> str:
        """The stable code."""
        return self.kind.code


def status_of(code: Code) -> int:
    """The HTTP status that goes with a code."""
    if isinstance(code, EdgeCode):
        return code.status
    if isinstance(code, ValueFault):
        return int(HTTPStatus.UNPROCESSABLE_ENTITY)
    return int(_STATUS[code.kind])


def retry_of(refusal: Refusal) -> dict[str, str] | None:
    """The `Retry-After` header of a refusal that may not occur again; None for all others."""
    return {"Retry-After": str(RETRY_AFTER_S)} if refusal.again_soon else None


def problem_response(
    code: Code,
    detail: str,
    scope: Scope,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] | None = None,
) -> JSONResponse:
    """The response of a problem; never cached. Its code is noted in `scope`, for the log."""
    scope["problem"] = code.code
    return JSONResponse(
        _details(code, detail, scope.get("request_id"), errors).model_dump(exclude_none=True),
        status_of(code),
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type=MEDIA_TYPE,
    )


def _details(
    code: Code,
    detail: str,
    request_id: str | None = None,
    errors: Sequence[FieldError] | None = None,
) -> ProblemDetails:
    status = status_of(code)
    return ProblemDetails(
        type=f"urn:fundledger:problem:{code.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code.code,
        instance=request_id,
        errors=list(errors) if errors else None,
    )


def handlers() -> dict[Any, Any]:
    """The exception handlers of the application, by exception class."""
    return {
        Refusal: _refused,
        RequestValidationError: _malformed,
        HTTPException: _http,
        QueueFull: _busy,
        Unavailable: _unavailable,
        ClockSuspect: _clock_suspect,
        OutcomeUnknown: _outcome_unknown,
        ForkDetected: _forked,
        EntryDamaged: _entry_damaged,
        ClientDisconnect: _gone,
        Exception: _fault,
    }


async def _refused(request: Request, refusal: Refusal) -> JSONResponse:
    return problem_response(
        type(refusal),
        refusal.sentence,
        request.scope,
        headers=retry_of(refusal),
    )


async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    found = [_field_error(item) for item in error.errors()]
    return problem_response(
        _code_of(found),
        _first(found),
        request.scope,
        errors=found[:20],
    )


def field_errors(error: ValidationError, where: str = "") -> list[FieldError]:
    """The faults of a command's members, each with its JSON pointer below `where`."""
    found = [_field_error(item) for item in error.errors(include_url=False)]
    return [one.model_copy(update={"pointer": where + one.pointer}) for one in found[:20]]


def details_of(outcome: Refusal | ValidationError) -> ProblemDetails:
    """The problem that the command's own route would have answered with."""
    if isinstance(outcome, Refusal):
        return _details(type(outcome), outcome.sentence)
    found = field_errors(outcome)
    return _details(_code_of(found), _first(found), errors=found)


def code_of(error: ValidationError) -> Code:
    """The code of the first malformed member of a command."""
    return _code_of(field_errors(error))


def _code_of(found: Sequence[FieldError]) -> Code:
    return VALUE_FAULTS.get(found[0].code, INVALID_BODY)


def _first(found: Sequence[FieldError]) -> str:
    return f"{found[0].pointer or 'the request'}: {found[0].message}"


def _field_error(item: Any) -> FieldError:
    code, message, place = str(item["type"]), str(item["msg"]), list(item["loc"])
    if code == "extra_forbidden":
        # The member's name is the sender's own text and is not repeated.
        place, code, message = place[:-1], "unknown_member", "A member that is not known here."
    elif code not in VALUE_FAULTS:
        code = "missing_member" if code == "missing" else "invalid_value"
    pointer = "".join(f"/{part}" for part in place if part not in ("body", "query", "path"))
    return FieldError(pointer=pointer, code=code, message=message)


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    if isinstance(error, Problem):
        return problem_response(
            error.kind, error.detail, request.scope, headers=headers, errors=error.errors
        )
    code: Code = BAD_REQUEST
    if error.status_code == HTTPStatus.NOT_FOUND:
        code = NotFound
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        code = METHOD_NOT_ALLOWED
        headers["Allow"] = ", ".join(sorted(request.app.state.methods_at(request.url.path)))
    detail = HTTPStatus(status_of(code)).phrase + "."
    return problem_response(code, detail, request.scope, headers=headers)


async def _busy(request: Request, _: QueueFull) -> JSONResponse:
    return _retry(request, BUSY, "Too much waits already; nothing was recorded. Try again.")


async def _unavailable(request: Request, _: Unavailable) -> JSONResponse:
    detail = "Nothing can be recorded just now; this request changed nothing. Same key again."
    return _retry(request, UNAVAILABLE, detail)


async def _clock_suspect(request: Request, _: ClockSuspect) -> JSONResponse:
    detail = "The service does not believe its clock just now; nothing was recorded. Try again."
    return _retry(request, CLOCK_SUSPECT, detail)


async def _outcome_unknown(request: Request, _: OutcomeUnknown) -> JSONResponse:
    detail = "Whether this was recorded is not known. Send it again with the same Idempotency-Key."
    return _retry(request, OUTCOME_UNKNOWN, detail)


async def _forked(request: Request, _: ForkDetected) -> JSONResponse:
    detail = "This fund's database contradicts what was signed. Writing is halted until recovery."
    return _retry(request, FORK_DETECTED, detail)


async def _entry_damaged(request: Request, damaged: EntryDamaged) -> JSONResponse:
    signed = damaged.signed_hash or "a hash that cannot be told here"
    which = f"Entry {damaged.seq}" if damaged.seq >= 0 else "One of these entries"
    detail = f"{which} is not what was signed: its leaf hash was {signed}."
    return problem_response(ENTRY_DAMAGED, detail, request.scope)


def _retry(request: Request, code: EdgeCode, detail: str) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return problem_response(code, detail, request.scope, headers=headers)


async def _gone(request: Request, _: ClientDisconnect) -> JSONResponse:
    """The client has disconnected; nobody reads this answer, but the request is counted as such and
    not as a fault of the service.
    """
    detail = "The request ended before its body did."
    return problem_response(BAD_REQUEST, detail, request.scope)


async def _fault(request: Request, fault: Exception) -> JSONResponse:
    _log.error("request_fault", path=request.url.path, exc_info=fault)
    detail = "The service made a mistake. The request id helps its operators to find it."
    return problem_response(INTERNAL_ERROR, detail, request.scope)
