"""Members: who acts for whom."""

from fastapi import APIRouter, Depends

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import TEXT_CODES, reading
from app.api.http.examples import example
from app.api.http.paging import Page
from app.api.services import ServicesHere
from app.domain.governance.members import Member
from app.domain.governance.membership import AddMember, DenyMember, RemoveMember
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.people import LastAdmin, RoleNotPermitted, SubjectDenied, WrongParty
from app.store import read_tables

router = APIRouter(prefix="/v1/funds/{fund}", tags=["members"])

MEMBER = example("A second treasury officer", {"subject": "no-4", "roles": ["treasury"]})

REMOVAL = example("They left", {"subject": "no-4"})

DENIAL = example("A lost laptop", {"subject": "no-4", "reason": "Their device was stolen"})


records(
    router,
    "/members",
    AddMember,
    summary="Add a person of your own party",
    meaning="For admins. Takes effect with the next entry.",
    example=MEMBER,
    refuses=(RoleNotPermitted, WrongParty, AlreadyExists, SubjectDenied),
)


records(
    router,
    "/members/removals",
    RemoveMember,
    summary="Remove a person of your own party",
    meaning="For admins. What the person did stays on the record.",
    example=REMOVAL,
    refuses=(NotFound, WrongParty, LastAdmin),
)


@router.get(
    "/members",
    summary="Who may act for whom",
    responses=reading(),
    dependencies=[Depends(reader)],
)
def list_members(fund: str, here: ServicesHere) -> Page[Member]:
    """All members, also those who were removed, by subject; one page."""
    with here.database.read() as connection:
        return Page[Member](items=list(read_tables.all_rows(connection, fund, Member)))


records(
    router,
    "/members/denials",
    DenyMember,
    summary="Shut a person of your own party out",
    meaning="For admins. At once and for good, whatever token they show.",
    example=DENIAL,
    refuses=(NotFound, WrongParty, LastAdmin, SubjectDenied),
    values=TEXT_CODES,
)
