"""Rows of one kind: pages of them, and single ones by id.

A row that is absent, of another fund or of a malformed id gives the same answer: not found.
"""

from typing import TypeVar

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from app.api.http.paging import Page, page
from app.api.services import Services
from app.domain.book import State
from app.domain.refusals.base import NotFound
from app.domain.values import Identifier
from app.store import queries, read_tables

S = TypeVar("S", bound=State)
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


def listed(
    here: Services,
    fund: str,
    kind: type[S],
    request: Request,
    after: int,
    limit: int,
    **only: str,
) -> Page[S]:
    """A page of the rows of one kind that were created after entry `after`.

    `only` names fields and the values that they must have.
    """
    with here.database.read() as connection:
        found = queries.many(connection, fund, kind, after, limit, only)
    last = getattr(found[-1], kind.listed_by or "") if found else after
    return page(found, limit, {"after": last}, request)


def the_one(here: Services, fund: str, kind: type[S], identifier: str) -> S:
    """The row with this id. Raises NotFound."""
    try:
        _IDENTIFIER.validate_python(identifier)
    except ValidationError:
        raise NotFound("There is nothing with this id in the fund.") from None
    with here.database.read() as connection:
        found = queries.one(connection, fund, kind, identifier)
    if found is None:
        raise NotFound("There is nothing with this id in the fund.")
    return found


def rows_of(here: Services, fund: str, kind: type[S]) -> list[S]:
    """Every row of a kind of which a fund has few."""
    with here.database.read() as connection:
        return list(read_tables.all_rows(connection, fund, kind))
