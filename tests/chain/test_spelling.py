"""One spelling each for base64, base64url and decimal numbers."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain.spelling import (
    read_base64,
    read_base64url,
    read_decimal,
    write_base64,
    write_base64url,
)
from tests.support.chain import modest

ALMOST_BASE64 = st.text(st.sampled_from("AQgQw/+-_= \n\u0410"), max_size=9)


@modest
@given(st.binary(max_size=80))
def test_base64_reads_what_it_writes(value: bytes) -> None:
    text = write_base64(value)

    assert text == base64.standard_b64encode(value).decode()
    assert read_base64(text) == value


@modest
@given(st.binary(max_size=80))
def test_base64url_reads_what_it_writes_without_padding(value: bytes) -> None:
    text = write_base64url(value)

    assert "=" not in text
    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == value
    assert read_base64url(text) == value


@modest
@given(st.integers(0, 10**19 - 1))
def test_a_decimal_number_reads_what_python_prints(number: int) -> None:
    assert read_decimal(str(number)) == number


@pytest.mark.parametrize(
    ("read", "write"), [(read_base64, write_base64), (read_base64url, write_base64url)]
)
@modest
@given(text=ALMOST_BASE64)
def test_whatever_base64_is_accepted_is_written_back_in_the_same_letters(
    read: Callable[[str], bytes], write: Callable[[bytes], str], text: str
) -> None:
    try:
        value = read(text)
    except ValueError:
        return

    assert write(value) == text


@modest
@given(st.text(st.sampled_from("0123456789+-_ .e\n\u0663\uff17"), max_size=21))
def test_whatever_number_is_accepted_is_printed_in_the_same_digits(text: str) -> None:
    try:
        number = read_decimal(text)
    except ValueError:
        return

    assert str(number) == text


@pytest.mark.parametrize(
    "text",
    ["QQ", "QQ=", "QQ===", "QQ==\n", " QQ==", "Q!Q==", "Q!!Q==", "Q", "QQ==QQ==", "-_8=", "=", "Ж"],
)
def test_what_is_no_padded_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not base64$"):
        read_base64(text)


@pytest.mark.parametrize("text", ["QR==", "Qf==", "QUF=", "QUH="])
def test_base64_with_spare_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^base64 with spare bits$"):
        read_base64(text)


@pytest.mark.parametrize(
    "text", ["QQ==", "+/8", "QQ\n", " QQ", "Q Q", "Q", "QQQQQ", "Q.Q", "\u0416\u0416"]
)
def test_what_is_no_unpadded_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not base64url$"):
        read_base64url(text)


@pytest.mark.parametrize("text", ["QR", "Qf", "QUF", "QUH"])
def test_base64url_with_spare_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^base64url with spare bits$"):
        read_base64url(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "01",
        "007",
        "+7",
        "-7",
        "-0",
        " 7",
        "7 ",
        "7\n",
        "1_000",
        "1,000",
        "1.0",
        "1e3",
        "0x10",
        "\u0663",  # ARABIC-INDIC DIGIT THREE
        "\uff17",  # FULLWIDTH DIGIT SEVEN
        "1\u0968",  # DEVANAGARI DIGIT TWO
        "\u00b2",  # SUPERSCRIPT TWO
        "NaN",
        "1" + "0" * 19,
    ],
)
def test_another_spelling_of_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a decimal number$"):
        read_decimal(text)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("9", 9), ("9" * 19, 10**19 - 1)])
def test_the_smallest_and_the_longest_numbers_are_read(text: str, number: int) -> None:
    assert read_decimal(text) == number
