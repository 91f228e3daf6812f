"""Names, texts and dates: accepted as written or refused with a code, never corrected."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.values import (
    AccountId,
    BankAccountId,
    BankReference,
    Currency,
    Day,
    Decision,
    Digest,
    FundSlug,
    Identifier,
    PartyId,
    Purpose,
    Rate,
    RestrictionId,
    Seq,
    StepId,
    Subject,
    Text,
    WindowId,
    require_said,
)


def adapted(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


TEXT, DAY, CURRENCY, RATE = adapted(Text), adapted(Day), adapted(Currency), adapted(Rate)


def code_of(adapter: TypeAdapter[Any], value: object) -> str:
    """The stable code with which a value is turned away."""
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    (error,) = caught.value.errors()
    return error["type"]


@pytest.mark.parametrize(
    "text",
    [
        "nul\x00",
        "tab\tbed",
        "two\nlines",
        "return\r",
        "escape\x1b[31m",
        "delete\x7f",
        "next\x85line",
        "c1\x9b",
        "bidi\u202eover",
        "isolate\u2066d",
        "mark\u200f",
        "zero\u200bwidth",
        "join\u200der",
        "bom\ufeff",
        "soft\u00adhyphen",
        "line\u2028end",
        "paragraph\u2029end",
        "private\ue000",
        "tag\U000e0041",
        "unassigned\u0378",
        "noncharacter\uffff",
    ],
)
def test_text_hides_nothing(text: str) -> None:
    assert code_of(TEXT, text) == "forbidden_character"


def test_text_holds_no_lone_surrogate() -> None:
    assert code_of(TEXT, "lone\ud800") in {"forbidden_character", "string_unicode"}


@pytest.mark.parametrize("text", ["cafe\u0301", "A\u030a", "\u212b", "\u1100\u1161"])
def test_text_in_another_normal_form_is_refused_not_corrected(text: str) -> None:
    assert code_of(TEXT, text) == "forbidden_character"


@pytest.mark.parametrize("text", [" lead", "trail ", " ", "\u00a0lead", "trail\u3000"])
def test_text_has_no_space_around_it(text: str) -> None:
    assert code_of(TEXT, text) == "forbidden_character"


@pytest.mark.parametrize(
    "text",
    ["x", "caf\u00e9", "Україна", "日本国", "a" * 500, "'; DROP TABLE entries; --", "=1+1", "😀"],
)
def test_text_is_kept_as_it_was_written(text: str) -> None:
    assert TEXT.validate_python(text) == text


def test_text_has_1_to_500_characters() -> None:
    assert code_of(TEXT, "") == "string_too_short"
    assert code_of(TEXT, "a" * 501) == "string_too_long"


@pytest.mark.parametrize("value", [5, None, b"bytes", ["text"], True])
def test_text_is_a_string(value: object) -> None:
    assert code_of(TEXT, value) == "string_type"


@pytest.mark.parametrize(
    "value",
    [
        "2026-2-3",
        "2026-02-30",
        "2026-13-01",
        "20260203",
        "2026-W05-2",
        "2026-02-03T00:00:00Z",
        "2016-12-31T23:59:60Z",
        " 2026-02-03",
        "2026-02-03\n",
        "+2026-02-03",
        "10000-01-01",
        "0000-01-01",
        "\uff12026-02-03",
        "",
        "today",
        1769990400,
        1769990400.0,
        None,
        True,
        datetime(2026, 2, 3, tzinfo=UTC),
    ],
)
def test_a_date_has_one_spelling(value: object) -> None:
    assert code_of(DAY, value) == "invalid_date"


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2200, 1, 1), date(1, 1, 1)])
def test_a_date_lies_between_2000_and_2199(day: date) -> None:
    assert code_of(DAY, day) == "date_out_of_range"


@pytest.mark.parametrize("day", ["1999-12-31", "2200-01-01", "0001-01-01", "9999-12-31"])
def test_a_written_date_lies_between_2000_and_2199(day: str) -> None:
    assert code_of(DAY, day) == "date_out_of_range"


@pytest.mark.parametrize("text", ["2000-01-01", "2024-02-29", "2199-12-31"])
def test_a_date_is_a_calendar_day(text: str) -> None:
    day = DAY.validate_python(text)

    assert day == date.fromisoformat(text)
    assert DAY.dump_json(day).decode() == f'"{text}"'


@pytest.mark.parametrize("value", ["eur", "EURO", "EU", "EUR\n", " EUR", "\u0415UR"])
def test_a_currency_code_is_three_capital_ascii_letters(value: str) -> None:
    assert code_of(CURRENCY, value) == "string_pattern_mismatch"


@pytest.mark.parametrize("value", ["XXX", "XTS", "DEM", "AAA"])
def test_a_currency_code_is_known(value: str) -> None:
    assert code_of(CURRENCY, value) == "unknown_currency"


@pytest.mark.parametrize(
    "text",
    ["1.0825", "164.45", "0.83358", "1", "10", "0.000000001", "999999999.999999999", "100.01"],
)
def test_a_rate_is_kept_as_it_was_written(text: str) -> None:
    assert RATE.validate_python(text) == text
    assert RATE.dump_json(text).decode() == f'"{text}"'


@pytest.mark.parametrize("text", ["0", "0.0", "0.000000000", "-0", "-1.0825", "-0.5"])
def test_a_rate_is_more_than_zero(text: str) -> None:
    assert code_of(RATE, text) == "invalid_rate"


@pytest.mark.parametrize(
    "value",
    [
        "1.08250",
        "1.0",
        "01.0825",
        "00",
        ".5",
        "1.",
        "+1.0825",
        "1,0825",
        "1_000",
        "1 000",
        " 1.0825",
        "1.0825\n",
        "1e3",
        "0x1",
        "1/2",
        "NaN",
        "Infinity",
        "\u0661.5",
        "\uff11",
        "",
        1,
        1.0825,
        True,
        None,
    ],
)
def test_a_rate_has_one_spelling(value: object) -> None:
    assert code_of(RATE, value) == "invalid_rate"


@pytest.mark.parametrize("text", ["1000000000", "0.0000000001", "1.0000000001", "9" * 4000])
def test_a_rate_has_at_most_nine_digits_on_either_side(text: str) -> None:
    assert code_of(RATE, text) == "invalid_rate"


def test_an_entry_of_one_type_does_not_hold_the_other_answer() -> None:
    require_said(Decision.APPROVE, Decision.APPROVE)

    with pytest.raises(ValueError, match="states refuse"):
        require_said(Decision.REFUSE, Decision.APPROVE)


ACCEPTED: list[tuple[Any, list[str]]] = [
    (FundSlug, ["era", "a1", "0-0", "a" * 63]),
    (PartyId, ["D", "DE", "IFI-2", "A" * 16]),
    (WindowId, ["b", "budget", "budget-2", "a" * 32]),
    (RestrictionId, ["not-defence", "a" * 32]),
    (AccountId, ["bank-charges", "a1"]),
    (Purpose, ["energy", "x-9"]),
    (StepId, ["legal_review", "s2"]),
    (BankAccountId, ["BANK-EUR", "1", "A" * 34]),
    (BankReference, ["FT25-1", "a", "A b/c.d_e-F", "A" * 64]),
    (Digest, ["0" * 64, "0123456789abcdef" * 4]),
    (Subject, ["de-1", "A.b_c:d|e-f", "x" * 128]),
    (Identifier, ["01947b6e-3c00-7000-8000-000000000001", "ffffffff-ffff-7fff-bfff-ffffffffffff"]),
]
TURNED_AWAY: list[tuple[Any, list[str]]] = [
    (FundSlug, ["", "a", "-a", "Era", "a_b", "a" * 64, "../etc", "a\n", "e\u0301ra"]),
    (
        PartyId,
        ["", "de", "-DE", "@ledger", "D E", "A" * 17, "DE\n", "\u0410U", "\uff24E", "D\u00c9"],
    ),
    (WindowId, ["", "Budget", "1budget", "bud get", "a" * 33, "bud/get"]),
    (RestrictionId, ["", "Not-defence", "9x", "not defence", "a" * 33]),
    (AccountId, ["", "cash/BANK-EUR", "own/x", "../x", "A", "a" * 33]),
    (Purpose, ["", "Energy", "ener_gy", "9x", "a" * 33]),
    (StepId, ["", "Legal", "legal-review", "_x", "a" * 33]),
    (BankAccountId, ["", "bank", "-B", "B/C", "A" * 35, "B\u0410NK"]),
    (BankReference, ["", " a", "a ", "/a", "a-", "a\tb", "A" * 65, "re\u0301f", "r\u00e9f", "a\n"]),
    (Digest, ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"]),
    (Subject, ["", "jane@example.org", "-a", "a b", "a/b", "x" * 129, "a\n", "\u0430"]),
    (
        Identifier,
        [
            "",
            "01947B6E-3C00-7000-8000-000000000001",
            "01947b6e-3c00-4000-8000-000000000001",
            "01947b6e-3c00-7000-c000-000000000001",
            "01947b6e3c0070008000000000000001",
            "{01947b6e-3c00-7000-8000-000000000001}",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "name"), [(k, name) for k, names in ACCEPTED for name in names])
def test_a_name_of_its_pattern_is_kept_as_it_was_written(kind: Any, name: str) -> None:
    assert adapted(kind).validate_python(name) == name


@pytest.mark.parametrize(
    ("kind", "name"), [(k, name) for k, names in TURNED_AWAY for name in names]
)
def test_a_name_is_ascii_of_its_pattern(kind: Any, name: str) -> None:
    assert code_of(adapted(kind), name) == "string_pattern_mismatch"


@pytest.mark.parametrize("kind", [kind for kind, _ in ACCEPTED])
def test_a_name_is_a_string(kind: Any) -> None:
    assert code_of(adapted(kind), 1) == "string_type"


@pytest.mark.parametrize("value", ["0", 1.0, True, None])
def test_a_position_is_a_whole_number(value: object) -> None:
    assert code_of(adapted(Seq), value) == "int_type"


def test_a_position_counts_from_zero() -> None:
    assert adapted(Seq).validate_python(0) == 0
    assert code_of(adapted(Seq), -1) == "greater_than_equal"
