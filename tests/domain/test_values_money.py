"""Money: one spelling, exact arithmetic, no way past 10^18 - 1."""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.domain.currencies import MINOR_DIGITS
from app.domain.refusals.money import AmountOutOfRange, CurrencyMismatch
from app.domain.values import MAX_MINOR, Amount, Money, total
from tests.support.builders import money
from tests.support.domain import eur, jpy

ANY_MONEY = TypeAdapter[Any](Money)
STATED = TypeAdapter[Any](Amount)

minors = st.integers(-MAX_MINOR, MAX_MINOR)
codes = st.sampled_from(sorted(MINOR_DIGITS))


def code_of(value: object, adapter: TypeAdapter[Any] = STATED) -> str:
    """The stable code with which a value is turned away."""
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    (error,) = caught.value.errors()
    return error["type"]


@pytest.mark.parametrize(
    "amount",
    [
        1,
        1.5,
        None,
        True,
        "1e5",
        "1E5",
        "+5.00",
        " 5.00",
        "5.00 ",
        "5.00\n",
        "05.00",
        "1_000.00",
        "1,000.00",
        "\uff15.00",
        "\u0665.00",
        "-0.00",
        "-0",
        "NaN",
        "Infinity",
        "0x10",
        "",
        ".50",
        "5.",
        "1.0.0",
        "--5.00",
        "\u22125.00",
        "5.00\x00",
    ],
)
def test_an_amount_has_one_spelling(amount: object) -> None:
    assert code_of({"amount": amount, "currency": "EUR"}) == "invalid_amount"


@pytest.mark.parametrize("amount", ["0.00", "-0.01", "-5.00", "-9999999999999999.99"])
def test_a_stated_amount_is_more_than_zero(amount: str) -> None:
    assert code_of(money(amount)) == "amount_not_positive"


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("10000000000000000.00", "EUR"),
        ("-10000000000000000.00", "EUR"),
        ("1000000000000000000", "JPY"),
        ("1000000000000000.000", "KWD"),
        ("9" * 5000, "JPY"),
        ("0." + "0" * 5000, "EUR"),
    ],
)
def test_an_amount_ends_at_10_to_the_18_minus_1(amount: str, currency: str) -> None:
    assert code_of(money(amount, currency)) == "amount_out_of_range"


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("9999999999999999.99", "EUR"), ("9" * 18, "JPY"), ("999999999999999.999", "KWD")],
)
def test_the_largest_amount_is_accepted(amount: str, currency: str) -> None:
    assert STATED.validate_python(money(amount, currency)).minor == MAX_MINOR


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.50", "JPY"), ("1.2345", "KWD"), ("1.23", "KWD"), ("1.2", "EUR"), ("1", "EUR")],
)
def test_an_amount_has_exactly_its_currencys_digits(amount: str, currency: str) -> None:
    assert code_of(money(amount, currency)) == "currency_precision"


@pytest.mark.parametrize(
    "currency",
    ["eur", "Eur", "EU", "EURO", "DEM", "HRK", "XXX", "XTS", "XAU", "", " EUR", None, 978, ["EUR"]],
)
def test_a_currency_is_one_in_use_with_a_minor_unit(currency: object) -> None:
    assert code_of({"amount": "1.00", "currency": currency}) == "unknown_currency"


@pytest.mark.parametrize(
    "value",
    [
        "1.00 EUR",
        100,
        None,
        ["1.00", "EUR"],
        {},
        {"amount": "1.00"},
        {"currency": "EUR"},
        {"amount": "1.00", "currency": "EUR", "minor": 100},
    ],
)
def test_money_is_exactly_amount_and_currency(value: object) -> None:
    assert code_of(value) == "invalid_amount"


def test_money_that_is_not_stated_may_be_negative_or_nothing() -> None:
    assert ANY_MONEY.validate_python(money("-1.50")).minor == -150
    assert ANY_MONEY.validate_python(money("0.00")).minor == 0


def test_no_error_echoes_what_was_sent() -> None:
    for value in (money("7777,77"), {"amount": "1.00", "currency": "<script>"}):
        with pytest.raises(ValidationError) as caught:
            STATED.validate_python(value)
        (error,) = caught.value.errors(include_input=False)
        assert "7777" not in str(error)
        assert "script" not in str(error)


@given(minors, codes)
def test_what_is_written_is_read_again(minor: int, code: str) -> None:
    amount = Money(minor, code)

    assert Money.read(amount.wire()) == amount
    assert ANY_MONEY.validate_python(amount) == amount
    assert ANY_MONEY.validate_json(ANY_MONEY.dump_json(amount)) == amount


@given(minors, minors)
def test_sums_and_differences_are_exact(left: int, right: int) -> None:
    if abs(left + right) > MAX_MINOR:
        with pytest.raises(AmountOutOfRange):
            Money(left, "EUR") + Money(right, "EUR")
    else:
        assert (Money(left, "EUR") + Money(right, "EUR")).minor == left + right
        assert (Money(left, "EUR") - Money(-right, "EUR")).minor == left + right


def test_a_sum_beyond_the_largest_amount_names_both_values() -> None:
    with pytest.raises(AmountOutOfRange) as caught:
        Money(MAX_MINOR, "EUR") + Money(1, "EUR")

    assert caught.value.code == "amount_out_of_range"
    assert str(MAX_MINOR + 1) in caught.value.sentence
    assert str(MAX_MINOR) in caught.value.sentence


@pytest.mark.parametrize(
    "operation",
    [
        lambda left, right: left + right,
        lambda left, right: left - right,
        lambda left, right: left < right,
        lambda left, right: left <= right,
        lambda left, right: left > right,
        lambda left, right: left >= right,
    ],
)
def test_two_currencies_do_not_mix(operation: Any) -> None:
    with pytest.raises(CurrencyMismatch) as caught:
        operation(eur(1), jpy(1))

    assert caught.value.code == "currency_mismatch"
    assert "EUR" in caught.value.sentence
    assert "JPY" in caught.value.sentence


def test_amounts_of_one_currency_compare() -> None:
    assert eur(1) < eur(2) <= eur(2)
    assert eur(2) > eur(1) >= eur(1)
    assert -eur(1) < Money.zero("EUR")
    assert max(eur(1), eur(3), eur(2)) == eur(3)


def test_equal_money_is_equal_in_both_parts() -> None:
    assert eur(1) == Money(100, "EUR")
    assert hash(eur(1)) == hash(Money(100, "EUR"))
    assert eur("0.01") != jpy(1)
    assert eur(1) != 100
    assert eur(1) != "1.00 EUR"


def test_only_zero_is_nothing() -> None:
    assert not Money.zero("JPY")
    assert jpy(1)
    assert -jpy(1)


@pytest.mark.parametrize(
    ("minor", "currency", "amount", "shown"),
    [
        (150_000_000, "EUR", "1500000.00", "1,500,000.00 EUR"),
        (-150_000_000, "EUR", "-1500000.00", "-1,500,000.00 EUR"),
        (0, "EUR", "0.00", "0.00 EUR"),
        (-1, "EUR", "-0.01", "-0.01 EUR"),
        (5, "EUR", "0.05", "0.05 EUR"),
        (0, "JPY", "0", "0 JPY"),
        (-7, "JPY", "-7", "-7 JPY"),
        (1234, "JPY", "1234", "1,234 JPY"),
        (1234, "KWD", "1.234", "1.234 KWD"),
        (-12, "KWD", "-0.012", "-0.012 KWD"),
        (MAX_MINOR, "EUR", "9999999999999999.99", "9,999,999,999,999,999.99 EUR"),
        (-MAX_MINOR, "JPY", "-" + "9" * 18, "-999,999,999,999,999,999 JPY"),
    ],
)
def test_money_is_written_for_machines_and_for_people(
    minor: int, currency: str, amount: str, shown: str
) -> None:
    money_of = Money(minor, currency)

    assert money_of.amount == amount
    assert money_of.wire() == {"amount": amount, "currency": currency}
    assert str(money_of) == shown
    assert repr(money_of) == f"Money({amount} {currency})"


def test_money_does_not_change() -> None:
    with pytest.raises(AttributeError, match="does not change"):
        eur(1).minor = 2


def test_a_copy_of_money_is_the_same_money() -> None:
    assert copy.deepcopy(eur(1)) == eur(1)
    assert pickle.loads(pickle.dumps(eur(1))) == eur(1)  # noqa: S301  our own bytes


def test_a_total_of_none_is_zero_of_its_currency() -> None:
    assert total([], "JPY") == Money.zero("JPY")
    assert total([eur(1), eur("2.50"), -eur("0.25")], "EUR") == eur("3.25")


def test_a_total_refuses_a_second_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        total([eur(1), jpy(1)], "EUR")


def test_the_published_schema_says_how_money_is_written() -> None:
    class Body(BaseModel):
        amount: Amount

    schema = Body.model_json_schema()["properties"]["amount"]

    assert schema["required"] == ["amount", "currency"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["amount"]["type"] == "string"
