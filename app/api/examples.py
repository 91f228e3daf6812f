"""Examples of request bodies: one short story, told with placeholders for ids.

`tests/api/test_examples.py` posts them in order to a fund of their own; every one is accepted.
"""

from typing import Any, Final

_ID: Final = "01947b6e-3c00-7000-8000-000000000001"
_DIGEST: Final = "0" * 64

EXAMPLE_CHARTER: Final[dict[str, Any]] = {
    "fund": "example",
    "title": "Example fund",
    "parties": [
        {"id": "NO", "name": "Norway", "kind": "government"},
        {"id": "FUND", "name": "Trustee bank", "kind": "trustee"},
        {"id": "IFI", "name": "Supervising institution", "kind": "supervisor"},
        {"id": "UA", "name": "Ukraine", "kind": "recipient"},
    ],
    "members": [
        {"subject": "no-admin", "party": "NO", "roles": ["admin"]},
        {"subject": "no-1", "party": "NO", "roles": ["treasury"]},
        {"subject": "no-2", "party": "NO", "roles": ["legal_reviewer"]},
        {"subject": "fund-1", "party": "FUND", "roles": ["trustee"]},
        {"subject": "ifi-1", "party": "IFI", "roles": ["supervisor"]},
        {"subject": "ua-1", "party": "UA", "roles": ["requester"]},
    ],
    "currencies": ["NOK"],
    "holding_currency": "NOK",
    "windows": [{"id": "energy", "name": "Energy repairs", "purposes": ["grid", "heating"]}],
    "bank_accounts": [{"id": "FUND-NOK", "currency": "NOK"}],
    "approval_steps": [
        {
            "id": "legal_review",
            "name": "Legal review",
            "role": "legal_reviewer",
            "who": "each_government",
        }
    ],
    "decision_rule": "unanimity",
}


def _example(summary: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"example": {"summary": summary, "value": value}}


_MONEY: Final = {"amount": "1000000.00", "currency": "NOK"}

CHARTER: Final = _example("A fund of one government", EXAMPLE_CHARTER)
MEMBER: Final = _example("A second treasury officer", {"subject": "no-3", "roles": ["treasury"]})
REMOVAL: Final = _example("They left", {"subject": "no-3"})
PLEDGE: Final = _example("One million kroner", {"window": "energy", "amount": _MONEY})
AGREEMENT: Final = _example(
    "A grant in one instalment",
    {
        "window": "energy",
        "instrument": "grant",
        "amount": _MONEY,
        "instalments": [{"due": "2026-06-30", "amount": _MONEY}],
    },
)
SIGNATURE: Final = _example("Signing what was drafted", {"agreement_id": _ID, "digest": _DIGEST})
RECEIPT: Final = _example(
    "The whole amount",
    {
        "agreement_id": _ID,
        "amount": _MONEY,
        "bank_account": "FUND-NOK",
        "bank_reference": "NB-2026-0001",
        "value_date": "2026-06-30",
    },
)
DISBURSEMENT: Final = _example(
    "Repairs of the grid",
    {
        "window": "energy",
        "amount": {"amount": "400000.00", "currency": "NOK"},
        "purpose": "grid",
        "description": "Transformers for two substations",
    },
)
APPROVAL: Final = _example(
    "Approving the legal review",
    {
        "disbursement_id": _ID,
        "step": "legal_review",
        "decision": "approve",
        "digest": _DIGEST,
    },
)
INSTRUCTION: Final = _example(
    "Paying from the kroner account", {"disbursement_id": _ID, "bank_account": "FUND-NOK"}
)
SETTLEMENT: Final = _example(
    "The bank has paid",
    {"disbursement_id": _ID, "bank_reference": "NB-2026-0002", "value_date": "2026-07-10"},
)
RETURN: Final = _example(
    "The bank sent it back",
    {
        "disbursement_id": _ID,
        "bank_reference": "NB-2026-0003",
        "value_date": "2026-07-12",
        "reason": "Account of the beneficiary closed",
    },
)
CANCELLATION: Final = _example(
    "Not needed any more", {"disbursement_id": _ID, "reason": "Repaired from another source"}
)
