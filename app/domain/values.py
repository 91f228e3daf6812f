"""Values: money, names, texts, dates, each in exactly one spelling.

Whatever an actor states is hashed and may be signed, so nothing is silently corrected: a value is
accepted as written or refused with a code. Wire forms are those of the ledger's contract.
"""

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.domain.currencies import MINOR_DIGITS
from app.domain.refusals.money import AmountOutOfRange, CurrencyMismatch
from app.domain.unicode_table import is_visible
from app.domain.value_faults import (
    AMOUNT_NOT_POSITIVE,
    AMOUNT_OUT_OF_RANGE,
    CURRENCY_PRECISION,
    DATE_OUT_OF_RANGE,
    FORBIDDEN_CHARACTER,
    INVALID_AMOUNT,
    INVALID_DATE,
    INVALID_RATE,
    UNKNOWN_CURRENCY,
)

MAX_MINOR: Final = 10**18 - 1
"""The largest amount, in minor units: fits a 64-bit column with room for a sign."""
EARLIEST_DATE: Final = date(2000, 1, 1)
LATEST_DATE: Final = date(2199, 12, 31)

_AMOUNT = re.compile(r"-?(0|[1-9][0-9]*)(\.([0-9]+))?", re.ASCII)
_RATE = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{0,8}[1-9])?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Money:
    """An exact amount of one currency: `minor` units as a whole number, never a float.

    Wire form {"amount": "1500000.00", "currency": "EUR"}: a decimal string with exactly the
    currency's ISO 4217 digits. Arithmetic refuses two currencies (CurrencyMismatch) and sums
    beyond 10^18 - 1 (AmountOutOfRange).
    """

    __slots__ = ("currency", "minor")
    minor: int
    currency: str

    def __init__(self, minor: int, currency: str) -> None:
        if not -MAX_MINOR <= minor <= MAX_MINOR:
            raise AmountOutOfRange(f"{minor} minor units of {currency} exceed {MAX_MINOR}.")
        _set_minor(self, minor)
        _set_currency(self, currency)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("money does not change")

    def __reduce__(self) -> tuple[type["Money"], tuple[int, str]]:
        return Money, (self.minor, self.currency)

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise self._mismatch(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise self._mismatch(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._minor_of(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._minor_of(other)

    def __gt__(self, other: "Money") -> bool:
        return other < self

    def __ge__(self, other: "Money") -> bool:
        return other <= self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return (self.minor, self.currency) == (other.minor, other.currency)

    def __hash__(self) -> int:
        return hash((self.minor, self.currency))

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        """The amount for people to read: `1,500,000.00 EUR`."""
        whole, dot, fraction = self.amount.partition(".")
        return f"{int(whole):,}{dot}{fraction} {self.currency}" if int(whole) else self._plain()

    def __repr__(self) -> str:
        return f"Money({self.amount} {self.currency})"

    @property
    def amount(self) -> str:
        """The decimal string of the wire form."""
        return decimal_text(self.minor, self.currency)

    def wire(self) -> dict[str, str]:
        """The wire form."""
        return {"amount": self.amount, "currency": self.currency}

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Zero of `currency`."""
        return cls(0, currency)

    @classmethod
    def read(cls, value: object) -> "Money":
        """Read the wire form. Raises PydanticCustomError, whose type is a stable code."""
        if isinstance(value, Money):
            return value
        if not isinstance(value, dict) or value.keys() != {"amount", "currency"}:
            raise INVALID_AMOUNT("Money is an object of exactly amount and currency.")
        amount, currency = value["amount"], value["currency"]
        if not isinstance(currency, str) or currency not in MINOR_DIGITS:
            raise UNKNOWN_CURRENCY("No ISO 4217 currency in use with a minor unit.")
        return cls(_minor_units(amount, MINOR_DIGITS[currency]), currency)

    def _plain(self) -> str:
        return f"{self.amount} {self.currency}"

    def _minor_of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise self._mismatch(other)
        return other.minor

    def _mismatch(self, other: "Money") -> CurrencyMismatch:
        return CurrencyMismatch(f"{self.currency} and {other.currency} do not add up.")

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.wire, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        return {
            "type": "object",
            "title": "Money",
            "description": "A decimal string with exactly the currency's ISO 4217 digits.",
            "properties": {
                "amount": {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "required": ["amount", "currency"],
            "additionalProperties": False,
            "examples": [{"amount": "1500000.00", "currency": "EUR"}],
        }


# Money is frozen, so its fields are set as its own constructor sets them, without its checks: this
# runs often.
_set_minor, _set_currency = (Money.__dict__[name].__set__ for name in ("minor", "currency"))


def decimal_text(minor: int, currency: str) -> str:
    """Minor units as the decimal string of the wire form; also for sums beyond what Money holds."""
    digits = MINOR_DIGITS[currency]
    sign, text = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text


def _minor_units(amount: object, digits: int) -> int:
    """Minor units of a decimal string. Raises PydanticCustomError."""
    match = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if match is None:
        raise INVALID_AMOUNT('An amount is a decimal string such as "1500000.00".')
    text, fraction = match[0], match[3] or ""
    if text.startswith("-") and not text.strip("-0."):
        raise INVALID_AMOUNT("Zero has no sign.")
    if len(text) > len("-.") + len(str(MAX_MINOR)) + 1:
        raise AMOUNT_OUT_OF_RANGE("At most 10^18 - 1 minor units.")
    if len(fraction) != digits:
        raise CURRENCY_PRECISION(f"This currency is written with {digits} decimals.")
    minor = int(text.replace(".", ""))
    if abs(minor) > MAX_MINOR:
        raise AMOUNT_OUT_OF_RANGE("At most 10^18 - 1 minor units.")
    return minor


def _positive(money: Money) -> Money:
    if money.minor <= 0:
        raise AMOUNT_NOT_POSITIVE("The amount must be more than zero.")
    return money


def _distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) != len(items):
        raise PydanticCustomError("stands_twice", "The same name stands twice.")
    return items


Distinct = AfterValidator(_distinct)
"""A list without duplicates."""


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum; zero of `currency` for none."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result


Amount = Annotated[Money, AfterValidator(_positive)]
"""Money that is more than zero: what an actor may state."""


def _check_text(text: str) -> str:
    """Free text as it will be hashed: NFC, and without characters that hide or reorder others."""
    if not is_visible(text):
        raise FORBIDDEN_CHARACTER(
            "Only characters of Unicode 14.0 that show something: no control or invisible ones."
        )
    if not unicodedata.is_normalized("NFC", text):
        raise FORBIDDEN_CHARACTER("Text must be in Unicode normalisation form C.")
    if text != text.strip():
        raise FORBIDDEN_CHARACTER("Text must not begin or end with a space.")
    return text


def _read_date(value: object) -> object:
    """Accept the spelling YYYY-MM-DD only."""
    day = value if isinstance(value, date) and not isinstance(value, datetime) else None
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            day = date.fromisoformat(value)
    if day is None:
        raise INVALID_DATE("A date is written YYYY-MM-DD.")
    if not EARLIEST_DATE <= day <= LATEST_DATE:
        raise DATE_OUT_OF_RANGE("The date must lie between 2000 and 2199.")
    return day


def _read_rate(value: object) -> str:
    """Accept one spelling of each number only."""
    if not isinstance(value, str) or not _RATE.fullmatch(value) or value == "0":
        raise INVALID_RATE(
            'A rate is a decimal string above zero, at most 9 digits on each side: "1.0825".',
        )
    return value


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise UNKNOWN_CURRENCY("No ISO 4217 currency in use with a minor unit.")
    return code


def _pattern(pattern: str, example: str) -> Any:
    return Field(strict=True, pattern=f"^{pattern}$", examples=[example])


FundSlug = Annotated[str, _pattern("[a-z0-9][a-z0-9-]{1,62}", "era")]
PartyId = Annotated[str, _pattern("[A-Z0-9][A-Z0-9-]{0,15}", "DE")]
WindowId = Annotated[str, _pattern("[a-z][a-z0-9-]{0,31}", "budget")]
RestrictionId = Annotated[str, _pattern("[a-z][a-z0-9-]{0,31}", "not-defence")]
AccountId = Annotated[str, _pattern("[a-z][a-z0-9-]{0,31}", "bank-charges")]
Purpose = Annotated[str, _pattern("[a-z][a-z0-9-]{0,31}", "energy")]
StepId = Annotated[str, _pattern("[a-z][a-z0-9_]{0,31}", "legal_review")]
CalendarId = Annotated[str, _pattern("[a-z][a-z0-9-]{0,31}", "brussels")]
EventType = Annotated[str, _pattern("[a-z][a-z0-9_]*([.][a-z0-9_]+)+", "approval.given")]
KeyId = Annotated[str, _pattern("[A-Za-z0-9_-]{43}", "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s")]
"""The RFC 7638 thumbprint of a public key."""
Weight = Annotated[str, _pattern("(0|[1-9][0-9]{0,24})", "1800000000000")]
"""A whole number as text, because it may exceed what JSON numbers hold exactly."""
BankAccountId = Annotated[str, _pattern("[A-Z0-9][A-Z0-9-]{0,33}", "TRUSTEE-EUR")]
BankReference = Annotated[
    str, _pattern("[A-Za-z0-9]([A-Za-z0-9 ./_-]{0,62}[A-Za-z0-9])?", "FT25-1")
]
Currency = Annotated[str, _pattern("[A-Z]{3}", "EUR"), AfterValidator(_known_currency)]
Digest = Annotated[str, _pattern("[0-9a-f]{64}", "9f86d081884c7d659a2feaa0c55ad015" * 2)]
Subject = Annotated[str, _pattern("[A-Za-z0-9][A-Za-z0-9._:|-]{0,127}", "de-1")]
"""A pseudonymous id. No `@`: an e-mail address is personal data and does not belong in a log."""
Identifier = Annotated[
    str,
    _pattern(
        "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "01947b6e-3c00-7000-8000-000000000001",
    ),
]
"""A UUIDv7 in its canonical spelling."""
Text = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=500), AfterValidator(_check_text)
]
"""Free text of 1 to 500 characters in NFC, without control or invisible characters."""
Day = Annotated[date, BeforeValidator(_read_date)]


def _require_utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        raise ValueError("a time is stated in UTC")
    return moment


UtcTime = Annotated[datetime, AfterValidator(_require_utc)]
"""A calendar date, YYYY-MM-DD, from 2000 to 2199."""
Rate = Annotated[str, BeforeValidator(_read_rate), Field(examples=["1.0825"])]
"""An exchange rate above zero: a decimal string of at most 9 digits before the point and 9 after
it, without leading or trailing zeros that can be left out.
"""
Seq = Annotated[int, Field(strict=True, ge=0)]
"""A position in the log, from 0."""


class PartyKind(StrEnum):
    """What a party is to the fund."""

    GOVERNMENT = "government"
    RECIPIENT = "recipient"
    SUPERVISOR = "supervisor"
    TRUSTEE = "trustee"
    CUSTODIAN = "custodian"
    AUDITOR = "auditor"


class Decision(StrEnum):
    """How somebody who is asked may answer."""

    APPROVE = "approve"
    REFUSE = "refuse"


def require_said(said: StrEnum, meant: StrEnum) -> None:
    """Check that the answer is the one that the entry's type stands for. Raises ValueError."""
    if said is not meant:
        raise ValueError(f"It states {said}, in an entry of the type for {meant}.")


class Role(StrEnum):
    """What a member may do for their party."""

    TREASURY = "treasury"
    LEGAL_REVIEWER = "legal_reviewer"
    LEGISLATURE_CLERK = "legislature_clerk"
    RISK_OFFICER = "risk_officer"
    TREASURY_APPROVER = "treasury_approver"
    REQUESTER = "requester"
    SUPERVISOR = "supervisor"
    TRUSTEE = "trustee"
    AUDITOR = "auditor"
    OBSERVER = "observer"
    ADMIN = "admin"
    LEDGER = "ledger"


LEDGER_PARTY: Final = "@ledger"
LEDGER_SUBJECT: Final = "ledger"
"""The subject of entries that the ledger itself records."""
