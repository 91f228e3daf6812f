"""Builders of test data: charters, bodies of requests, people."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.currencies import MINOR_DIGITS
from app.domain.values import Role
from app.runtime import clock

KINDS = {"TRUSTEE": "trustee", "IFI": "supervisor", "UA": "recipient", "AUDIT": "auditor"}
OWN_STEPS = {
    "legal_review": Role.LEGAL_REVIEWER,
    "legislature_consent": Role.LEGISLATURE_CLERK,
    "risk_assessment": Role.RISK_OFFICER,
    "treasury_release": Role.TREASURY_APPROVER,
}
GOVERNMENT_ROLES = (Role.TREASURY, *OWN_STEPS.values(), Role.ADMIN)
VALUE_DATE = "2026-01-15"
"""A value date for tests whose clock stands still, as on paper."""
RECENTLY = (clock.now().date() - timedelta(days=3)).isoformat()
"""A value date for services, whose clock runs: backdating is limited."""
RATES = {"USD": "1.0825", "JPY": "164.45", "GBP": "0.83358", "KWD": "0.332"}
"""Units for one EUR, as the European Central Bank writes them."""
EVIDENCE = "0" * 64
LOG_VKEY = "paper+00000000+" + "A" * 44
EXPORT_KID = "p" * 43
"""The export key id of logs on paper, where nothing is signed."""


@dataclass(frozen=True)
class Person:
    """Somebody who acts in one role; the subject is made of both."""

    party: str
    role: Role

    @property
    def subject(self) -> str:
        return f"{self.party.lower()}-{self.role.replace('_', '-')}"


TRUSTEE = Person("TRUSTEE", Role.TRUSTEE)
SUPERVISOR = Person("IFI", Role.SUPERVISOR)
REQUESTER = Person("UA", Role.REQUESTER)
AUDITOR = Person("AUDIT", Role.AUDITOR)


def treasury(party: str) -> Person:
    return Person(party, Role.TREASURY)


def people(governments: tuple[str, ...]) -> list[Person]:
    """Everybody in `a_charter` of these governments."""
    officials = [Person(party, role) for party in governments for role in GOVERNMENT_ROLES]
    admins = [Person(party, Role.ADMIN) for party in KINDS]
    return [*officials, TRUSTEE, SUPERVISOR, REQUESTER, AUDITOR, *admins]


def a_charter(governments: tuple[str, ...] = ("DE", "FR"), **changes: Any) -> dict[str, Any]:
    """A fund in EUR and JPY with two windows and all five approval steps.

    Each government's legal review, consent and risk assessment come first, in any order; then
    the supervisor's no-objection; then each government's treasury release.
    """
    first = ["legal_review", "legislature_consent", "risk_assessment"]
    own = [
        {"id": step, "name": step, "role": OWN_STEPS[step], "who": "each_government"}
        for step in first
    ]
    return {
        "fund": "test-fund",
        "title": "A fund for tests",
        "parties": [
            *({"id": party, "name": party, "kind": "government"} for party in governments),
            *({"id": party, "name": party, "kind": kind} for party, kind in KINDS.items()),
        ],
        "members": [
            {"subject": person.subject, "party": person.party, "roles": [person.role]}
            for person in people(governments)
        ],
        "currencies": ["EUR", "JPY"],
        "holding_currency": "EUR",
        "windows": [
            {"id": "budget", "name": "Budget", "purposes": ["pensions", "salaries"]},
            {"id": "defence", "name": "Defence", "purposes": ["drones"]},
        ],
        "bank_accounts": [
            {"id": "BANK-EUR", "currency": "EUR"},
            {"id": "BANK-JPY", "currency": "JPY"},
        ],
        "approval_steps": [
            *own,
            {
                "id": "no_objection",
                "name": "No-objection",
                "role": "supervisor",
                "who": "supervisor",
                "after": first,
            },
            {
                "id": "treasury_release",
                "name": "Release",
                "role": "treasury_approver",
                "who": "each_government",
                "after": [*first, "no_objection"],
            },
        ],
        **changes,
    }


def valued(governments: tuple[str, ...] = ("DE", "FR"), **changes: Any) -> dict[str, Any]:
    """Arguments of `a_charter`: what a fund in many currencies has besides.

    Rates from the ECB, at most five days old, a bank may be one percent off; money tied to defence
    and money for anything but; a window that also pays for the others; accounts of the
    trustee's own; a second person at the trustee's, `trustee-second`.
    """
    charter = a_charter(governments)
    currencies = ["EUR", *RATES]
    second = {"subject": "trustee-second", "party": "TRUSTEE", "roles": ["trustee"]}
    general = {
        "id": "general",
        "name": "General",
        "purposes": ["pensions", "drones"],
        "unrestricted": True,
    }
    return {
        "governments": governments,
        "members": [*charter["members"], second],
        "currencies": currencies,
        "bank_accounts": [{"id": f"BANK-{code}", "currency": code} for code in currencies],
        "windows": [*charter["windows"], general],
        "restrictions": [
            {"id": "defence-only", "name": "Only defence", "only": ["drones"]},
            {"id": "not-defence", "name": "Anything but defence", "excludes": ["drones"]},
        ],
        "accounts": [
            {"id": "bank-charges", "name": "Charges", "kind": "expense", "currency": "EUR"},
            {"id": "accruals", "name": "Accruals", "kind": "liability", "currency": "EUR"},
            {"id": "yen-charges", "name": "Charges", "kind": "expense", "currency": "JPY"},
            {"id": "yen-accruals", "name": "Accruals", "kind": "liability", "currency": "JPY"},
        ],
        "exchange_rates": {
            "source": "ECB",
            "base": "EUR",
            "max_age_days": 5,
            "tolerance_bp": 100,
        },
        **changes,
    }


def money(major: int | str, currency: str = "EUR") -> dict[str, str]:
    """Wire money of whole major units, or of a ready decimal string."""
    digits = MINOR_DIGITS[currency]
    text = major if isinstance(major, str) else f"{major}.{'0' * digits}".removesuffix(".")
    return {"amount": text, "currency": currency}


def a_pledge(amount: dict[str, str], window: str = "budget") -> dict[str, Any]:
    return {"window": window, "amount": amount}


def an_agreement(
    amount: dict[str, str],
    window: str = "budget",
    pledge_id: str | None = None,
    **changes: Any,
) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "window": window,
        "instrument": "grant",
        "amount": amount,
        "instalments": [{"due": "2026-12-31", "amount": amount}],
        **changes,
    }
    return terms if pledge_id is None else {**terms, "pledge_id": pledge_id}


def a_receipt(
    agreement_id: str, amount: dict[str, str], reference: str, **changes: Any
) -> dict[str, Any]:
    return {
        "agreement_id": agreement_id,
        "amount": amount,
        "bank_account": f"BANK-{amount['currency']}",
        "bank_reference": reference,
        "value_date": VALUE_DATE,
        **changes,
    }


def a_recent_receipt(
    agreement_id: str, amount: dict[str, str], reference: str, **changes: Any
) -> dict[str, Any]:
    """A receipt's body for a service, whose clock runs."""
    return a_receipt(agreement_id, amount, reference, **{"value_date": RECENTLY, **changes})


def a_request(amount: dict[str, str], window: str = "budget", **changes: Any) -> dict[str, Any]:
    purpose = {"budget": "pensions", "defence": "drones"}.get(window, "pensions")
    return {
        "window": window,
        "amount": amount,
        "purpose": purpose,
        "description": "What it is for",
        **changes,
    }


def an_approval(disbursement_id: str, step: str, digest: str, **changes: Any) -> dict[str, Any]:
    return {
        "disbursement_id": disbursement_id,
        "step": step,
        "decision": "approve",
        "digest": digest,
        **changes,
    }


def a_conversion(
    sold: dict[str, str], bought: dict[str, str], rate: str, **changes: Any
) -> dict[str, Any]:
    return {
        "window": "budget",
        "sold": sold,
        "bought": bought,
        "from_account": f"BANK-{sold['currency']}",
        "to_account": f"BANK-{bought['currency']}",
        "out_reference": "FX-OUT",
        "in_reference": "FX-IN",
        "rate": rate,
        "rate_source": "Confirmation of the bank",
        "evidence": EVIDENCE,
        "value_date": VALUE_DATE,
        **changes,
    }


def an_unidentified(amount: dict[str, str], reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "amount": amount,
        "bank_account": f"BANK-{amount['currency']}",
        "bank_reference": reference,
        "value_date": VALUE_DATE,
        "note": "No name on it",
        **changes,
    }


def a_line(account: str, side: str, amount: dict[str, str]) -> dict[str, Any]:
    return {"account": account, "side": side, "amount": amount}


def a_journal(amount: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Bank charges of this much, still owed."""
    return {
        "effective_date": VALUE_DATE,
        "memo": "Charges of January",
        "lines": [a_line("bank-charges", "debit", amount), a_line("accruals", "credit", amount)],
        **changes,
    }


def a_mandate(cap: dict[str, str], **changes: Any) -> dict[str, Any]:
    """An act of parliament for pensions, valid for years."""
    return {
        "citation": "Budget Act 2026, chapter 60",
        "document": "1" * 64,
        "cap": cap,
        "purposes": ["pensions"],
        "valid_from": "2026-01-01",
        "valid_through": "2030-12-31",
        **changes,
    }


def a_motion(text: str = "The fund thanks the crews.") -> dict[str, Any]:
    return {"title": "A motion", "subject": {"kind": "motion", "text": text}}


def a_charter_change(**changes: Any) -> dict[str, Any]:
    """The charter of `a_charter` with these changes, proposed; nobody new."""
    charter = {**a_charter(**changes)}
    charter.pop("members")
    return {"title": "Another charter", "subject": {"kind": "charter", "charter": charter}}


def a_ballot(matter_id: str, digest: str, choice: str = "in_favour") -> dict[str, Any]:
    reason = {"reason": "Not like this"} if choice == "against" else {}
    return {"matter_id": matter_id, "choice": choice, "digest": digest, **reason}


PUBLIC_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
"""The public half of the example in RFC 7517, appendix A.1."""


def a_key_registration(
    charter_digest: str,
    jwk: dict[str, str] | None = None,
    seen: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`seen` is a checkpoint of the log; on paper there are none."""
    return {
        "jwk": jwk or PUBLIC_JWK,
        "charter_digest": charter_digest,
        "checkpoint": seen or {"size": 1, "root": "0" * 64},
    }
