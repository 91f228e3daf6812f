"""A view that was changed is named with its row, and with the entry that the row is about."""

import pytest

from tests.support.tampering import Bundle

JOURNAL = "views/journal.csv"


def whys(bundle: Bundle) -> list[tuple[int, str, int | None]]:
    return [(one.check, one.why, one.seq) for one in bundle.report().problems]


def test_the_row_that_was_changed_is_named(bundle: Bundle) -> None:
    lines = bundle.files[JOURNAL].split(b"\r\n")
    seq = int(lines[4].split(b",")[0])
    lines[4] = lines[4].replace(b"EUR", b"USD")
    bundle.files[JOURNAL] = b"\r\n".join(lines)
    bundle.resign()

    why = f"{JOURNAL}: row 5, of entry {seq}, is not what the entries give"
    assert whys(bundle) == [(6, why, seq)]


def test_a_row_that_is_left_out_is_named_by_what_should_stand_there(bundle: Bundle) -> None:
    lines = bundle.files["views/events.csv"].split(b"\r\n")
    del lines[3]
    bundle.files["views/events.csv"] = b"\r\n".join(lines)
    bundle.resign()

    ((check, why, seq),) = whys(bundle)
    assert (check, seq) == (6, 2)
    assert "row 4, of entry 2," in why


def test_a_row_that_was_added_at_the_end_is_found(bundle: Bundle) -> None:
    rows = bundle.files["views/shares.csv"].count(b"\r\n")
    bundle.files["views/shares.csv"] += b"9,x,y\r\n"
    bundle.resign()

    assert whys(bundle) == [
        (6, f"views/shares.csv: row {rows + 1} is more than the entries give", None)
    ]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_view_that_ends_too_early_is_found_at_its_last_rows(bundle: Bundle, cut: int) -> None:
    bundle.files[JOURNAL] = bundle.files[JOURNAL][:-cut]
    bundle.resign()

    ((check, why, seq),) = whys(bundle)
    assert check == 6
    assert why.startswith(f"{JOURNAL}: row ")
    assert seq is not None


def test_a_changed_header_names_the_first_row(bundle: Bundle) -> None:
    bundle.files[JOURNAL] = bundle.files[JOURNAL].replace(b"seq", b"Seq", 1)
    bundle.resign()

    assert whys(bundle)[0][1] == f"{JOURNAL}: row 1 is not what the entries give"
