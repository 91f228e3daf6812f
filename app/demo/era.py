"""The demo's fund: the five ERA lenders, a trustee, a supervisor, the recipient, an auditor.

`era_history.json` has figures, dates and their source addresses. The structure is a simulation: in
reality the EU and the UK paid Ukraine directly; here every movement goes through the fund, in two
steps, lender to trustee and trustee to recipient.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.domain.charter.parts import ROLES_OF
from app.domain.currencies import MINOR_DIGITS
from app.domain.values import PartyKind, Role

FUND: Final = "era"
NOTICE: Final = "Simulation with public figures, not an official record."
TRUSTEE, SUPERVISOR, RECIPIENT, AUDITOR = "TRUSTEE", "IFI", "UA", "AUDIT"
_GOVERNMENTS: Final = {
    "CA": "Canada",
    "EU": "European Union",
    "JP": "Japan",
    "UK": "United Kingdom",
    "US": "United States",
}
MANDATED: Final = ("UK",)
"""The UK pays under an act of its parliament: nothing is agreed or released beyond its cap."""
SIGNERS: Final = (*_GOVERNMENTS, SUPERVISOR, RECIPIENT)
"""The parties whose approvals carry their own signature."""
_PURPOSES: Final = ["budget-support", "pensions", "salaries", "energy"]
_OWN_STEPS: Final = (
    ("legal_review", "Legal review", Role.LEGAL_REVIEWER),
    ("legislature_consent", "Consent of the legislature", Role.LEGISLATURE_CLERK),
    ("risk_assessment", "Risk assessment", Role.RISK_OFFICER),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the demo fund; one role each, so that duties are separate by construction."""

    party: str
    role: Role

    @property
    def subject(self) -> str:
        return f"{self.party.lower()}-{self.role.replace('_', '-')}"


def history() -> dict[str, Any]:
    """The public figures: lenders' shares and movements, each with its source."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name("era_history.json").read_text())
    return content


def money(major: str, currency: str) -> dict[str, str]:
    """Wire money from a whole number of major units, as the public figures are given."""
    digits = MINOR_DIGITS[currency]
    return {"amount": f"{major}.{'0' * digits}" if digits else major, "currency": currency}


def bank_account(currency: str) -> str:
    """The id of the trustee's account in a currency."""
    return f"TRUSTEE-{currency}"


def people() -> list[Person]:
    """Everybody: one person for each role of each party."""
    return [
        Person(party["id"], role)
        for party in _parties()
        for role in sorted(ROLES_OF[PartyKind(party["kind"])])
    ]


def charter() -> dict[str, Any]:
    """The charter of the demo fund, in the form in which it is posted."""
    currencies = sorted({lender["currency"] for lender in history()["lenders"]})
    steps = [
        {"id": step, "name": name, "role": role, "who": "each_government"}
        for step, name, role in _OWN_STEPS
    ]
    before = [step for step, _, _ in _OWN_STEPS]
    return {
        "fund": FUND,
        "title": "Extraordinary Revenue Acceleration loans, simulated",
        "notice": NOTICE,
        "parties": _parties(),
        "members": [
            {"subject": person.subject, "party": person.party, "roles": [person.role]}
            for person in people()
        ],
        "currencies": currencies,
        "holding_currency": "EUR",
        "windows": [
            {"id": "military", "name": "Military procurement only", "purposes": ["defence"]},
            {"id": "non-military", "name": "Anything but military", "purposes": _PURPOSES},
            {"id": "unrestricted", "name": "Unrestricted", "purposes": [*_PURPOSES, "defence"]},
        ],
        "bank_accounts": [
            {"id": bank_account(currency), "currency": currency} for currency in currencies
        ],
        "approval_steps": [
            *steps,
            {
                "id": "no_objection",
                "name": "No-objection of the supervising institution",
                "role": Role.SUPERVISOR,
                "who": "supervisor",
            },
            {
                "id": "treasury_release",
                "name": "Treasury release",
                "role": Role.TREASURY_APPROVER,
                "who": "each_government",
                "after": [*before, "no_objection"],
            },
        ],
        "decision_rules": {"motion": {"rule": "consensus", "clock": {"days": 14}}},
        "signed": ["approval.given"],
    }


def _parties() -> list[dict[str, Any]]:
    return [
        *(
            {"id": party, "name": name, "kind": "government", "mandated": party in MANDATED}
            for party, name in _GOVERNMENTS.items()
        ),
        {"id": TRUSTEE, "name": "Trustee of the fund", "kind": "trustee"},
        {"id": SUPERVISOR, "name": "Supervising institution", "kind": "supervisor"},
        {"id": RECIPIENT, "name": "Ukraine", "kind": "recipient"},
        {"id": AUDITOR, "name": "Audit institution", "kind": "auditor"},
    ]
