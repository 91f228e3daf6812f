"""Clock and identifiers."""

from datetime import UTC, datetime, timedelta

from app.runtime.clock import new_id, now


def test_now_is_aware_and_in_utc() -> None:
    assert now().utcoffset() == timedelta(0)


def test_an_identifier_is_a_uuid_of_version_7_that_begins_with_its_time() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)

    first, second = new_id(at), new_id(at)

    assert first != second
    assert int(first.replace("-", "")[:12], 16) == 1_767_323_045_678
    assert first[14] == "7"
    assert first[19] in "89ab"
