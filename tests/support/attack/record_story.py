"""What outsiders attest, on the record of one fund: witnesses, a time stamp, a recovery."""

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.chain.checkpoint import Checkpoint
from app.chain.note import COSIGNATURE, NoteKey
from app.chain.spelling import write_base64
from app.domain.governance.checkpoints import RecordRecovery, RecordStamp, RecordWitnessed
from app.trust.attestations import RECOVERED, statement_payload
from app.trust.signatures import sign
from tests.support.attack.trust import head, recorded
from tests.support.authority import Authority
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import Service
from tests.support.signers import EcKey, a_key, kid_of, registered
from tests.support.tampering import made_by


def cosigned(checkpoint: Checkpoint, *witnesses: NoteKey) -> list[dict[str, str]]:
    """Cosignatures as they stand on the record."""
    found = []
    for witness in witnesses:
        line = checkpoint.note().cosigned_by(witness, TIME).signatures[-1]
        encoded = write_base64(line.key_id + line.value)
        found.append({"witness": witness.name, "signature": encoded})
    return found


def stated(party: str, private: EcKey, size: int, root: str, **header: str) -> dict[str, Any]:
    """A party's statement after a recovery."""
    terms = {"fund": "test-fund", "op": RECOVERED, "nonce": f"{party}-{size}", **header}
    payload = statement_payload("test-fund", size, root)
    jws = sign(payload, private, seen=None, **terms)
    return {"party": party, "kid": kid_of(private), "size": size, "root": root, "jws": jws}


def pledged(service: Service) -> None:
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))


def told(service: Service, folder: Path, authority: Authority) -> None:
    vkeys = [str(one.verifier) for one in WITNESSES]
    service.open(witnessing={"witnesses": vkeys, "quorum": 2}, quorum=2)
    registered(service, "DE", DE)
    registered(service, "FR", FR)
    pledged(service)
    origin = service.inside.notary.keys.of_log("test-fund").name

    def now(size: int | None = None) -> tuple[Checkpoint, dict[str, Any]]:
        lines = made_by(service, folder).lines
        found = head(lines, size or len(lines), origin)
        return found, {"size": found.size, "root": found.root.hex()}

    for count in (2, 3):
        seen, body = now()
        both = cosigned(seen, *WITNESSES[:count])
        recorded(service, RecordWitnessed.model_validate({**body, "cosignatures": both}))
    seen, body = now()
    token = write_base64(authority.stamp(seen.text().encode()))
    recorded(service, RecordStamp.model_validate({**body, "token": token}))
    _, body = now()
    statements = [stated("DE", DE, **body), stated("FR", FR, **now(3)[1])]
    why = {"reason": "A disk was lost", "statements": statements}
    recorded(service, RecordRecovery.model_validate({**body, **why}))
    pledged(service)


TIME = 1_800_000_000


NAMES = ("no.example/w", "de.example/w", "uk.example/w")


WITNESSES = [NoteKey(name, Ed25519PrivateKey.generate(), COSIGNATURE) for name in NAMES]


DE = a_key(31)


FR = a_key(32)
