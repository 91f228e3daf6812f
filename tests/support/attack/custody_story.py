"""A log whose keys are replaced, and one that ends."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.chain.note import NoteKey
from app.chain.spelling import write_base64
from app.client import Refused
from app.domain.values import Role
from app.runtime.settings import LOCAL_ORIGIN
from app.trust.attestations import introduction_message
from app.trust.ledger_keys import EXPORT, LOG, LedgerKeys, add_key, load_keys
from tests.support.builders import AUDITOR, TRUSTEE, Person, a_ballot, a_pledge, money, treasury
from tests.support.service import Service, running, settings_of
from tests.support.tampering import Bundle, made_by

ORIGIN = f"{LOCAL_ORIGIN}/test-fund"


def decided(service: Service, subject: dict[str, Any]) -> None:
    """Propose the subject, and let both governments accept it."""
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
    """The new key, and its signature as proof of possession."""
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
