"""Batches: many commands in one request, each recorded once, all proven by one receipt."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from app.audit.format.archive import CannotTell
from app.audit.receipt import verify_answer
from app.chain.canonical import encode
from app.chain.checkpoint import open_checkpoint
from app.chain.policy import Policy
from app.chain.proof import TlogProof
from app.chain.tree import ProofError, leaf_hash, verify_inclusion
from app.domain.values import Role
from tests.support.attack.hostile import (
    Answer,
    Attacker,
    assert_refused,
    fresh_key,
    nothing_recorded,
    size_of,
)
from tests.support.builders import (
    TRUSTEE,
    Person,
    a_pledge,
    a_receipt,
    an_agreement,
    money,
    treasury,
    valued,
)
from tests.support.service import Service
from tests.support.steps import agreed, day

DE = treasury("DE")
LINES = {"Content_Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def opened(shared: Service) -> Service:
    shared.open(**valued())
    return shared


@pytest.fixture
def attacker(opened: Service) -> Iterator[Attacker]:
    with closing(Attacker(opened)) as one:
        yield one


def a_command(op: str, data: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    return {"op": op, "key": key or fresh_key(), "data": data}


def pledges(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Commands that announce 1.00, 2.00, 3.00 and so on."""
    data = [{**a_pledge(money(number)), **changes} for number in range(1, count + 1)]
    return [a_command("pledge.announced", one) for one in data]


def lines_of(commands: list[Any]) -> bytes:
    return b"".join(json.dumps(command).encode() + b"\n" for command in commands)


def send(attacker: Attacker, commands: Any, mode: str = "atomic", who: Person = DE) -> Answer:
    return attacker.post(who, f"/batches?mode={mode}", commands)


def entries_of(answer: Answer) -> list[dict[str, Any]]:
    """Every entry that was answered, in the order of the answer."""
    return [
        entry
        for result in answer.content["results"]
        if "entry" in result
        for entry in (result["entry"], *result["consequences"])
    ]


def policy_of(service: Service) -> Policy:
    vkey = service.inside.notary.keys.of_log("test-fund").verifier
    return Policy.parse(f"log {vkey}\nquorum none\n".encode())


@pytest.mark.parametrize("mode", ["atomic", "each"])
@pytest.mark.parametrize("form", ["array", "lines"])
def test_every_command_is_answered_in_its_place(
    opened: Service, attacker: Attacker, mode: str, form: str
) -> None:
    commands, before = pledges(7), size_of(opened)
    body, headers = (commands, {}) if form == "array" else (lines_of(commands), LINES)

    answer = attacker.post(DE, f"/batches?mode={mode}", body, **headers)

    results = answer.content["results"]
    assert answer.status == (201 if mode == "atomic" else 200)
    assert [result["key"] for result in results] == [command["key"] for command in commands]
    assert [result["entry"]["data"] for result in results] == [one["data"] for one in commands]
    seqs = [result["entry"]["seq"] for result in results]
    assert seqs == list(range(before, before + 7))
    assert {result["status"] for result in results} == {201}
    assert size_of(opened) == before + 7


def test_atomic_is_what_a_batch_is_unless_it_says_otherwise(
    opened: Service, attacker: Attacker
) -> None:
    commands = [*pledges(2), *pledges(1, window="nowhere")]

    with nothing_recorded(opened):
        answer = attacker.post(DE, "/batches", commands)

    assert_refused(answer, 422, "unknown_window")


def test_one_receipt_proves_the_last_entry_and_by_prev_each_before(
    opened: Service, attacker: Attacker
) -> None:
    agreement = agreed(opened, "DE", money(9))
    commands = pledges(4)
    data = a_receipt(agreement, money(9), fresh_key(), value_date=day(3))
    answer = send(attacker, [*commands, a_command("receipt.booked", data)])
    entries = entries_of(answer)

    # By hand: inclusion of the last one, then hash by hash to the first.
    receipt = TlogProof.parse(answer.content["receipt"])
    log = opened.inside.notary.keys.of_log("test-fund").verifier
    checkpoint = open_checkpoint(receipt.checkpoint, log)
    leaves = [leaf_hash(encode(entry)) for entry in entries]
    verify_inclusion(receipt.index, checkpoint.size, leaves[-1], receipt.path, checkpoint.root)
    assert receipt.index == entries[-1]["seq"]
    assert [entry["prev"] for entry in entries[1:]] == [leaf.hex() for leaf in leaves[:-1]]

    # And as the verifier does it.
    verified = verify_answer(answer.body, policy_of(opened))
    assert (verified.first, verified.seq) == (entries[0]["seq"], entries[-1]["seq"])


def test_the_receipt_covers_what_the_ledger_recorded_because_of_the_last_command(
    opened: Service, attacker: Attacker
) -> None:
    drafted = opened.post(DE, "/agreements", an_agreement(money(9)))["entry"]["derived"]
    identifier = drafted["agreement_id"]
    digest = opened.get(DE, f"/agreements/{identifier}")["digest"]
    signature = {"agreement_id": identifier, "digest": digest}
    opened.post(DE, f"/agreements/{identifier}/signatures", signature)

    answer = send(attacker, [a_command("agreement.signed", signature)], who=TRUSTEE)

    types = [entry["type"] for entry in entries_of(answer)]
    verified = verify_answer(answer.body, policy_of(opened))
    assert types == ["agreement.signed", "agreement.entered_into_force"]
    assert verified.seq == verified.first + 1


def test_a_changed_entry_of_a_batch_is_found(opened: Service, attacker: Attacker) -> None:
    answer = send(attacker, pledges(5))
    policy = policy_of(opened)

    for place in range(5):
        content = answer.content
        content["results"][place]["entry"]["by"]["subject"] = "somebody-else"
        with pytest.raises(ProofError):
            verify_answer(json.dumps(content).encode(), policy)
    swapped = answer.content
    first, second = swapped["results"][:2]
    first["entry"], second["entry"] = second["entry"], first["entry"]
    assert verify_answer(json.dumps(swapped).encode(), policy).seq > 0
    for nothing in ({"results": [], "receipt": swapped["receipt"]}, {"results": None}):
        with pytest.raises(CannotTell):
            verify_answer(json.dumps(nothing).encode(), policy)


def test_a_batch_sent_again_gets_the_first_answer(opened: Service, attacker: Attacker) -> None:
    commands = pledges(6)
    first = send(attacker, commands)

    with nothing_recorded(opened):
        again = [send(attacker, commands, mode) for mode in ("atomic", "each")]
        lines = attacker.post(DE, "/batches", lines_of(commands), **LINES)

    for answer in (*again, lines):
        results = answer.content["results"]
        assert [result.pop("replayed") for result in results] == [True] * 6
        assert results == first.content["results"]
        assert verify_answer(answer.body, policy_of(opened)).seq == entries_of(first)[-1]["seq"]


@pytest.mark.parametrize("mode", ["atomic", "each"])
def test_a_batch_of_which_half_was_recorded_before_records_the_rest(
    opened: Service, attacker: Attacker, mode: str
) -> None:
    commands, before = pledges(6), size_of(opened)
    half = send(attacker, commands[:3])

    whole = send(attacker, commands, mode)

    results = whole.content["results"]
    assert [result.get("replayed") for result in results] == [True] * 3 + [None] * 3
    assert entries_of(whole)[:3] == entries_of(half)
    assert size_of(opened) == before + 6
    # The first half stands right before the second here: one receipt proves both.
    assert verify_answer(whole.body, policy_of(opened)).first == before


def test_what_was_recorded_elsewhere_in_the_log_is_not_called_proven(
    opened: Service, attacker: Attacker
) -> None:
    commands = pledges(4)
    send(attacker, commands[:1])
    send(attacker, pledges(1))

    whole = send(attacker, commands)

    with pytest.raises(CannotTell, match="others were recorded earlier"):
        verify_answer(whole.body, policy_of(opened))


def test_the_receipt_is_that_of_the_newest_entry_wherever_its_command_stands(
    opened: Service, attacker: Attacker
) -> None:
    old, new = pledges(1), pledges(2)
    send(attacker, old)

    answer = send(attacker, [*new, *old])

    newest = max(entry["seq"] for entry in entries_of(answer))
    assert TlogProof.parse(answer.content["receipt"]).index == newest


def test_a_key_stands_for_one_command(opened: Service, attacker: Attacker) -> None:
    commands = pledges(3)
    send(attacker, commands)
    other = [{**commands[1], "data": a_pledge(money(99))}, *pledges(1)]
    renamed = {**commands[1], "op": "agreement.drafted", "data": an_agreement(money(1))}

    with nothing_recorded(opened):
        atomic = send(attacker, other)
        kind = send(attacker, [renamed])
    each = send(attacker, other, "each")

    assert_refused(atomic, 422, "idempotency_key_reused")
    assert_refused(kind, 422, "idempotency_key_reused")
    assert atomic.content["errors"][0]["pointer"] == "/0"
    assert [result["status"] for result in each.content["results"]] == [422, 201]
    assert each.content["results"][0]["problem"]["code"] == "idempotency_key_reused"


def test_the_order_of_members_does_not_make_another_command(
    opened: Service, attacker: Attacker
) -> None:
    commands = pledges(1)
    send(attacker, commands)
    turned = [{"data": dict(reversed(commands[0]["data"].items())), **commands[0]}]

    answer = attacker.post(DE, "/batches", json.dumps(turned, indent=2).encode())

    assert answer.content["results"][0]["replayed"] is True


def test_single_requests_and_batches_share_the_keys_of_a_party(
    opened: Service, attacker: Attacker
) -> None:
    data, single, many = a_pledge(money(1)), fresh_key(), fresh_key()
    attacker.post(DE, "/pledges", data, Idempotency_Key=single)
    send(attacker, [a_command("pledge.announced", data, many)])

    with nothing_recorded(opened):
        in_batch = send(attacker, [a_command("pledge.announced", data, single)])
        alone = attacker.post(DE, "/pledges", data, Idempotency_Key=many)
    french = send(attacker, [a_command("pledge.announced", data, many)], who=treasury("FR"))

    assert_refused(in_batch, 422, "idempotency_key_reused")
    assert_refused(alone, 422, "idempotency_key_reused")
    assert "replayed" not in french.content["results"][0]


@pytest.mark.parametrize("place", [0, 3, 6])
def test_one_refusal_among_many_and_nothing_is_recorded(
    opened: Service, attacker: Attacker, place: int
) -> None:
    commands = pledges(6)
    commands.insert(place, pledges(1, window="nowhere")[0])

    with nothing_recorded(opened):
        refused = send(attacker, commands)
    commands[place]["data"] = a_pledge({"amount": "1.5", "currency": "EUR"})
    with nothing_recorded(opened):
        malformed = send(attacker, commands)

    assert_refused(refused, 422, "unknown_window")
    assert refused.content["errors"][0]["pointer"] == f"/{place}"
    assert_refused(malformed, 422, "currency_precision")
    assert malformed.content["errors"][0]["pointer"] == f"/{place}/data/amount"
    # Neither took a key with it.
    commands[place] = pledges(1)[0]
    assert send(attacker, commands).status == 201


def test_each_records_the_others_and_answers_as_their_own_routes_would(
    opened: Service, attacker: Attacker
) -> None:
    before = size_of(opened)
    commands = [
        pledges(1)[0],
        pledges(1, window="nowhere")[0],
        pledges(1, amount={"amount": 5, "currency": "EUR"})[0],
        a_command("agreement.drafted", {"window": "budget"}),
        a_command("disbursement.cancelled", {"disbursement_id": "x", "reason": "None"}),
        pledges(1, surprise="x")[0],
        pledges(1)[0],
    ]

    answer = send(attacker, commands, "each")
    none = send(attacker, commands[1:6], "each")

    results = answer.content["results"]
    codes = [result.get("problem", {}).get("code") for result in results]
    assert codes == [
        *(None, "unknown_window", "invalid_amount", "invalid_body", "invalid_body"),
        *("invalid_body", None),
    ]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/amount"
    assert size_of(opened) == before + 2
    assert verify_answer(answer.body, policy_of(opened)).first == before
    assert none.status == 200
    assert "receipt" not in none.content


def test_a_command_sees_what_those_before_it_have_done(opened: Service, attacker: Attacker) -> None:
    agreement = agreed(opened, "DE", money(10))
    parts = [
        a_command("receipt.booked", a_receipt(agreement, money(6), fresh_key(), value_date=day(2)))
        for _ in range(2)
    ]

    with nothing_recorded(opened):
        atomic = send(attacker, parts)
    each = send(attacker, parts, "each")

    assert_refused(atomic, 409, "exceeds_agreement")
    assert [result["status"] for result in each.content["results"]] == [201, 409]


def test_a_batch_is_its_senders_own(opened: Service, attacker: Attacker) -> None:
    agreement = agreed(opened, "FR", money(10))
    data = a_receipt(agreement, money(6), fresh_key(), value_date=day(2))
    commands = [*pledges(1), a_command("receipt.booked", data)]
    stranger = Person("XX", Role.TREASURY)

    with nothing_recorded(opened):
        foreign = send(attacker, commands)
        strange = [send(attacker, pledges(2), mode, stranger) for mode in ("atomic", "each")]
        role = send(attacker, commands, who=TRUSTEE)

    assert_refused(foreign, 403, "wrong_party")
    assert foreign.content["errors"][0]["pointer"] == "/1"
    for answer in strange:
        assert_refused(answer, 404, "not_found")
    assert_refused(role, 403, "role_not_permitted")
