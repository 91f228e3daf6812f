"""Lists: pages with a cursor, and the query parameters for them."""

import re
from typing import Annotated, Generic, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

MAX_PAGE = 500
_NUMBER = re.compile(r"-1|0|[1-9][0-9]{0,15}", re.ASCII)
T = TypeVar("T")


def _plain(text: object) -> object:
    """Check that a number in a query has its only spelling. Raises PydanticCustomError."""
    if isinstance(text, str) and not _NUMBER.fullmatch(text):
        raise PydanticCustomError("int_parsing", "A whole number in plain digits.")
    return text


PlainInt = Annotated[int, BeforeValidator(_plain)]
After = Annotated[
    PlainInt,
    Query(ge=-1, le=2**53 - 1, description="Only what came after this position in the log."),
]
Limit = Annotated[PlainInt, Query(ge=1, le=MAX_PAGE, description="Rows at most.")]


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the address of the next part; it is absent on the last page."""

    items: list[T]
    next: str | None = Field(default=None, description="The address of the next page.")


def page(items: list[T], limit: int, cursor: dict[str, str | int], request: Request) -> Page[T]:
    """A page of `items`; if it is full, `next` begins after `cursor`."""
    following = None
    if len(items) == limit:
        following = str(request.url.include_query_params(**cursor).replace(scheme="", netloc=""))
    return Page(items=items, next=following)
