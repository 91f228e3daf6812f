"""Times as an entry writes them: one zone, one width."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.chain.entry import time_text


def test_a_whole_second_is_written_with_its_microseconds() -> None:
    assert time_text(datetime(2025, 1, 10, 10, tzinfo=timezone(timedelta(hours=1)))) == (
        "2025-01-10T09:00:00.000000Z"
    )


@pytest.mark.parametrize("text", ["2025-01-10T09:00", "0001-01-01", "9999-12-31T23:59:59.999999"])
def test_a_time_without_a_zone_is_not_written(text: str) -> None:
    moment = datetime.fromisoformat(text)

    assert moment.tzinfo is None
    with pytest.raises(ValueError, match=r"^a time without a zone$"):
        time_text(moment)


def test_midnight_in_another_zone_is_written_with_the_day_that_it_is_in_utc() -> None:
    midnight = datetime(2025, 1, 10, tzinfo=timezone(timedelta(hours=1)))

    assert time_text(midnight) == "2025-01-09T23:00:00.000000Z"
    assert time_text(midnight.replace(tzinfo=UTC)) == "2025-01-10T00:00:00.000000Z"
