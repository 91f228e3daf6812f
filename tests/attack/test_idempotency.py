"""Rows C: keys that are missing, malformed, repeated, stolen or raced."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from operator import eq

import pytest
from sqlalchemy import text

from app.domain.values import Role
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
    snapshot,
    wrong,
)
from tests.support.builders import TRUSTEE, Person, a_charter, a_pledge, money, treasury
from tests.support.service import Service, running
from tests.support.waiting import at_the_door, until

DE = treasury("DE")
ADMIN = Person("DE", Role.ADMIN)
PLEDGE = a_pledge(money(1))


def _post(attacker: Attacker, key: str, who: Person = DE, body: object = PLEDGE) -> Answer:
    return attacker.post(who, "/pledges", body, Idempotency_Key=key)


def test_a_write_without_a_key_is_refused(fund: Service, attacker: Attacker) -> None:
    headers = {"Authorization": f"Bearer {fund.token(DE)}", "Content-Type": "application/json"}

    with nothing_recorded(fund):
        answer = attacker.send("POST", f"{fund.path}/pledges", headers, json.dumps(PLEDGE).encode())

    assert_refused(answer, 400, "idempotency_key_required")


def test_a_malformed_key_is_refused(fund: Service, attacker: Attacker) -> None:
    keys = ["", " ", "k" * 256, "a b", "a\tb", "a\x7fb", "a\x01b", "k\xe9y", "\xa0", "k\x85"]

    with nothing_recorded(fund):
        answers = {key: _raw_post(fund, f"Idempotency-Key: {key}\r\n") for key in keys}

    faults = {
        key: answer.body
        for key, answer in answers.items()
        if answer.status != 400 or (key.strip().encode("latin-1") in answer.body and len(key) > 3)
    }
    assert faults == {}
    unprintable = {"a\x7fb", "a\x01b"}  # the HTTP parser is stricter than we are
    ours = [answer for key, answer in answers.items() if key not in unprintable]
    assert [wrong(answer, 400, "idempotency_key_invalid") for answer in ours] == [""] * 8


def test_two_keys_are_none(fund: Service) -> None:
    with nothing_recorded(fund):
        answers = [
            _raw_post(fund, "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"),
            _raw_post(fund, "Idempotency-Key: a\r\nidempotency-key: a\r\n"),
        ]

    assert [wrong(answer, 400, "duplicate_header") for answer in answers] == ["", ""]


def _raw_post(fund: Service, header: str) -> Answer:
    body = json.dumps(PLEDGE)
    head = (
        f"POST {fund.path}/pledges HTTP/1.1\r\nHost: l\r\n"
        f"Authorization: Bearer {fund.token(DE)}\r\n{header}"
        "Content-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return read_answer(exchange(fund, (head + body).encode("latin-1")))


def test_the_longest_and_the_strangest_allowed_keys_work(fund: Service, attacker: Attacker) -> None:
    keys = ["k" * 255, "!", "~", "';DROP/**/TABLE/**/entries;--", '"\\{}%s%00', "../../../x"]

    first = [_post(attacker, key) for key in keys]
    with nothing_recorded(fund):
        again = [_post(attacker, key) for key in keys]

    assert [answer.status for answer in first + again] == [201] * 12
    assert [answer.body for answer in first] == [answer.body for answer in again]


def test_a_repeated_request_gets_the_first_answer_and_records_nothing(
    fund: Service, attacker: Attacker
) -> None:
    key = fresh_key()
    first = _post(attacker, key)

    with nothing_recorded(fund):
        again = [_post(attacker, key) for _ in range(3)]

    assert "idempotent-replayed" not in first.headers
    assert {(a.status, a.body, a.headers["idempotent-replayed"]) for a in again} == {
        (201, first.body, "true")
    }


def test_a_restart_forgets_no_key(service_settings: Settings) -> None:
    with running(service_settings) as service, closing(Attacker(service)) as attacker:
        service.open()
        first = _post(attacker, "kept")
    with running(service_settings) as service, closing(Attacker(service)) as attacker:
        before = snapshot(service)
        again = _post(attacker, "kept")
        other = _post(attacker, "kept", body=a_pledge(money(2)))
        after = snapshot(service)

    assert before == after
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert_refused(other, 422, "idempotency_key_reused")


def test_a_key_stands_for_one_request_byte_by_byte(fund: Service, attacker: Attacker) -> None:
    key = fresh_key()
    first = _post(attacker, key)
    same_meaning = json.dumps(PLEDGE, indent=1).encode()
    other_order = json.dumps(dict(reversed(PLEDGE.items()))).encode()

    with nothing_recorded(fund):
        answers = [_post(attacker, key, body=b) for b in (same_meaning, other_order)]
        answers.append(_post(attacker, key, body=a_pledge(money("1.01"))))
        answers.append(
            attacker.post(
                DE, "/members", {"subject": "x", "roles": ["treasury"]}, Idempotency_Key=key
            )
        )

    first_note = first.content["entry"]["id"]
    assert [wrong(a, 422, "idempotency_key_reused", first_note) for a in answers] == [""] * 4


def test_one_address_has_one_spelling(fund: Service, attacker: Attacker) -> None:
    spellings = ["/pledges%0a", "/pledges/", "//pledges", "/./pledges", "/Pledges", "/pledges;x"]

    with nothing_recorded(fund):
        answers = [attacker.post(DE, path, PLEDGE) for path in spellings]

    statuses = dict(zip(spellings, (answer.status for answer in answers), strict=True))
    assert statuses == dict.fromkeys(spellings, 404)


def test_fifty_repetitions_at_once_are_recorded_once(fund: Service) -> None:
    before = size_of(fund)

    answers = at_once(fund, [posting(DE, "/pledges", PLEDGE, Idempotency_Key="same")] * 50)

    recorded = [answer for answer in answers if answer.status == 201]
    others = [answer for answer in answers if answer.status != 201]
    replays = Counter(answer.headers.get("idempotent-replayed") for answer in recorded)
    assert len({answer.body for answer in recorded}) == 1
    assert (replays[None], replays["true"]) == (1, len(recorded) - 1)
    assert [wrong(answer, 409, "request_in_flight") for answer in others] == [""] * len(others)
    assert size_of(fund) == before + 1


def test_fifty_different_requests_with_one_key_record_one(fund: Service) -> None:
    before = size_of(fund)
    bodies = [a_pledge(money(number)) for number in range(1, 51)]

    answers = at_once(
        fund, [posting(DE, "/pledges", b, Idempotency_Key="contested") for b in bodies]
    )

    counted = Counter(answer.status for answer in answers)
    refused = [answer for answer in answers if answer.status != 201]
    assert counted == {201: 1, 422: 49}
    assert [wrong(answer, 422, "idempotency_key_reused") for answer in refused] == [""] * 49
    assert size_of(fund) == before + 1


def test_two_parties_may_choose_the_same_key(fund: Service, attacker: Attacker) -> None:
    german = _post(attacker, "shared")
    french = _post(attacker, "shared", treasury("FR"))

    assert (german.status, french.status) == (201, 201)
    assert "idempotent-replayed" not in french.headers
    assert german.content["entry"]["id"] != french.content["entry"]["id"]


def test_a_refused_request_does_not_use_its_key_up(fund: Service, attacker: Attacker) -> None:
    key = fresh_key()
    with nothing_recorded(fund):
        refused = _post(attacker, key, body=a_pledge(money(1), window="nowhere"))

    accepted = _post(attacker, key)

    assert_refused(refused, 422, "unknown_window")
    assert accepted.status == 201
    assert "idempotent-replayed" not in accepted.headers


def test_a_replay_is_only_for_those_who_may_still_act(fund: Service, attacker: Attacker) -> None:
    fund.post(ADMIN, "/members", {"subject": "de-second", "roles": ["treasury"]})
    second = {"Authorization": f"Bearer {fund.token(DE, subject='de-second')}"}
    first = attacker.post(DE, "/pledges", PLEDGE, Idempotency_Key="mine", **second)
    fund.post(ADMIN, "/members/removals", {"subject": "de-second"})

    with nothing_recorded(fund):
        again = attacker.post(DE, "/pledges", PLEDGE, Idempotency_Key="mine", **second)

    assert first.status == 201
    assert_refused(again, 403, "not_a_member")


def test_joining_a_request_that_is_under_way_is_only_for_those_who_may_act(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = {"Authorization": f"Bearer {fund.token(DE, subject='nobody')}"}

    with _writer_held(fund):
        threads, answers = _start(fund, monkeypatch, [{}, stranger])
    for thread in threads:
        thread.join()

    assert answers[0].status == 201
    assert_refused(answers[1], 403, "not_a_member")


def test_somebody_without_a_right_cannot_spoil_the_request_of_who_has_it(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = {"Authorization": f"Bearer {fund.token(DE, subject='nobody')}"}

    with _writer_held(fund):
        threads, answers = _start(fund, monkeypatch, [stranger, {}])
    for thread in threads:
        thread.join()

    assert_refused(answers[0], 403, "not_a_member")
    assert answers[1].status == 201


def test_a_repetition_that_cannot_be_answered_yet_is_told_to_come_back(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ledger.writer.JOIN_TIMEOUT_S", 0.2)

    with _writer_held(fund):
        threads, answers = _start(fund, monkeypatch, [{}, {}])
        threads[1].join()
    threads[0].join()

    assert answers[0].status == 201
    assert_refused(answers[1], 409, "request_in_flight")
    assert int(answers[1].headers["retry-after"]) > 0


def _start(
    fund: Service, patch: pytest.MonkeyPatch, headers: list[dict[str, str]]
) -> tuple[list[threading.Thread], dict[int, Answer]]:
    """Send the same request with each of these headers, one after the other has come to the door;
    all but the first wait for the first.
    """
    answers: dict[int, Answer] = {}
    came = at_the_door(fund, patch)

    def send(number: int) -> None:
        with closing(Attacker(fund)) as attacker:
            answers[number] = attacker.post(
                DE, "/pledges", PLEDGE, Idempotency_Key="joined", **headers[number]
            )

    threads = [threading.Thread(target=send, args=(n,)) for n in range(len(headers))]
    for number, thread in enumerate(threads):
        thread.start()
        until(partial(eq, came, [False, *[True] * number]))
    return threads, answers


@contextmanager
def _writer_held(fund: Service) -> Iterator[None]:
    """Another process holds the fund's head: nothing is written until the block ends."""
    database = Database(fund.settings.database)
    try:
        with database.write() as connection:
            if database.dialect != "sqlite":
                connection.execute(text("SELECT 1 FROM heads FOR UPDATE"))
            yield
    finally:
        database.close()


def test_an_open_fund_is_not_opened_again_under_any_key(fund: Service, attacker: Attacker) -> None:
    charter = a_charter(fund=fund.fund)

    with nothing_recorded(fund):
        answers = [attacker.post(TRUSTEE, "/v1/funds", charter) for _ in range(3)]

    assert [wrong(answer, 409, "already_exists") for answer in answers] == [""] * 3


def test_the_opening_of_a_fund_can_be_repeated_like_every_request(
    service: Service,
) -> None:
    with closing(Attacker(service)) as attacker:
        first = attacker.post(TRUSTEE, "/v1/funds", a_charter(), Idempotency_Key="open")
        again = attacker.post(TRUSTEE, "/v1/funds", a_charter(), Idempotency_Key="open")

    assert (again.status, again.body) == (201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert size_of(service) == 1


def test_a_fund_is_opened_once_however_many_try(service: Service) -> None:
    answers = at_once(service, [posting(TRUSTEE, "/v1/funds", a_charter())] * 20)

    assert Counter(answer.status for answer in answers) == {201: 1, 409: 19}
    assert size_of(service) == 1
