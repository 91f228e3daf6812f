"""Batches that are cut off, too long, too deep, malformed, stolen, or sent at the same time."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.runtime.settings import Settings
from app.store.engine import Database
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    assert_refused,
    at_once,
    exchange,
    fresh_key,
    nothing_recorded,
    posting,
    read_answer,
    size_of,
    wrong,
)
from tests.support.builders import a_charter, a_pledge, money, treasury
from tests.support.service import FUND, Service, running
from tests.support.waiting import at_the_door, until

DE = treasury("DE")
LINES = {"Content_Type": "application/x-ndjson"}
MAX_BATCH_BYTES = 4_194_304


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One service for all tests here: each leaves it as it was, or records and looks away."""
    folder = tmp_path_factory.mktemp("batches")
    url = f"sqlite:///{folder / 'ledger.db'}"
    if request.param == "sqlite":
        shutil.copy(sqlite_template, folder / "ledger.db")
    else:
        make: Callable[[], str] = request.getfixturevalue("postgres_databases")
        url = make()
    settings = Settings(database_url=url, data_dir=folder, max_batch_bytes=MAX_BATCH_BYTES)
    with running(settings) as service:
        service.open()
        yield service


@pytest.fixture
def attacker(opened: Service) -> Iterator[Attacker]:
    with closing(Attacker(opened)) as one:
        yield one


def a_command(number: int = 1, **changes: Any) -> dict[str, Any]:
    command = {"op": "pledge.announced", "key": fresh_key(), "data": a_pledge(money(number))}
    return {**command, **changes}


def lines_of(commands: list[Any]) -> bytes:
    return b"".join(json.dumps(command).encode() + b"\n" for command in commands)


def send(attacker: Attacker, body: Any, mode: str = "each", **headers: str) -> Answer:
    return attacker.post(DE, f"/batches?mode={mode}", body, **headers)


def test_a_bad_line_among_ten_thousand_is_found(opened: Service, attacker: Attacker) -> None:
    lines = [json.dumps(a_command()).encode() for _ in range(10_000)]
    lines[7_654] = lines[7_654][:-1]

    with nothing_recorded(opened):
        answer = send(attacker, b"\n".join(lines) + b"\n", **LINES)

    assert_refused(answer, 400, "invalid_json")
    assert "Line 7655 " in answer.content["detail"]


def test_one_refusal_among_thousands_leaves_nothing(opened: Service, attacker: Attacker) -> None:
    commands = [a_command() for _ in range(1_000)]
    commands[765]["data"]["window"] = "nowhere"

    with nothing_recorded(opened):
        answer = send(attacker, lines_of(commands), "atomic", **LINES)

    assert_refused(answer, 422, "unknown_window")
    assert answer.content["errors"][0]["pointer"] == "/765"


def test_a_batch_that_was_cut_off_is_refused_whole(opened: Service, attacker: Attacker) -> None:
    body = lines_of([a_command() for _ in range(3)])
    array = json.dumps([a_command()]).encode()

    with nothing_recorded(opened):
        answers = [send(attacker, body[:-cut], **LINES) for cut in (1, 2, 40, len(body) - 1)]
        answers += [send(attacker, array[:-cut]) for cut in (1, 2, 40)]

    assert [wrong(answer, 400, "invalid_json") for answer in answers] == [""] * len(answers)


def test_a_line_is_no_longer_than_an_entry(opened: Service, attacker: Attacker) -> None:
    long = json.dumps(a_command()).encode()
    fits, over = long.ljust(65_536) + b"\n", long.ljust(65_537) + b"\n"

    accepted = send(attacker, fits, **LINES)
    with nothing_recorded(opened):
        refused = send(attacker, lines_of([a_command()]) + over, **LINES)

    assert accepted.content["results"][0]["status"] == 201
    assert_refused(refused, 413, "body_too_large")
    assert "Line 2 " in refused.content["detail"]


def test_an_empty_batch_and_one_that_is_too_long_are_refused(
    opened: Service, attacker: Attacker
) -> None:
    many = [a_command(data={}) for _ in range(10_001)]

    with nothing_recorded(opened):
        empty = [send(attacker, []), send(attacker, b"", **LINES)]
        long = [send(attacker, many), send(attacker, lines_of(many), **LINES)]
        began = time.monotonic()
        long.append(send(attacker, b"\n" * MAX_BATCH_BYTES, **LINES))

    assert [wrong(answer, 422, "batch_empty") for answer in empty] == ["", ""]
    assert [wrong(answer, 422, "batch_too_long") for answer in long] == ["", "", ""]
    assert time.monotonic() - began < 5


FORMS: dict[str, Any] = {
    "no array": {"op": "pledge.announced"},
    "a number": 5,
    "text": "[]",
    "a list in it": [[]],
    "a number in it": [7],
    "no key": [{"op": "pledge.announced", "data": {}}],
    "one member more": [a_command(id="x")],
    "no object": [a_command(data=[])],
    "an op that is none": [a_command(op="pledge.unannounced")],
    "an op that is a number": [a_command(op=1)],
    "an op that is a list": [a_command(op=["pledge.announced"])],
    "what the ledger records itself": [a_command(op="disbursement.reserved")],
    "opening a fund": [a_command(op="fund.opened", data=a_charter(fund="another"))],
    "the name of a command": [a_command(op="AnnouncePledge")],
    "an empty key": [a_command(key="")],
    "a key of 256": [a_command(key="k" * 256)],
    "a key with a space": [a_command(key="a b")],
    "a key that is no text": [a_command(key=7)],
    "a key beyond ASCII": [a_command(key="k\u00e9y")],
}


@pytest.mark.parametrize("mode", ["atomic", "each"])
def test_what_is_no_batch_is_refused_whole(opened: Service, attacker: Attacker, mode: str) -> None:
    with nothing_recorded(opened):
        answers = {name: send(attacker, body, mode) for name, body in FORMS.items()}
        answers |= {
            f"after a good one: {name}": send(attacker, [a_command(), *body], mode)
            for name, body in FORMS.items()
            if isinstance(body, list) and body
        }

    faults = {name: wrong(answer, 422, "invalid_batch") for name, answer in answers.items()}
    assert {name: fault for name, fault in faults.items() if fault} == {}


def test_a_key_that_stands_twice_is_nobodys(opened: Service, attacker: Attacker) -> None:
    twice = [a_command(), a_command(key="doubled"), a_command(2, key="doubled")]
    same = [a_command(key="same"), a_command(key="same")]

    with nothing_recorded(opened):
        answers = [send(attacker, body, mode) for body in (twice, same) for mode in MODES]

    assert [wrong(answer, 422, "duplicate_key", "doubled") for answer in answers] == [""] * 4
    assert answers[0].content["errors"][0]["pointer"] == "/2"


MODES = ("atomic", "each")


def test_null_and_fractions_are_refused_where_they_stand(
    opened: Service, attacker: Attacker
) -> None:
    null = a_command(data={**a_pledge(money(1)), "note": None})
    deep = a_command(data={"window": "budget", "amount": {"amount": None, "currency": "EUR"}})
    floats = [
        a_command(data={**a_pledge(money(1)), "note": 1.5}),
        a_command(data={"window": 1.0, "amount": money(1)}),
        a_command(data={"window": "budget", "amount": {"amount": 1.5, "currency": "EUR"}}),
        a_command(data={**a_pledge(money(1)), "unknown": 1e300}),
    ]

    with nothing_recorded(opened):
        nulls = [send(attacker, [a_command(), one], mode) for one in (null, deep) for mode in MODES]
        each = send(attacker, floats)
        atomic = send(attacker, floats, "atomic")

    assert [wrong(answer, 422, "null_not_allowed") for answer in nulls] == [""] * 4
    codes = [result["problem"]["code"] for result in each.content["results"]]
    assert codes == ["invalid_body", "invalid_body", "invalid_amount", "invalid_body"]
    assert_refused(atomic, 422, "invalid_body")


RAW = {
    "a duplicate member": b'[{"op":"x.y","op":"pledge.announced","key":"k","data":{}}]',
    "a duplicate below": b'[{"op":"pledge.announced","key":"k","data":{"a":"b","a":"c"}}]',
    "NaN": b'[{"op":"pledge.announced","key":"k","data":{"amount":NaN}}]',
    "a huge number": b'[{"op":"pledge.announced","key":"k","data":{"amount":' + b"9" * 99 + b"}}]",
    "a lone surrogate": b'[{"op":"pledge.announced","key":"k","data":{"note":"\\ud800"}}]',
    "a byte order mark": b"\xef\xbb\xbf[]",
    "no UTF-8": b'["\xff"]',
    "depth": b"[" * 5_000 + b"]" * 5_000,
    "more than one": b"[][]",
    "nothing": b"",
    "lines": lines_of([a_command(), a_command()]),
}


def test_what_two_readers_could_take_differently_is_refused(
    opened: Service, attacker: Attacker
) -> None:
    with nothing_recorded(opened):
        answers = {name: send(attacker, raw) for name, raw in RAW.items()}
        answers["a blank line"] = send(attacker, b"\n" + lines_of([a_command()]), **LINES)
        answers["an array as lines"] = send(attacker, b"[\n]\n", **LINES)

    faults = {name: wrong(answer, 400, "invalid_json") for name, answer in answers.items()}
    assert {name: fault for name, fault in faults.items() if fault} == {}


def test_only_json_and_its_lines_are_taken(opened: Service, attacker: Attacker) -> None:
    types = ["text/csv", "application/jsonl", "application/x-ndjson; charset=utf-16", ""]
    types += ["application/x-ndjsonx", "multipart/form-data", "application/xml"]

    with nothing_recorded(opened):
        answers = [send(attacker, [a_command()], Content_Type=kind) for kind in types]
        packed = send(attacker, [a_command()], Content_Encoding="gzip")
        elsewhere = attacker.post(DE, "/pledges", a_pledge(money(1)), **LINES)
        signed = send(attacker, [a_command()], X_JWS_Signature="a..b")

    for answer in (*answers, packed, elsewhere):
        assert_refused(answer, 415, "unsupported_media_type")
    assert_refused(signed, 422, "signature_mismatch")
    upper = send(attacker, lines_of([a_command()]), Content_Type="APPLICATION/X-NDJSON")
    assert upper.status == 200


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("mode=both", 422, "invalid_body"),
        ("mode=", 422, "invalid_body"),
        ("mode=each&mode=atomic", 400, "duplicate_parameter"),
        ("mode=each&dry_run=1", 422, "unknown_parameter"),
        ("&".join(f"p{number}=1" for number in range(900)), 422, "unknown_parameter"),
        ("&".join(f"p{number}=1" for number in range(2_000)), 414, "target_too_long"),
    ],
)
def test_a_batch_has_one_parameter(
    opened: Service, attacker: Attacker, query: str, status: int, code: str
) -> None:
    with nothing_recorded(opened):
        answer = attacker.post(DE, f"/batches?{query}", [a_command()])

    assert_refused(answer, status, code)


def test_a_body_over_the_limit_is_refused_by_its_length_and_by_its_pieces(
    opened: Service, attacker: Attacker
) -> None:
    head = (
        f"POST {FUND}/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        f"Authorization: Bearer {opened.token(DE)}\r\n"
    )
    line = lines_of([a_command()])
    fitting = line[:-1].ljust(MAX_BATCH_BYTES // 100 - 1) + b"\n"

    with nothing_recorded(opened):
        told = exchange(opened, f"{head}Content-Length: {MAX_BATCH_BYTES + 1}\r\n\r\n".encode())
        piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + piece * 70
        pieces = exchange(opened, chunked)
    accepted = send(attacker, fitting, **LINES)

    for answer in (read_answer(told), read_answer(pieces)):
        assert_refused(answer, 413, "body_too_large")
        assert str(MAX_BATCH_BYTES) in answer.content["detail"]
        assert answer.headers["connection"] == "close"
    assert accepted.status == 200


def test_a_fund_that_does_not_exist_takes_no_batch(opened: Service, attacker: Attacker) -> None:
    answers = [
        attacker.post(DE, f"/v1/funds/{name}/batches", [a_command()])
        for name in ("no-such-fund", "X", "%2e%2e", "a%00b")
    ]
    nobody = attacker.send("POST", f"{FUND}/batches", {"Content-Type": "application/json"}, b"[]")

    assert [wrong(answer, 404, "not_found") for answer in answers] == [""] * 4
    assert_refused(nobody, 401, "token_required")


@contextmanager
def writer_held(service: Service) -> Iterator[None]:
    """Another process holds the fund's head: nothing is written until the block ends."""
    database = Database(service.settings.database)
    try:
        with database.write() as connection:
            if database.dialect != "sqlite":
                connection.execute(text("SELECT 1 FROM heads FOR UPDATE"))
            yield
    finally:
        database.close()


def a_send(commands: list[Any], mode: str = "each") -> Callable[[Attacker], Answer]:
    return lambda attacker: send(attacker, commands, mode)


def test_a_request_with_a_key_of_a_batch_under_way_waits_and_records_nothing(
    opened: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands, before = [a_command(number) for number in range(1, 4)], size_of(opened)
    key, data = commands[1]["key"], commands[1]["data"]
    single = posting(DE, "/pledges", data, Idempotency_Key=key)
    came = at_the_door(opened, monkeypatch)

    with ThreadPoolExecutor(3) as pool, writer_held(opened):
        first = pool.submit(at_once, opened, [a_send(commands)])
        until(lambda: came == [False])
        others = pool.submit(at_once, opened, [single, a_send(commands)])
        until(lambda: came == [False, True, True])

    (batch,), (alone, again) = first.result(), others.result()
    assert [result["status"] for result in batch.content["results"]] == [201] * 3
    assert_refused(alone, 422, "idempotency_key_reused")
    assert [result["replayed"] for result in again.content["results"]] == [True] * 3
    assert size_of(opened) == before + 3


def test_batches_in_parallel_that_share_keys_record_each_key_once(opened: Service) -> None:
    commands, before = [a_command(number) for number in range(1, 61)], size_of(opened)
    parts = [commands[start : start + 11] for start in range(50)]

    answers = at_once(opened, [a_send(part, MODES[n % 2]) for n, part in enumerate(parts)])

    counted = Counter(answer.status for answer in answers)
    late = [part for part, answer in zip(parts, answers, strict=True) if answer.status == 409]
    for answer in answers:
        assert answer.status in (200, 201) or wrong(answer, 409, "request_in_flight") == ""
    again = [at_once(opened, [a_send(part)])[0] for part in late]
    entries: dict[str, set[str]] = {command["key"]: set() for command in commands}
    for answer in (*(one for one in answers if one.status != 409), *again):
        for result in answer.content["results"]:
            entries[result["key"]].add(result["entry"]["id"])
    assert {len(identifiers) for identifiers in entries.values()} == {1}, counted
    assert size_of(opened) == before + 60


def test_ten_thousand_commands_are_recorded_at_once(opened: Service) -> None:
    commands, before = [a_command() for _ in range(10_000)], size_of(opened)

    (answer,) = at_once(opened, [a_send(commands, "atomic")])

    assert answer.status == 201
    assert len(answer.content["results"]) == 10_000
    assert size_of(opened) == before + 10_000
