"""Checkpoints on the record: by whom, how many, how new; and what a release waits for."""

from typing import Any

import pytest

from app.domain.charter.attested import AttestedCheckpoint
from app.domain.event import Event
from app.domain.governance.checkpoints import (
    RecordRecovery,
    RecordStamp,
    RecordWitnessed,
    require_witnessed,
)
from app.domain.governance.log_keys import Log
from app.domain.outflow.disbursements import Disbursement
from app.domain.values import Role
from tests.support.builders import TRUSTEE, money
from tests.support.domain import DIGEST, Door, lines, refused, replayed, said
from tests.support.governance import ONE, TWO, with_a_key
from tests.support.paper import LEDGER

NAMES = ("no.example/w", "de.example/w", "uk.example/w")
WITNESSES = [f"{name}+0000000{n}+{'A' * 44}" for n, name in enumerate(NAMES)]
TWO_OF_THREE = {"witnesses": WITNESSES, "quorum": 2}


def watched() -> Door:
    """A fund whose releases wait for two of three witnesses, with money in it."""
    paper = Door()
    paper.open(witnessing=TWO_OF_THREE)
    paper.paid(paper.agreed("DE", money(100)), money(100))
    return paper


def witnessed(paper: Door, size: int, *names: str) -> Event:
    body = {"size": size, "root": DIGEST, "cosignatures": [cosigned(name) for name in names]}
    return paper.do(LEDGER, RecordWitnessed.model_validate(body))


def cosigned(name: str) -> dict[str, str]:
    return {"witness": name, "signature": "AAAA"}


def stamped(paper: Door, size: int) -> Event:
    return paper.do(LEDGER, RecordStamp(size=size, root=DIGEST, token="AAAA"))


def confirmed(paper: Door, *statements: tuple[str, str, int], size: int | None = None) -> Event:
    """Parties, each with a key and the size that it knows, confirm a recovery."""
    body = {
        "size": len(paper.log) if size is None else size,
        "root": DIGEST,
        "reason": "An old backup was restored",
        "statements": [
            {"party": party, "kid": kid, "size": known, "root": DIGEST, "jws": "a..b"}
            for party, kid, known in statements
        ],
    }
    return paper.do(LEDGER, RecordRecovery.model_validate(body))


def test_the_quorums_cosignatures_are_put_on_record() -> None:
    paper = watched()

    witnessed(paper, 3, *NAMES[:2])

    assert paper.book.get(Log).witnessed == AttestedCheckpoint(size=3, root=DIGEST)
    assert said(paper, "checkpoint.witnessed") == (
        "The log of 3 entries was cosigned by no.example/w, de.example/w."
    )
    assert lines(paper, "checkpoint.witnessed") == {}
    assert replayed(paper) == paper.book


@pytest.mark.parametrize(
    "names",
    [NAMES[:1], (NAMES[0], NAMES[0]), (NAMES[0], "other.example/w"), (*NAMES[:2], NAMES[1])],
)
def test_fewer_than_the_quorum_a_stranger_or_one_twice_is_no_quorum(names: tuple[str, ...]) -> None:
    paper = watched()

    with refused(paper, "not_witnessed"):
        witnessed(paper, 3, *names)


def test_what_is_put_on_record_is_newer_and_of_this_log() -> None:
    paper = watched()
    witnessed(paper, 3, *NAMES)

    with refused(paper, "already_exists", "3"):
        witnessed(paper, 3, *NAMES)
    with refused(paper, "stale_proposal"):
        witnessed(paper, len(paper.log) + 1, *NAMES)


def test_a_charter_without_witnesses_records_none() -> None:
    paper = Door()
    paper.open()

    with refused(paper, "not_found"):
        witnessed(paper, 1, *NAMES)
    require_witnessed(paper.book, 0)


def test_a_release_waits_until_the_log_with_its_decision_was_witnessed() -> None:
    paper = watched()
    request = paper.approved(paper.requested(money(10)))
    reserved = paper.book.get(Disbursement, request.disbursement_id).reserved_seq
    assert reserved is not None

    with refused(paper, "not_witnessed", f"entry {reserved}"):
        paper.instructed(request)
    witnessed(paper, reserved, *NAMES)
    with refused(paper, "not_witnessed", f"entry {reserved}"):
        paper.instructed(request)
    witnessed(paper, reserved + 1, *NAMES)

    paper.settled(paper.instructed(request))
    assert replayed(paper) == paper.book


def test_a_charter_cannot_ask_for_more_witnesses_than_it_names() -> None:
    with pytest.raises(ValueError, match="no more witnesses"):
        Door().open(witnessing={"witnesses": WITNESSES, "quorum": 4})


def test_a_stamp_is_put_on_record_once_for_each_size() -> None:
    paper = watched()

    stamped(paper, 2)

    assert paper.book.get(Log).stamped == AttestedCheckpoint(size=2, root=DIGEST)
    assert said(paper, "checkpoint.stamped") == "A time authority stamped the log of 2 entries."
    assert lines(paper, "checkpoint.stamped") == {}
    with refused(paper, "already_exists"):
        stamped(paper, 2)
    with refused(paper, "stale_proposal"):
        stamped(paper, 99)
    assert replayed(paper) == paper.book


def test_a_recovery_takes_the_quorum_of_governments_with_keys_of_theirs() -> None:
    paper = with_a_key()

    confirmed(paper, ("DE", ONE, 1))

    assert said(paper, "log.recovered") == (
        "The log was restored to 2 entries, as DE confirm: An old backup was restored"
    )
    assert lines(paper, "log.recovered") == {}
    assert replayed(paper) == paper.book


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        ([("DE", TWO, 1)], "key_not_valid"),
        ([("FR", ONE, 1)], "key_not_valid"),
        ([("DE", ONE, 1), ("DE", ONE, 2)], "wrong_party"),
        ([("TRUSTEE", ONE, 1)], "wrong_party"),
        ([("DE", ONE, 99)], "stale_proposal"),
    ],
)
def test_statements_of_others_or_of_another_log_confirm_nothing(
    statements: list[tuple[str, str, int]], code: str
) -> None:
    paper = with_a_key()

    with refused(paper, code):
        confirmed(paper, *statements)


def test_a_recovery_says_how_long_the_log_is() -> None:
    paper = with_a_key()

    with refused(paper, "stale_proposal", "2 entries"):
        confirmed(paper, ("DE", ONE, 1), size=1)


def test_only_the_ledger_itself_records_what_outsiders_attest() -> None:
    paper = watched()
    body: dict[str, Any] = {"size": 1, "root": DIGEST, "token": "AAAA"}
    command = RecordStamp.model_validate(body)

    assert command.in_role(paper.book, paper.actor(TRUSTEE)) is Role.LEDGER
    with refused(paper, "role_not_permitted"):
        paper.do(TRUSTEE, command)
