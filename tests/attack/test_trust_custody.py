"""Keys that have stopped speaking, keys that nobody introduced, what follows the end of a log."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.audit.report import Pins, Report
from app.audit.verify import verify
from app.chain.checkpoint import Checkpoint
from app.chain.jws import sign_detached
from app.chain.note import Note, NoteKey
from app.chain.policy import Policy
from app.chain.spelling import write_base64
from app.client import Refused
from app.domain.values import Role
from app.runtime.settings import LOCAL_ORIGIN
from app.trust.attestations import introduction_message
from app.trust.ledger_keys import EXPORT, LOG, LedgerKeys, add_key, load_keys
from tests.support.attack.trust import (
    a_stranger,
    copied,
    note_of,
    one_more,
    small_bundle,
)
from tests.support.authority import Authority
from tests.support.builders import AUDITOR, TRUSTEE, Person, a_ballot, a_pledge, money, treasury
from tests.support.service import Service, running, settings_of
from tests.support.tampering import Bundle, made_by

ORIGIN = f"{LOCAL_ORIGIN}/test-fund"


def decided(service: Service, subject: dict[str, Any]) -> None:
    """Both governments want it."""
    body = {"title": "Custody", "subject": subject}
    made = service.post(TRUSTEE, "/proposals", body)["entry"]["derived"]["proposal_id"]
    digest = service.get(AUDITOR, f"/votes/{made}")["digest"]
    for party in ("DE", "FR"):
        voter = Person(party, Role.TREASURY_APPROVER)
        service.post(voter, f"/votes/{made}/ballots", a_ballot(made, digest))


def opened(service: Service) -> None:
    service.open()
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    with suppress(Refused):
        service.post(TRUSTEE, "/pledges", a_pledge(money(1)))  # for the second log


def introduced(keys: LedgerKeys) -> dict[str, Any]:
    old, _ = (NoteKey(ORIGIN, key) for key in keys.log)
    subject = had(keys)
    word = old.sign(introduction_message(ORIGIN, subject["vkey"]))
    return {**subject, "introduction": write_base64(word)}


def compromised(keys: LedgerKeys) -> dict[str, Any]:
    return {**had(keys), "trusted_through": 2}


def had(keys: LedgerKeys) -> dict[str, Any]:
    """The new key, and its own word that somebody has it."""
    _, new = (NoteKey(ORIGIN, key) for key in keys.log)
    vkey = str(new.verifier)
    word = write_base64(new.sign(introduction_message(ORIGIN, vkey)))
    return {"kind": "log_key", "vkey": vkey, "possession": word}


def rotated(folder: Path, template: Path, change: Callable[[LedgerKeys], dict[str, Any]]) -> Bundle:
    """A fund whose log and exports are signed by their second keys."""
    settings = settings_of(folder, template)
    with running(settings) as service:
        opened(service)
    for purpose in (LOG, EXPORT):
        add_key(settings.keys_dir, purpose)
    keys = load_keys(settings.keys_dir, LOCAL_ORIGIN, create=False)
    with running(settings) as service:
        for _ in range(10):
            service.key()  # those that the first server has answered
        decided(service, change(keys))
        decided(service, {"kind": "export_key", "kid": keys.export_kid})
        service.post(treasury("DE"), "/pledges", a_pledge(money(2)))
        return made_by(service, folder)


@pytest.fixture(scope="module")
def replaced(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return rotated(tmp_path_factory.mktemp("replaced"), sqlite_template, introduced)


@pytest.fixture(scope="module")
def stolen(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return rotated(tmp_path_factory.mktemp("stolen"), sqlite_template, compromised)


@pytest.fixture(scope="module")
def ended(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    def fill(service: Service) -> None:
        opened(service)
        decided(service, {"kind": "closing", "reason": "Over", "successor": "next-fund"})

    return small_bundle(tmp_path_factory.mktemp("ended"), sqlite_template, fill)


def key_of(bundle: Bundle, place: int) -> NoteKey:
    return NoteKey(ORIGIN, bundle.keys.log[place])


def trusting(bundle: Bundle, *places: int) -> Report:
    """What somebody finds whose trust file names these keys."""
    lines = "".join(f"log {key_of(bundle, place).verifier}\n" for place in places)
    return verify(bundle.write(), Policy.parse(f"{lines}quorum none\n".encode()))


def signed_by(bundle: Bundle, key: NoteKey, lines: list[bytes] | None = None) -> Bundle:
    """A copy under this key's checkpoint; the manifest is signed by the key that has to."""
    made = copied(bundle)
    made.lines = lines if lines is not None else made.lines
    made.files["checkpoint"] = note_of(made.lines, key)
    said = Checkpoint.parse(Note.parse(made.files["checkpoint"]).text)
    made.resign(to=said.size, tree_size=said.size, root=said.root.hex())
    return made


def checks(report: Report) -> set[int]:
    return {problem.check for problem in report.problems}


@pytest.mark.parametrize("trusted", [(0,), (1,), (0, 1)])
def test_a_key_that_the_one_before_it_introduced_speaks(
    replaced: Bundle, trusted: tuple[int, ...]
) -> None:
    report = trusting(replaced, *trusted)

    assert report.problems == []
    assert report.signed_by == str(key_of(replaced, 1).verifier)


@pytest.mark.parametrize("trusted", [(0,), (1,), (0, 1)])
def test_an_old_key_speaks_no_more(replaced: Bundle, trusted: tuple[int, ...]) -> None:
    assert 3 in checks(trusting(signed_by(replaced, key_of(replaced, 0)), *trusted))


def test_a_new_key_does_not_speak_for_what_came_before_it(replaced: Bundle) -> None:
    before = replaced.lines[: replaced.first("log_key.changed") - 4]
    early = signed_by(replaced, key_of(replaced, 1), before)

    assert 3 in checks(trusting(early, 0))
    assert 3 in checks(trusting(early, 0, 1))
    assert 9 in checks(trusting(early, 1))


def test_an_old_export_key_signs_no_manifest_any_more(replaced: Bundle) -> None:
    made = copied(replaced)
    body, old = made.files["manifest.json"], made.keys.export[0]
    header = {"typ": "fund-ledger-export+jws", "fund": "test-fund"}
    made.files["manifest.jws"] = sign_detached(body, old, header).encode()

    assert checks(trusting(made, 0)) == {8}


@pytest.mark.parametrize("by", ["the new key itself", "a stranger", "the old key, of another log"])
def test_a_key_is_introduced_by_the_one_before_it_alone(replaced: Bundle, by: str) -> None:
    made, old, new = copied(replaced), key_of(replaced, 0), key_of(replaced, 1)
    vkey = str(new.verifier)
    word = {
        "the new key itself": new.sign(introduction_message(ORIGIN, vkey)),
        "a stranger": a_stranger(old).sign(introduction_message(ORIGIN, vkey)),
        "the old key, of another log": old.sign(introduction_message(f"{ORIGIN}-2", vkey)),
    }[by]
    seq = made.first("proposal.opened")
    subject = {**made.entry(seq)["data"]["subject"], "introduction": write_base64(word)}
    made.change(seq, lambda entry: entry["data"].update(subject=subject))
    made.rechain()

    report = trusting(signed_by(made, new), 0)

    assert report.first is not None
    assert (report.first.check, report.first.seq) == (5, seq)
    assert "attestation_false" in report.first.why


def test_nobody_changes_the_key_without_a_decision(replaced: Bundle) -> None:
    made = copied(replaced)
    lines, stranger = made.lines, a_stranger(key_of(made, 0))
    changed = made.entry(made.first("log_key.changed"))
    derived = {**changed["derived"], "vkey": str(stranger.verifier)}
    more = one_more(lines, type=changed["type"], by=changed["by"], data={}, derived=derived)

    report = trusting(signed_by(made, stranger, [*lines, more]), 0)

    assert report.first is not None
    assert (report.first.check, report.first.seq) == (5, len(lines))


def test_who_trusts_a_compromised_key_alone_cannot_tell(stolen: Bundle) -> None:
    report = trusting(stolen, 0)

    assert report.result == "cannot_tell"
    assert [p.seq for p in report.problems] == [stolen.first("log_key.changed")]
    assert trusting(stolen, 1).problems == []


@pytest.mark.parametrize("trusted", [(0,), (1,), (0, 1)])
def test_a_compromised_key_speaks_no_more(stolen: Bundle, trusted: tuple[int, ...]) -> None:
    """And whoever has only the old one is not told that all is well."""
    report = trusting(signed_by(stolen, key_of(stolen, 0)), *trusted)

    assert report.result != "ok"
    assert 3 in checks(report)


# -- the end ---------------------------------------------------------------------------------------


def test_a_log_that_has_ended_says_so(ended: Bundle) -> None:
    report = ended.report()

    assert (report.problems, report.closed) == ([], True)


@pytest.mark.parametrize("kind", ["pledge.announced", "checkpoint.stamped", "log.closed"])
def test_nothing_stands_behind_the_end(ended: Bundle, kind: str) -> None:
    made = copied(ended)
    last = made.entry(len(made.lines) - 1)
    stamp = Authority(made.folder / "authority").stamp(_first_checkpoint(made).encode())
    root = Checkpoint.parse(_first_checkpoint(made)).root.hex()
    members: dict[str, dict[str, Any]] = {
        "pledge.announced": {},
        "checkpoint.stamped": {
            "by": last["by"],
            "data": {"size": 1, "root": root, "token": write_base64(stamp)},
            "derived": None,
        },
        "log.closed": {name: last[name] for name in ("by", "data", "derived")},
    }
    made.lines = [*made.lines, one_more(made.lines, type=kind, **members[kind])]
    made.resign(log=True)

    first = made.report().first

    assert first is not None
    assert (first.check, first.seq) == (5, len(made.lines) - 1)
    assert ("nothing brought" if kind == "log.closed" else "log_is_closed") in first.why


def _first_checkpoint(bundle: Bundle) -> str:
    return Note.parse(note_of(bundle.lines[:1], key_of(bundle, 0))).text


def test_a_successor_names_how_its_predecessor_ended(
    ended: Bundle, sqlite_template: Path, tmp_path: Path
) -> None:
    before = ended.report()
    named = {"origin": before.origin, "root": before.root, "size": before.size}

    def after(root: str) -> Bundle:
        folder = tmp_path / root
        folder.mkdir()
        succeeds = {**named, "root": root}
        return small_bundle(folder, sqlite_template, lambda service: _only_open(service, succeeds))

    true, false = after(before.root), after("01" * 32)
    cut = signed_by(ended, key_of(ended, 0), ended.lines[:3])

    assert verify(true.write(), true.policy(), Pins(predecessor=before)).problems == []
    for successor, predecessor in (
        (false, before),
        (true, replace(before, size=before.size - 1)),
        (true, replace(before, origin=f"{ORIGIN}-2")),
        (true, replace(before, closed=False)),
        (true, verify(cut.write(), cut.policy())),
    ):
        report = verify(successor.write(), successor.policy(), Pins(predecessor=predecessor))
        assert [(p.check, p.seq) for p in report.problems] == [(12, 0)]


def _only_open(service: Service, succeeds: dict[str, Any]) -> None:
    service.open(succeeds=succeeds)
