"""Builds what tests need, in the fewest words: charters, bodies, people."""

from dataclasses import dataclass
from typing import Any

from app.domain.currencies import MINOR_DIGITS
from app.domain.values import Role

KINDS = {"TRUSTEE": "trustee", "IFI": "supervisor", "UA": "recipient", "AUDIT": "auditor"}
OWN_STEPS = {
    "legal_review": Role.LEGAL_REVIEWER,
    "legislature_consent": Role.LEGISLATURE_CLERK,
    "risk_assessment": Role.RISK_OFFICER,
    "treasury_release": Role.TREASURY_APPROVER,
}
GOVERNMENT_ROLES = (Role.TREASURY, *OWN_STEPS.values(), Role.ADMIN)
VALUE_DATE = "2026-01-15"


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
        "decision_rule": "unanimity",
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
    amount: dict[str, str], window: str = "budget", pledge_id: str | None = None
) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "window": window,
        "instrument": "grant",
        "amount": amount,
        "instalments": [{"due": "2026-12-31", "amount": amount}],
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
