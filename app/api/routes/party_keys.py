"""Parties' keys: registered, endorsed, revoked."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.policies import reader
from app.api.command_route import records
from app.api.http.documented import TEXT_CODES, reading
from app.api.http.examples import A_DIGEST, example
from app.api.http.paging import After, Limit, Page
from app.api.http.rows import listed
from app.api.services import ServicesHere
from app.domain.governance.party_keys import EndorseKey, PartyKey, RegisterKey, RevokeKey
from app.domain.refusals.base import AlreadyExists, NotFound
from app.domain.refusals.decisions import ProposalClosed, StaleProposal
from app.domain.refusals.people import KeyNotValid, SignatureRequired, WrongParty

router = APIRouter(prefix="/v1/funds/{fund}", tags=["party_keys"])

KEY = example(
    "A key on P-256, which signs this very request",
    {
        "jwk": {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        },
        "charter_digest": A_DIGEST,
        "checkpoint": {"size": 1, "root": A_DIGEST},
    },
)

ENDORSEMENT = example(
    "Another party's lost key", {"kid": "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"}
)

REVOCATION = example(
    "Not trusted behind entry 1",
    {
        "kid": "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
        "trusted_through": 1,
        "reason": "The token was lost",
    },
)


records(
    router,
    "/keys",
    RegisterKey,
    summary="Register a key of your party",
    meaning=(
        "For admins. Signed with the key that it registers, over the digest of the charter and a "
        "checkpoint. A party's first key counts at once; later ones are endorsed."
    ),
    example=KEY,
    refuses=(SignatureRequired, KeyNotValid, AlreadyExists, StaleProposal),
)


@router.get("/keys", summary="Parties' keys", responses=reading(), dependencies=[Depends(reader)])
def list_keys(
    fund: str, here: ServicesHere, request: Request, after: After = -1, limit: Limit = 100
) -> Page[PartyKey]:
    """All keys, revoked ones too, in the order of registration."""
    return listed(here, fund, PartyKey, request, after, limit)


records(
    router,
    "/keys/endorsements",
    EndorseKey,
    summary="Endorse a key that waits",
    meaning=(
        "For admins: of its own party, signed with a key that it has; or, where those are lost, "
        "of another party, and then the old ones end."
    ),
    example=ENDORSEMENT,
    refuses=(NotFound, ProposalClosed, SignatureRequired),
)


records(
    router,
    "/keys/revocations",
    RevokeKey,
    summary="Revoke a key of your party",
    meaning="For admins. What it signed behind entry `trusted_through` is not trusted.",
    example=REVOCATION,
    refuses=(NotFound, WrongParty, ProposalClosed),
    values=TEXT_CODES,
)
