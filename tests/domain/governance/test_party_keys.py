"""Keys: which speak for a party, from which entry on, through which entry, and only once."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.event import Event
from app.domain.governance.party_keys import (
    EndorseKey,
    Keyring,
    KeyState,
    PartyKey,
    RegisterKey,
    RevokeKey,
)
from app.domain.inflow.pledges import AnnouncePledge
from app.domain.refusals.people import KeyNotValid
from tests.support.builders import (
    PUBLIC_JWK,
    a_key_registration,
    a_pledge,
    money,
    treasury,
)
from tests.support.domain import DIGEST, Door, admin, funded, lines, refused, replayed, said
from tests.support.governance import ONE, THEIRS, THREE, TWO, registers, with_a_key
from tests.support.paper import digest_of

PLEDGE = AnnouncePledge.model_validate(a_pledge(money(1)))


def endorses(paper: Door, kid: str, party: str = "DE", *, by: str = "") -> Event:
    return paper.do(admin(party), EndorseKey(kid=kid), kid=by)


def revokes(
    paper: Door, kid: str = ONE, through: int = 0, party: str = "DE", *, by: str = ""
) -> Event:
    command = RevokeKey(kid=kid, trusted_through=through, reason="Stolen")
    return paper.do(admin(party), command, kid=by)


def the(paper: Door, kid: str) -> PartyKey:
    return paper.book.get(PartyKey, kid)


def active(paper: Door, party: str = "DE") -> tuple[str, ...]:
    return paper.book.get(Keyring, party).active


def with_one_waiting() -> Door:
    """And a second that waits."""
    paper = with_a_key()
    registers(paper, TWO)
    return paper


def test_the_first_key_of_a_party_counts_at_once() -> None:
    paper = with_a_key()

    found = the(paper, ONE)
    assert (found.party, found.state, found.endorsed_by) == ("DE", KeyState.ACTIVE, None)
    assert (found.registered_seq, found.active_seq, found.trusted_through) == (1, 1, None)
    assert found.jwk.model_dump() == PUBLIC_JWK
    assert active(paper) == (ONE,)
    assert lines(paper, "key.registered") == {}
    assert said(paper, "key.registered") == f"DE registered key {ONE}."
    paper.do(treasury("DE"), PLEDGE, kid=ONE)


def test_every_party_has_keys_of_its_own() -> None:
    paper = with_a_key()
    registers(paper, THEIRS, "FR")

    assert (active(paper), active(paper, "FR")) == ((ONE,), (THEIRS,))


def test_a_key_is_registered_by_an_entry_that_it_signs() -> None:
    paper = Door().open()

    with refused(paper, "signature_required", "key that it registers"):
        registers(paper, kid="")


def test_an_entry_registers_no_other_key_than_the_one_that_signed_it() -> None:
    paper = with_a_key()
    line = paper.log[-1]
    forged = line.event.read(line.event.data(), {"kid": TWO})

    with pytest.raises(KeyNotValid, match="another key than the one it registers"):
        forged.permit(paper.book, line.act)


def test_a_later_key_waits_and_does_not_speak_yet() -> None:
    paper = with_one_waiting()

    assert (the(paper, TWO).state, the(paper, TWO).active_seq) == (KeyState.PENDING, None)
    assert active(paper) == (ONE,)
    with refused(paper, "key_not_valid", "does not speak for your party"):
        paper.do(treasury("DE"), PLEDGE, kid=TWO)


def test_a_key_that_waits_is_endorsed_by_one_that_its_party_has() -> None:
    paper = with_one_waiting()
    endorses(paper, TWO, by=ONE)

    found = the(paper, TWO)
    assert (found.state, found.endorsed_by) == (KeyState.ACTIVE, "DE")
    assert found.active_seq == len(paper.log) - 1
    assert active(paper) == (ONE, TWO)
    assert said(paper, "key.endorsed") == f"DE endorsed key {TWO}."
    assert lines(paper, "key.endorsed") == {}
    for kid in (ONE, TWO):
        paper.do(treasury("DE"), PLEDGE, kid=kid)


def test_a_party_does_not_endorse_its_own_key_without_signing() -> None:
    paper = with_one_waiting()

    with refused(paper, "signature_required", "another party does"):
        endorses(paper, TWO)


def test_a_key_that_waits_does_not_endorse_itself() -> None:
    paper = with_one_waiting()

    with refused(paper, "key_not_valid"):
        endorses(paper, TWO, by=TWO)


def test_another_partys_endorsement_is_a_recovery_that_ends_all_earlier_keys() -> None:
    paper = with_one_waiting()
    endorses(paper, TWO, by=ONE)
    registers(paper, THREE)
    registers(paper, THEIRS, "FR")

    endorses(paper, THREE, "FR", by=THEIRS)

    seq = len(paper.log) - 1
    assert active(paper) == (THREE,)
    assert the(paper, THREE).endorsed_by == "FR"
    for kid in (ONE, TWO):
        assert (the(paper, kid).state, the(paper, kid).trusted_through) == (KeyState.REVOKED, seq)
        with refused(paper, "key_not_valid"):
            paper.do(treasury("DE"), PLEDGE, kid=kid)
    paper.do(treasury("DE"), PLEDGE, kid=THREE)
    assert replayed(paper) == paper.book


def test_another_party_signs_its_endorsement_with_a_key_of_its_own() -> None:
    paper = with_one_waiting()
    with refused(paper, "signature_required", "key of your own"):
        endorses(paper, TWO, "FR")
    registers(paper, THEIRS, "FR")

    with refused(paper, "signature_required", "key of your own"):
        endorses(paper, TWO, "FR")
    with refused(paper, "key_not_valid"):
        endorses(paper, TWO, "FR", by=ONE)

    endorses(paper, TWO, "FR", by=THEIRS)
    assert (active(paper), active(paper, "FR")) == ((TWO,), (THEIRS,))


def test_a_party_whose_only_key_was_revoked_is_helped_by_another() -> None:
    paper = with_a_key()
    revokes(paper, ONE)
    registers(paper, TWO)

    assert the(paper, TWO).state is KeyState.PENDING
    with refused(paper, "signature_required", "another party does"):
        endorses(paper, TWO)
    registers(paper, THEIRS, "FR")
    endorses(paper, TWO, "FR", by=THEIRS)
    assert active(paper) == (TWO,)
    assert the(paper, ONE).trusted_through == 0


@pytest.mark.parametrize(("kid", "state"), [(ONE, "active"), (THREE, "revoked")])
def test_a_key_that_does_not_wait_is_not_endorsed(kid: str, state: str) -> None:
    paper = with_a_key()
    registers(paper, THREE)
    revokes(paper, THREE)

    with refused(paper, "proposal_closed", state):
        endorses(paper, kid, "FR")


def test_a_key_that_was_revoked_signs_no_more() -> None:
    paper = with_a_key()
    revokes(paper, ONE)

    assert (the(paper, ONE).state, active(paper)) == (KeyState.REVOKED, ())
    assert lines(paper, "key.revoked") == {}
    assert said(paper, "key.revoked") == (f"DE revoked key {ONE}, trusted through entry 0: Stolen")
    with refused(paper, "key_not_valid"):
        paper.do(treasury("DE"), PLEDGE, kid=ONE)
    paper.do(treasury("DE"), PLEDGE)


def test_a_revocation_may_lie_in_the_past() -> None:
    paper = with_a_key()
    for _ in range(3):
        paper.do(treasury("DE"), PLEDGE, kid=ONE)

    revokes(paper, ONE, 2)

    assert [the(paper, ONE).trusts(seq) for seq in (1, 2, 3, 4)] == [True, True, False, False]


def test_a_revocation_names_an_entry_before_it() -> None:
    paper = with_a_key()

    for seq in (len(paper.log), len(paper.log) + 7):
        with refused(paper, "proposal_closed", "before it"):
            revokes(paper, ONE, seq)
    revokes(paper, ONE, len(paper.log) - 1)


def test_another_revocation_only_takes_trust() -> None:
    paper = with_a_key()
    paper.do(treasury("DE"), PLEDGE, kid=ONE)
    paper.do(treasury("DE"), PLEDGE, kid=ONE)
    revokes(paper, ONE, 2)

    for seq in (2, 3):
        with refused(paper, "proposal_closed", "only takes trust"):
            revokes(paper, ONE, seq)

    revokes(paper, ONE, 1)
    assert the(paper, ONE).trusted_through == 1


def test_a_key_signs_its_own_revocation() -> None:
    paper = with_a_key()

    revokes(paper, ONE, by=ONE)

    assert active(paper) == ()


def test_a_key_is_revoked_by_its_own_party() -> None:
    paper = with_a_key()

    with refused(paper, "wrong_party", "DE"):
        revokes(paper, ONE, party="FR")


@pytest.mark.parametrize("deed", [endorses, revokes])
def test_a_key_that_nobody_registered_is_neither_endorsed_nor_revoked(deed: Any) -> None:
    paper = with_a_key()

    with refused(paper, "not_found", "party_keys"):
        deed(paper, TWO)


def test_a_registration_acknowledges_the_charter_in_force() -> None:
    paper = Door().open()

    with refused(paper, "stale_proposal", digest_of(paper.log[0].event)):
        registers(paper, charter_digest=DIGEST)


def test_a_registration_names_a_checkpoint_within_the_log() -> None:
    paper = Door().open()

    with refused(paper, "stale_proposal", "The log has 1 entries"):
        registers(paper, checkpoint={"size": 2, "root": DIGEST})


@pytest.mark.parametrize(("party", "is_revoked"), [("DE", False), ("DE", True), ("FR", False)])
def test_a_key_is_registered_once(party: str, is_revoked: bool) -> None:
    paper = with_a_key()
    if is_revoked:
        revokes(paper, ONE)

    with refused(paper, "already_exists", "never used again"):
        registers(paper, ONE, party)


def test_only_an_admin_registers_endorses_and_revokes() -> None:
    paper = with_one_waiting()
    body = a_key_registration(digest_of(paper.log[0].event))

    with refused(paper, "role_not_permitted", "admin"):
        paper.do(treasury("DE"), RegisterKey.model_validate(body), kid=THREE)
    with refused(paper, "role_not_permitted", "admin"):
        paper.do(treasury("DE"), EndorseKey(kid=TWO), kid=ONE)
    with refused(paper, "role_not_permitted", "admin"):
        paper.do(treasury("DE"), RevokeKey(kid=ONE, trusted_through=0, reason="R"))


@pytest.mark.parametrize(
    "changes",
    [
        {"jwk": {**PUBLIC_JWK, "d": "A" * 43}},
        {"jwk": {**PUBLIC_JWK, "kty": "RSA"}},
        {"jwk": {**PUBLIC_JWK, "crv": "secp256k1"}},
        {"jwk": {**PUBLIC_JWK, "x": "A" * 42}},
        {"checkpoint": {"size": 0, "root": DIGEST}},
        {"checkpoint": {"size": 1}},
        {"charter_digest": "0" * 63},
    ],
)
def test_a_registration_has_its_form(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        registers(funded(), **changes)
