"""Keys on paper: what the tests of keys and signatures share."""

from typing import Any

from app.domain.event import Event
from app.domain.governance.party_keys import RegisterKey
from tests.support.builders import a_key_registration
from tests.support.domain import Door, admin
from tests.support.paper import digest_of

ONE, TWO, THREE, THEIRS = (letter * 43 for letter in "ABCF")


def registers(
    paper: Door, kid: str = ONE, party: str = "DE", nonce: str = "", **changes: Any
) -> Event:
    body = {**a_key_registration(digest_of(paper.log[0].event)), **changes}
    return paper.do(admin(party), RegisterKey.model_validate(body), kid=kid, nonce=nonce)


def with_a_key(**changes: Any) -> Door:
    """DE has its first key."""
    paper = Door().open(**changes)
    registers(paper)
    return paper
