"""Health, metrics and public keys, which are read without a token."""

import logging

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app.api.auth.policies import public
from app.api.http.documented import reading
from app.api.services import Services, ServicesHere
from app.store.engine import Unavailable
from app.store.guards import GuardsMissing, verify_guards
from app.store.migrate import WrongSchema, check_schema
from app.workers.scrub import ScrubMetrics

router = APIRouter(tags=["operation"], dependencies=[Depends(public)])
_logger = logging.getLogger(__name__)


class Liveness(BaseModel):
    """The process answers."""

    alive: bool


class Readiness(BaseModel):
    """Whether requests should be sent to this process, and the result of each check."""

    ready: bool
    checks: dict[str, bool]


class KeySet(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


@router.get("/livez", summary="Is the process alive?", responses=reading(public=True))
async def live() -> Liveness:
    """Answers while the process runs; does not use the database."""
    return Liveness(alive=True)


@router.get(
    "/readyz",
    summary="Should requests be sent here?",
    responses={**reading(public=True), 503: {"model": Readiness, "description": "Not ready."}},
)
def ready(here: ServicesHere, response: Response) -> Readiness:
    """Checks database, schema, guards, the writer, and that no log contradicts its signed
    checkpoints.
    """
    checks = {**_database_checks(here), "writer": here.ledger.running}
    checks["history"] = not here.ledger.halted
    checks["signing"] = not here.ledger.unsigned
    here.metrics.of(ScrubMetrics).guards_ok.set(checks["guards"])
    readiness = Readiness(ready=all(checks.values()), checks=checks)
    if not readiness.ready:
        response.status_code = 503
    return readiness


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def metrics(here: ServicesHere) -> Response:
    """The text format of Prometheus. It has no amounts and no persons."""
    return Response(generate_latest(here.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/.well-known/jwks.json",
    summary="The key that signs exports",
    responses=reading(public=True),
)
async def jwks(here: ServicesHere) -> KeySet:
    """Public keys only. A fund's log, not this address, binds a key to the fund."""
    return KeySet.model_validate(here.notary.keys.jwks())


def _database_checks(here: Services) -> dict[str, bool]:
    checks = {"database": False, "schema": False, "guards": False}
    try:
        with here.database.read() as connection:
            checks["database"] = True
            check_schema(connection)
            checks["schema"] = True
            verify_guards(connection)
            checks["guards"] = True
    except (Unavailable, WrongSchema, GuardsMissing) as error:
        _logger.warning("not ready: %s", error)
    return checks
