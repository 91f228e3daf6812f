"""ISO 4217: what is a currency here, and how finely it is counted."""

import pytest

from app.domain.currencies import MINOR_DIGITS


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("UAH", 2),
        ("HUF", 2),
        ("JPY", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("CLF", 4),
    ],
)
def test_a_currency_has_the_digits_of_iso_4217(code: str, digits: int) -> None:
    assert MINOR_DIGITS[code] == digits


@pytest.mark.parametrize("code", ["XXX", "XTS", "XDR", "XAU", "DEM", "HRK", "BGN", "eur", "EU", ""])
def test_what_has_no_minor_unit_or_is_withdrawn_is_not_a_currency(code: str) -> None:
    assert code not in MINOR_DIGITS


def test_every_code_is_three_capital_letters() -> None:
    assert all(len(c) == 3 and c.isascii() and c.isalpha() and c.isupper() for c in MINOR_DIGITS)


def test_the_list_is_as_long_as_on_its_date() -> None:
    assert len(MINOR_DIGITS) == 165
