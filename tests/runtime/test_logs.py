"""The log: one line an event, whatever stands in it; and nothing that lasts fills it."""

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime import logs


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def to_a_stream(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream=stream, **options)
    return stream


def test_a_line_begins_with_time_level_and_event() -> None:
    stream = to_a_stream()
    logs.request_id.set("r-1")

    logs.get("a.module").warning("something_happened", fund="era", count=3)

    logs.request_id.set(None)
    (line,) = written(stream)
    assert list(line)[:4] == ["time", "level", "event", "request_id"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["event"]) == ("warning", "something_happened")
    assert (line["request_id"], line["fund"], line["count"]) == ("r-1", "era", 3)


def test_what_libraries_say_goes_the_same_way() -> None:
    stream = to_a_stream()

    logging.getLogger("uvicorn.error").warning("stopped %s", "listening")
    logging.getLogger("httpx").info("GET https://login.example/?token=secret")

    (line,) = written(stream)
    assert (line["event"], line["logger"]) == ("stopped listening", "uvicorn.error")


def fail(secret: str) -> None:
    try:
        Path(f"line one\nline two {len(secret)}").read_bytes()
    except OSError as cause:
        raise ValueError("outer") from cause


def test_an_error_is_one_line_without_the_values_of_variables() -> None:
    stream = to_a_stream()
    secret = "bearer-abc"
    with pytest.raises(ValueError, match="outer") as raised:
        fail(secret)

    logs.get("m").error("it_failed", exc_info=raised.value)

    (line,) = written(stream)
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["cause"]["type"] == "FileNotFoundError"
    assert secret not in stream.getvalue()


@given(st.text())
def test_no_text_makes_two_lines_or_turns_the_writing_round(text: str) -> None:
    stream = to_a_stream()

    logs.get("m").info("said", text=text)

    (line,) = written(stream)
    assert line["text"].isprintable()
    assert len(line["text"]) <= logs.MAX_VALUE * 10 + 1


def test_for_people_it_is_text() -> None:
    stream = to_a_stream(pretty=True)

    logs.get("m").info("said", fund="era")

    assert "said" in stream.getvalue()
    assert "fund=era" in stream.getvalue()


def test_the_level_is_a_setting() -> None:
    stream = to_a_stream(level="error")

    logs.get("m").warning("said")
    logs.get("m").error("shouted")

    assert [line["event"] for line in written(stream)] == ["shouted"]


def test_what_lasts_is_said_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, now = to_a_stream(), [1_000.0]
    monkeypatch.setattr(logs, "_seldom", logs._Seldom())
    monkeypatch.setattr("app.runtime.logs.time.monotonic", lambda: now[0])

    for second in range(130):
        now[0] = 1_000.0 + second
        logs.seldom(logs.get("m"), "database_unavailable", why="gone")
        logs.seldom(logs.get("m"), "database_unavailable", "another", why="gone")

    assert [line.get("left_out") for line in written(stream)] == [None, None, 59, 59, 59, 59]
