"""Faults of a single value, each with a stable code.

Everything else that is malformed is `invalid_value`. `docs/errors.md` is made from these and from
the refusals.
"""

from typing import Any, Final

from pydantic_core import PydanticCustomError

VALUE_FAULTS: "Final[dict[str, ValueFault]]" = {}
"""Every fault of a value by its code."""


class ValueFault:
    """A fault: its code, its cause, and what to do about it.

    Called inside a validator, it gives the error to raise. Its sentence is fixed: nothing of the
    value that was sent is repeated.
    """

    def __init__(self, code: str, cause: str, remedy: str) -> None:
        if code in VALUE_FAULTS:
            raise TypeError(f"two faults with the code {code}")
        self.code, self.cause, self.remedy = code, cause, remedy
        VALUE_FAULTS[code] = self

    def __call__(self, sentence: str, context: dict[str, Any] | None = None) -> PydanticCustomError:
        return PydanticCustomError(self.code, sentence, context)


INVALID_AMOUNT: Final = ValueFault(
    "invalid_amount",
    "not a plain decimal string",
    'write `"1500000.00"`',
)

UNKNOWN_CURRENCY: Final = ValueFault(
    "unknown_currency",
    "no ISO 4217 currency in use with a minor unit",
    "use its three capital letters",
)

AMOUNT_OUT_OF_RANGE: Final = ValueFault(
    "amount_out_of_range",
    "beyond 10^18 - 1 minor units, alone or summed",
    "split it",
)

CURRENCY_PRECISION: Final = ValueFault(
    "currency_precision",
    "not exactly the currency's decimals",
    "EUR has 2, JPY 0, KWD 3",
)

AMOUNT_NOT_POSITIVE: Final = ValueFault(
    "amount_not_positive",
    "zero or less",
    "state more than zero",
)

FORBIDDEN_CHARACTER: Final = ValueFault(
    "forbidden_character",
    "text not in NFC, or with control or invisible characters",
    "clean it; nothing is changed silently",
)

INVALID_DATE: Final = ValueFault(
    "invalid_date",
    "not `YYYY-MM-DD`",
    "write it so",
)

DATE_OUT_OF_RANGE: Final = ValueFault(
    "date_out_of_range",
    "outside 2000 to 2199, in the future, before the money was there, or too long ago",
    "the sentence names the day; use the bank's date",
)

INVALID_RATE: Final = ValueFault(
    "invalid_rate",
    "not a plain decimal above zero of at most 9 digits before and 9 after the point",
    'write `"1.0825"`, without zeros that say nothing',
)
