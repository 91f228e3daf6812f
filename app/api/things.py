"""Single things by id: found, or 404 in one form for absent, malformed and foreign alike."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from app.api.deps import Services
from app.domain.book import State
from app.domain.refusals import NotFound
from app.domain.values import Identifier
from app.store import queries

S = TypeVar("S", bound=State)
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


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
