"""The pinned table of characters: made again from Unicode's data, the same on every Python."""

import unicodedata

import pytest

from app.domain.unicode_table import VERSION, is_visible

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
SHOW_NOTHING = {
    0x034F,  # combining grapheme joiner
    *range(0x115F, 0x1161),  # Hangul fillers
    *range(0x17B4, 0x17B6),  # Khmer inherent vowels
    *range(0x180B, 0x1810),  # Mongolian variation selectors
    0x2800,  # the Braille pattern without dots
    0x3164,
    0xFFA0,
    *range(0xFE00, 0xFE10),  # variation selectors
    *range(0xE0100, 0xE01F0),
}
ALL = range(0x110000)


def shown_here(code: int) -> bool:
    return unicodedata.category(chr(code)) not in HIDDEN and code not in SHOW_NOTHING


@pytest.mark.skipif(
    unicodedata.unidata_version != VERSION, reason=f"this Python has no Unicode {VERSION}"
)
def test_the_table_is_what_unicode_14_says() -> None:
    assert [code for code in ALL if is_visible(chr(code)) != shown_here(code)] == []


def test_every_character_of_the_table_is_assigned_in_whatever_version_is_here() -> None:
    gone = [code for code in ALL if is_visible(chr(code)) and not shown_here(code)]

    assert gone == []


@pytest.mark.parametrize(
    "character",
    [
        "\U00011f00",  # Kawi, Unicode 15.0
        "\u2ffc",  # an ideographic description character, Unicode 15.1
        "\U0001cc00",  # Unicode 16.0
        "\u200b",
        "\u202e",
        "\u0085",
        "\ufe0f",
        "\u2028",
        "\ue000",
    ],
)
def test_what_is_newer_or_shows_nothing_is_not_in_it(character: str) -> None:
    assert not is_visible(f"a{character}b")


@pytest.mark.parametrize("text", ["", "plain", "Україна", "日本語", "naïve €", "🇺🇦 𝄞"])
def test_what_people_write_is_in_it(text: str) -> None:
    assert is_visible(text)


@pytest.mark.parametrize("code", [0x00, 0x09, 0x0A, 0x1F, 0x7F])
def test_ascii_controls_are_not_in_it(code: int) -> None:
    assert not is_visible(chr(code))
