"""The second log: what was refused and what was exported, signed like the first, and limited."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.chain.canonical import encode
from app.chain.checkpoint import Checkpoint, open_checkpoint
from app.chain.tree import Frontier, leaf_hash
from app.domain.values import Role
from app.runtime import clock
from app.runtime.settings import Settings
from tests.support import tampering
from tests.support.attack.hostile import Answer, Attacker, fresh_key, nothing_recorded, size_of
from tests.support.builders import (
    AUDITOR,
    REQUESTER,
    Person,
    a_pledge,
    an_approval,
    money,
    treasury,
)
from tests.support.service import Service, running
from tests.support.tampering import Bundle

LEGAL = Person("DE", Role.LEGAL_REVIEWER)
RELEASE = Person("DE", Role.TREASURY_APPROVER)
SECOND_CHECKPOINT = "access/checkpoint"
SECOND_ENTRIES = "access/entries/00000000.jsonl"


def access(service: Service) -> list[dict[str, Any]]:
    """The whole second log."""
    entries, path = list[dict[str, Any]](), f"{service.path}/access?limit=500"
    while path:
        found = service.client(AUDITOR).get(path)
        entries, path = [*entries, *found["items"]], found.get("next") or ""
    return entries


def what(entries: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Type, party, operation and code of each."""
    return [
        (one["type"], one["by"]["party"], one["data"].get("op", ""), one["data"].get("code", ""))
        for one in entries
    ]


def refused(service: Service, who: Person, count: int = 1) -> None:
    """Ask so many times for something that is not allowed."""
    body = a_pledge(money(1), "nowhere")
    for _ in range(count):
        assert service.raw(who, "POST", f"{service.path}/pledges", json=body).status_code == 422


def leaves(entries: list[dict[str, Any]]) -> list[bytes]:
    return [leaf_hash(encode(entry)) for entry in entries]


@pytest.fixture
def attacker(fund: Service) -> Iterator[Attacker]:
    with closing(Attacker(fund)) as one:
        yield one


def test_every_refused_attempt_is_on_the_record_with_who_what_and_why(
    fund: Service, attacker: Attacker
) -> None:
    fund.post(
        Person("UA", Role.ADMIN),
        "/members",
        {"subject": "ua-second", "roles": ["requester"]},
    )
    identifier = fund.requested(money(5))
    digest = fund.get(REQUESTER, f"/disbursements/{identifier}")["disbursement"]["digest"]
    path = f"/disbursements/{identifier}/approvals"
    fund.approved(identifier, but=1)
    ((last, _, last_body),) = fund.waiting(identifier)
    later = fund.requested(money(6))
    later_digest = fund.get(REQUESTER, f"/disbursements/{later}")["disbursement"]["digest"]
    later_path = f"/disbursements/{later}/approvals"
    out_of_turn = an_approval(later, "treasury_release", later_digest)
    review = an_approval(later, "legal_review", later_digest)
    attempts: list[tuple[Person, str, dict[str, Any], str, str, dict[str, str]]] = [
        (RELEASE, later_path, out_of_turn, "step_not_open", "approval.given", {}),
        (REQUESTER, later_path, review, "separation_of_duties", "approval.given", {}),
        (last, path, last_body, "insufficient_funds", "approval.given", {}),
        (
            LEGAL,
            later_path,
            review,
            "signature_mismatch",
            "approval.given",
            {"X_JWS_Signature": "e30..AAAA"},
        ),
        (
            LEGAL,
            path,
            an_approval(identifier, "legal_review", digest),
            "already_decided",
            "approval.given",
            {},
        ),
        (AUDITOR, "/pledges", a_pledge(money(1)), "role_not_permitted", "pledge.announced", {}),
    ]
    sent = list[bytes]()

    with nothing_recorded(fund):
        answers: list[Answer] = []
        for who, where, body, _, _, headers in attempts:
            raw = json.dumps(body).encode()
            sent.append(hashlib.sha256(f"POST {fund.path}{where}\n".encode() + raw).digest())
            answers.append(attacker.post(who, where, raw, **headers))

    entries = access(fund)
    steps = ["treasury_release", "legal_review", last_body["step"], "legal_review", "legal_review"]
    ids = [later, later, identifier, later, identifier]
    abouts = [
        {"disbursement_id": of, "step": step, "decision": "approve"}
        for of, step in zip(ids, steps, strict=True)
    ]
    assert [entry["data"]["about"] for entry in entries] == [*abouts, {}]
    assert [answer.code for answer in answers] == [code for *_, code, _, _ in attempts]
    assert what(entries) == [
        ("access.refused", who.party, op, code) for who, _, _, code, op, _ in attempts
    ]
    assert [entry["by"]["subject"] for entry in entries] == [who.subject for who, *_ in attempts]
    assert [entry["data"]["request"] for entry in entries] == [digest.hex() for digest in sent]
    assert [entry["seq"] for entry in entries] == list(range(len(attempts)))


def test_each_refused_command_of_a_batch_is_on_the_record(
    fund: Service, attacker: Attacker
) -> None:
    items = [
        {"op": "pledge.announced", "key": fresh_key(), "data": a_pledge(money(1), window)}
        for window in ("budget", "nowhere", "defence", "nowhere")
    ]

    each = attacker.post(treasury("DE"), "/batches?mode=each", items)
    atomic = attacker.post(
        treasury("DE"), "/batches", [{**one, "key": fresh_key()} for one in items]
    )

    refusal = ("access.refused", "DE", "pledge.announced", "unknown_window")
    assert (each.status, atomic.status) == (200, 422)
    assert what(access(fund)) == [refusal] * 3


def test_what_is_malformed_or_of_no_fund_is_not_an_attempt(alone: Service) -> None:
    with closing(Attacker(alone)) as attacker:
        attacker.post(treasury("DE"), "/pledges", b"{")
        attacker.post(treasury("DE"), "/pledges", {"window": 7})
        attacker.post(treasury("DE"), "/v1/funds/absent/pledges", a_pledge(money(1)))
        attacker.post(treasury("DE"), "/pledges", a_pledge(money(1)))

    assert access(alone) == []
    assert alone.raw(AUDITOR, "GET", f"{alone.path}/access/checkpoint").status_code == 404
    assert alone.client(AUDITOR).get("/v1/funds")["items"] == ["test-fund"]


def test_every_export_is_on_the_record_with_its_size(fund: Service, tmp_path: Path) -> None:
    fund.export(tmp_path / "b.zip")

    (entry,) = access(fund)

    assert (entry["type"], entry["by"]["party"]) == ("access.exported", REQUESTER.party)
    assert entry["data"] == {"export": "audit", "from": 0, "size": size_of(fund)}


def test_the_second_log_has_a_signed_checkpoint_of_its_own(fund: Service) -> None:
    refused(fund, treasury("DE"), 3)
    entries = access(fund)
    log = fund.inside.notary.keys.of_log(fund.fund).verifier
    name = f"{log.name}/access"

    note = httpx.get(f"{fund.address}{fund.path}/access/checkpoint").content

    checkpoint = open_checkpoint(note, replace(log, name=name))
    hashes = leaves(entries)
    assert (checkpoint.origin, checkpoint.size) == (name, 3)
    assert checkpoint.root == Frontier().extend(hashes)[0].root()
    assert [entry["prev"] for entry in entries] == ["0" * 64, *(h.hex() for h in hashes[:-1])]
    assert {entry["fund"] for entry in entries} == {fund.fund}


# -- limits ----------------------------------------------------------------------------------------


def at(service: Service, hours: int, patch: pytest.MonkeyPatch) -> None:
    """Let it be half past for the second log, so many hours from now."""
    moment = clock.now().replace(minute=30) + timedelta(hours=hours)
    guard = service.inside.ledger.access._clock
    patch.setattr(guard, "require_sound", lambda _: moment)


def test_a_party_fills_its_share_of_an_hour_and_no_more(
    fund: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ledger.access_log.MAX_PER_HOUR", 5)
    at(fund, 0, monkeypatch)

    refused(fund, treasury("DE"), 4)
    with nothing_recorded(fund):
        refused(fund, treasury("DE"), 8)
    refused(fund, treasury("FR"), 2)
    at(fund, 1, monkeypatch)
    refused(fund, treasury("DE"))

    entries = access(fund)
    types = [(entry["by"]["party"], entry["type"]) for entry in entries]
    assert types == [
        *[("DE", "access.refused")] * 4,
        ("DE", "access.limited"),
        *[("FR", "access.refused")] * 2,
        ("DE", "access.refused"),
    ]
    assert entries[4]["data"] == {"until": f"{entries[4]['at'][:13]}:59:59.999999Z"}


def test_the_hours_count_is_still_known_after_a_restart(
    service_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ledger.access_log.MAX_PER_HOUR", 5)
    with running(service_settings) as service:
        service.open()
        at(service, 0, monkeypatch)
        refused(service, treasury("DE"), 3)

    with running(service_settings) as again:
        at(again, 0, monkeypatch)
        refused(again, treasury("DE"), 5)

        types = [entry["type"] for entry in access(again)]
        assert types == [*["access.refused"] * 4, "access.limited"]


# -- in the bundle ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """The bundle of a fund in which three attempts were refused, and an export made."""
    folder = tmp_path_factory.mktemp("access")
    shutil.copy(sqlite_template, folder / "ledger.db")
    settings = Settings(database_url=f"sqlite:///{folder / 'ledger.db'}", data_dir=folder)
    with running(settings) as service:
        service.open()
        refused(service, treasury("DE"), 2)
        service.export(folder / "first.zip")
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
        refused(service, treasury("FR"))
        yield tampering.made_by(service, folder)


@pytest.fixture
def bundle(made: Bundle, tmp_path: Path) -> Bundle:
    return Bundle(dict(made.files), made.keys, tmp_path)


def second(bundle: Bundle) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bundle.files[SECOND_ENTRIES].splitlines()]


def put(bundle: Bundle, entries: list[dict[str, Any]], *, sign: bool = False) -> None:
    """Other entries in the second log; with `sign`, under a checkpoint of the log's own key."""
    lines = [encode(entry) for entry in entries]
    bundle.files[SECOND_ENTRIES] = b"".join(line + b"\n" for line in lines)
    if sign:
        key = bundle.keys.of_log("test-fund")
        key = replace(key, name=f"{key.name}/access")
        tree = Frontier().extend(map(leaf_hash, lines))[0]
        note = Checkpoint(key.name, tree.size, tree.root()).note().signed_by(key)
        bundle.files[SECOND_CHECKPOINT] = note.to_bytes()
    bundle.resign()


def rechained(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    prev, chained = "0" * 64, list[dict[str, Any]]()
    for seq, entry in enumerate(entries):
        chained.append({**entry, "seq": seq, "prev": prev})
        prev = leaf_hash(encode(chained[-1])).hex()
    return chained


def test_the_verifier_checks_the_second_log_too(bundle: Bundle) -> None:
    report = bundle.report()

    assert (report.problems, report.access_entries) == ([], 4)
    kinds = [entry["type"] for entry in second(bundle)]
    assert kinds == [*["access.refused"] * 2, "access.exported", "access.refused"]


def a_changed_byte(bundle: Bundle) -> None:
    raw = bundle.files[SECOND_ENTRIES]
    bundle.files[SECOND_ENTRIES] = raw.replace(b"unknown_window", b"unknown_windov", 1)
    bundle.resign()


def a_changed_byte_that_no_digest_hides(bundle: Bundle) -> None:
    raw = bundle.files[SECOND_ENTRIES]
    bundle.files[SECOND_ENTRIES] = raw.replace(b"unknown_window", b"unknown_windov", 1)


def a_dropped_line(bundle: Bundle) -> None:
    put(bundle, [*second(bundle)[:1], *second(bundle)[2:]])


def a_dropped_line_chained_anew(bundle: Bundle) -> None:
    put(bundle, rechained([*second(bundle)[:1], *second(bundle)[2:]]))


def a_dropped_end(bundle: Bundle) -> None:
    put(bundle, second(bundle)[:-1])


def a_line_too_many(bundle: Bundle) -> None:
    put(bundle, rechained([*second(bundle), second(bundle)[-1]]))


def a_line_of_another_fund(bundle: Bundle) -> None:
    """Even with the log's own key."""
    entries = second(bundle)
    entries[1]["fund"] = "another-fund"
    put(bundle, rechained(entries), sign=True)


def an_entry_of_the_first_log(bundle: Bundle) -> None:
    entries = second(bundle)
    entries[1] = {**bundle.entry(1), "at": entries[1]["at"], "id": entries[1]["id"]}
    put(bundle, rechained(entries), sign=True)


def the_first_logs_checkpoint(bundle: Bundle) -> None:
    bundle.files[SECOND_CHECKPOINT] = bundle.files["checkpoint"]
    bundle.resign()


def no_entries(bundle: Bundle) -> None:
    del bundle.files[SECOND_ENTRIES]
    bundle.resign()


def no_checkpoint(bundle: Bundle) -> None:
    del bundle.files[SECOND_CHECKPOINT]
    bundle.resign()


@pytest.mark.parametrize(
    ("tamper", "checks"),
    [
        (a_changed_byte, {10}),
        (a_changed_byte_that_no_digest_hides, {7, 10}),
        (a_dropped_line, {10}),
        (a_dropped_line_chained_anew, {10}),
        (a_dropped_end, {10}),
        (a_line_too_many, {10}),
        (a_line_of_another_fund, {10}),
        (an_entry_of_the_first_log, {10}),
        (the_first_logs_checkpoint, {10}),
        (no_entries, {10}),
        (no_checkpoint, {7}),
    ],
)
def test_a_second_log_that_was_changed_is_found(
    bundle: Bundle, tamper: Callable[[Bundle], None], checks: set[int]
) -> None:
    tamper(bundle)

    report = bundle.report()

    assert (report.result, {problem.check for problem in report.problems}) == ("wrong", checks)
    assert [problem for problem in report.problems if problem.seq is not None] == []
