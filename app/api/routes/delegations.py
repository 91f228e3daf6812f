"""Delegations: members who act as alternates."""

from fastapi import APIRouter

from app.api.command_route import records
from app.api.http.documented import DATE_CODES
from app.api.http.examples import example
from app.domain.governance.delegations import EndDelegation, GrantDelegation
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.money import DateOutOfRange
from app.domain.refusals.people import NotAMember, RoleNotPermitted, SeparationOfDuties, WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["delegations"])

DELEGATION = example(
    "A holiday",
    {
        "subject": "no-5",
        "role": "legal_reviewer",
        "from_day": "2026-07-01",
        "through": "2027-01-31",
        "principal": "no-2",
    },
)

DELEGATION_END = example("They are back", {"subject": "no-5", "role": "legal_reviewer"})


records(
    router,
    "/members/delegations",
    GrantDelegation,
    summary="Let a member stand in for another",
    meaning="For admins: one more role for a member of their own party, for some days.",
    example=DELEGATION,
    refuses=(
        *(NotAMember, WrongParty, SeparationOfDuties, RoleNotPermitted, AlreadyExists),
        DateOutOfRange,
    ),
    values=DATE_CODES,
)


records(
    router,
    "/members/delegations/ends",
    EndDelegation,
    summary="End a delegation",
    meaning="For admins, before its last day.",
    example=DELEGATION_END,
    refuses=(NotAMember, WrongParty, NotFound),
)
