"""What the examples of request bodies share; each example is declared beside its route.

`tests/api/test_command_route_examples.py` posts them all, in order, to a fund of its own.
"""

from typing import Any, Final

AN_ID: Final = "01947b6e-3c00-7000-8000-000000000001"
"""Placeholder for the id of something that was recorded before."""
A_DIGEST: Final = "0" * 64
SOME_MONEY: Final = {"amount": "1000000.00", "currency": "NOK"}


def example(summary: str, value: dict[str, Any]) -> dict[str, Any]:
    """One example of a request body, as OpenAPI writes it."""
    return {"example": {"summary": summary, "value": value}}
