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
        {"subject": "no-3", "party": "NO", "roles": ["treasury_approver"]},
        {"subject": "no-5", "party": "NO", "roles": ["risk_officer"]},
        {"subject": "no-6", "party": "NO", "roles": ["legislature_clerk"]},
        {"subject": "fund-1", "party": "FUND", "roles": ["trustee"]},
        {"subject": "fund-2", "party": "FUND", "roles": ["trustee"]},
        {"subject": "ifi-1", "party": "IFI", "roles": ["supervisor"]},
        {"subject": "ua-1", "party": "UA", "roles": ["requester"]},
    ],
    "currencies": ["NOK", "EUR"],
    "holding_currency": "NOK",
    "windows": [{"id": "energy", "name": "Energy repairs", "purposes": ["grid", "heating"]}],
    "bank_accounts": [
        {"id": "FUND-NOK", "currency": "NOK"},
        {"id": "FUND-EUR", "currency": "EUR"},
    ],
    "restrictions": [
        {"id": "no-heating", "name": "Anything but heating", "excludes": ["heating"]},
    ],
    "accounts": [
        {"id": "charges", "name": "Bank charges", "kind": "expense", "currency": "NOK"},
        {"id": "charges-due", "name": "Charges due", "kind": "liability", "currency": "NOK"},
    ],
    "exchange_rates": {
        "source": "European Central Bank, reference rates",
        "base": "EUR",
        "max_age_days": 7,
        "tolerance_bp": 200,
    },
    "approval_steps": [
        {
            "id": "legal_review",
            "name": "Legal review",
            "role": "legal_reviewer",
            "who": "each_government",
        }
    ],
}


def _example(summary: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"example": {"summary": summary, "value": value}}


_MONEY: Final = {"amount": "1000000.00", "currency": "NOK"}

CHARTER: Final = _example("A fund of one government", EXAMPLE_CHARTER)
MEMBER: Final = _example("A second treasury officer", {"subject": "no-4", "roles": ["treasury"]})
REMOVAL: Final = _example("They left", {"subject": "no-4"})
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
RATES: Final = _example(
    "Published for one day",
    {"day": "2026-07-01", "rates": {"NOK": "11.5"}, "evidence": _DIGEST},
)
CORRECTED_RATES: Final = _example(
    "A slip of the pen",
    {
        "day": "2026-07-01",
        "rates": {"NOK": "11.45"},
        "evidence": _DIGEST,
        "reason": "The first entry had the rate of the day before",
    },
)
CONVERSION: Final = _example(
    "Kroner into euro",
    {
        "window": "energy",
        "sold": {"amount": "114500.00", "currency": "NOK"},
        "bought": {"amount": "10000.00", "currency": "EUR"},
        "from_account": "FUND-NOK",
        "to_account": "FUND-EUR",
        "out_reference": "NB-2026-0004",
        "in_reference": "NB-2026-0005",
        "rate": "0.087336245",
        "rate_source": "The bank's confirmation",
        "evidence": _DIGEST,
        "value_date": "2026-07-02",
    },
)
REVALUATION: Final = _example("At the end of a week", {"day": "2026-07-03"})
JOURNAL: Final = _example(
    "Bank charges of a month",
    {
        "effective_date": "2026-07-03",
        "memo": "Account fees for June",
        "lines": [
            {
                "account": "charges",
                "side": "debit",
                "amount": {"amount": "250.00", "currency": "NOK"},
            },
            {
                "account": "charges-due",
                "side": "credit",
                "amount": {"amount": "250.00", "currency": "NOK"},
            },
        ],
    },
)
JOURNAL_CORRECTION: Final = _example(
    "They were waived",
    {"journal_id": _ID, "effective_date": "2026-07-03", "reason": "Waived by the bank"},
)
RECEIPT_CORRECTION: Final = _example(
    "Booked on the wrong agreement",
    {"receipt_id": _ID, "effective_date": "2026-07-01", "reason": "Meant for another agreement"},
)
UNIDENTIFIED: Final = _example(
    "A payment without a reference",
    {
        "amount": {"amount": "5000.00", "currency": "NOK"},
        "bank_account": "FUND-NOK",
        "bank_reference": "NB-2026-0006",
        "note": "No remittance text",
        "value_date": "2026-07-02",
    },
)
RESOLUTION: Final = _example(
    "It was an instalment",
    {"suspense_id": _ID, "agreement_id": _ID, "effective_date": "2026-07-03"},
)
SUSPENSE_RETURN: Final = _example(
    "Nobody knows of it",
    {
        "suspense_id": _ID,
        "bank_reference": "NB-2026-0008",
        "value_date": "2026-07-05",
        "reason": "The sender asked for it",
    },
)
CLOSING: Final = _example("The first half of 2026", {"through": "2026-06-30"})
REOPENING: Final = _example(
    "A late invoice", {"from_day": "2026-06-01", "reason": "An invoice of June came in July"}
)
REOPENING_ANSWER: Final = _example(
    "Agreed", {"reopening_id": _ID, "decision": "approve", "digest": _DIGEST}
)
_PROPOSED: Final = {
    "title": "A word of thanks",
    "subject": {"kind": "motion", "text": "The fund thanks the crews of the grid."},
}
DENIAL: Final = _example("A lost laptop", {"subject": "no-4", "reason": "Their device was stolen"})
DELEGATION: Final = _example(
    "A holiday",
    {
        "subject": "no-5",
        "role": "legal_reviewer",
        "from_day": "2026-07-01",
        "through": "2027-01-31",
        "principal": "no-2",
    },
)
DELEGATION_END: Final = _example("They are back", {"subject": "no-5", "role": "legal_reviewer"})
KEY: Final = _example(
    "A key on P-256, which signs this very request",
    {
        "jwk": {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        },
        "charter_digest": _DIGEST,
        "checkpoint": {"size": 1, "root": _DIGEST},
    },
)
ENDORSEMENT: Final = _example(
    "Another party's lost key", {"kid": "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"}
)
REVOCATION: Final = _example(
    "Not trusted behind entry 1",
    {
        "kid": "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
        "trusted_through": 1,
        "reason": "The token was lost",
    },
)
MANDATE: Final = _example(
    "An act of parliament",
    {
        "citation": "Prop. 1 S (2026-2027), chapter 100",
        "document": _DIGEST,
        "cap": _MONEY,
        "purposes": ["grid"],
        "valid_from": "2026-01-01",
        "valid_through": "2030-12-31",
    },
)
MANDATE_WITHDRAWAL: Final = _example(
    "Replaced by a newer one", {"mandate_id": _ID, "reason": "Replaced by the revised budget"}
)
COVER: Final = _example("Parliament has consented", {"agreement_id": _ID, "mandate_id": _ID})
PROPOSAL: Final = _example("A motion", _PROPOSED)
REVISION: Final = _example(
    "Better words",
    {
        "proposal_id": _ID,
        "replaces": _DIGEST,
        "title": "A word of thanks",
        "subject": {"kind": "motion", "text": "The fund thanks everybody at the grid."},
    },
)
PROPOSAL_WITHDRAWAL: Final = _example("Said already", {"proposal_id": _ID, "reason": "Said"})
BALLOT: Final = _example("In favour", {"matter_id": _ID, "choice": "in_favour", "digest": _DIGEST})
APPROVAL_REVOCATION: Final = _example(
    "New facts",
    {"disbursement_id": _ID, "step": "legal_review", "reason": "A court has ruled otherwise"},
)
CONDITIONS_MET: Final = _example(
    "The audit report is there",
    {"disbursement_id": _ID, "step": "legal_review", "note": "Read and accepted"},
)
