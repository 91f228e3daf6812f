"""Health, metrics and public keys, which are read without a token."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app.api.auth.policies import public
from app.api.http.documented import reading
from app.api.services import ServicesHere

router = APIRouter(tags=["operation"], dependencies=[Depends(public)])


class LivenessShown(BaseModel):
    """Whether the process can go on; one that cannot has to be restarted."""

    alive: bool
    why: str | None = None


class ReadinessShown(BaseModel):
    """Whether requests should be sent to this process, and the result of each check."""

    ready: bool
    writes: bool
    """Whether writing requests can be answered, be it not for every fund."""
    reads: bool
    """Whether at least reading requests can be answered."""
    checks: dict[str, bool]
    why: dict[str, str]
    """A sentence for each check that failed."""


class KeySet(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


@router.head("/livez", include_in_schema=False)
@router.get(
    "/livez",
    summary="Is the process alive?",
    response_model_exclude_none=True,
    responses={**reading(public=True), 503: {"model": LivenessShown, "description": "Restart it."}},
)
async def live(here: ServicesHere, response: Response) -> LivenessShown:
    """Answers 200 while the process can go on, whatever the database does; 503 asks its supervisor
    for a restart.
    """
    broken = here.ledger.broken
    if broken is not None:
        response.status_code = 503
    return LivenessShown(alive=broken is None, why=broken)


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Should requests be sent here?",
    responses={**reading(public=True), 503: {"model": ReadinessShown, "description": "Not ready."}},
)
async def ready(
    here: ServicesHere,
    response: Response,
    asked: Annotated[
        Literal["everything", "writing", "reading"],
        Query(
            alias="for",
            description="What is to be sent here: anything; writes, be it not to every fund; "
            "or reads only.",
        ),
    ] = "everything",
) -> ReadinessShown:
    """Checks that the database can be read and written, schema, guards, writer, disk, and that no
    log contradicts its signed checkpoints.
    """
    found = await here.readiness.fresh()
    well = {"everything": found.ready, "writing": found.writes, "reading": found.reads}
    if not well[asked]:
        response.status_code = 503
    return ReadinessShown(
        ready=found.ready,
        writes=found.writes,
        reads=found.reads,
        checks=found.checks,
        why=found.why,
    )


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(here: ServicesHere) -> Response:
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
