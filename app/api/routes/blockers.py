"""Blockers: why a request does not go on."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from app.api.auth.policies import reader
from app.api.http.documented import reading
from app.api.http.rows import the_one
from app.api.services import ServicesHere
from app.domain.event import Act
from app.domain.outflow.blockers import Blocker, blocker_keys, blockers
from app.domain.outflow.disbursements import Disbursement, DisbursementState
from app.domain.values import Role
from app.runtime import clock
from app.store import queries

router = APIRouter(prefix="/v1/funds/{fund}", tags=["blockers"])


class Blockers(BaseModel):
    """Why a disbursement does not go on. Empty once it is settled or has ended."""

    disbursement_id: str
    state: DisbursementState
    blockers: list[Blocker]


@router.get(
    "/disbursements/{disbursement_id}/blockers",
    summary="Why it does not go on",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def get_blockers(fund: str, disbursement_id: str, here: ServicesHere) -> Blockers:
    """Which approval, condition, mandate or balance is missing, of whom and since when."""
    found = the_one(here, fund, Disbursement, disbursement_id)
    with here.database.read() as connection:
        book = queries.book_of(connection, fund, lambda b: blocker_keys(b, disbursement_id))
    return Blockers(
        disbursement_id=disbursement_id,
        state=found.state,
        blockers=blockers(book, book.get(Disbursement, disbursement_id), _now()),
    )


def _now() -> Act:
    """The circumstances of reading: no actor, the present time."""
    return Act(
        seq=0,
        at=clock.now(),
        party="",
        subject="",
        role=Role.OBSERVER,
        digest="",
        new_id=lambda: "",
    )
