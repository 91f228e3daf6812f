"""Steps of stories in which days matter: each takes the days from today, and a running service."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.client import Refused
from app.runtime import clock
from tests.support.builders import (
    AUDITOR,
    EVIDENCE,
    RATES,
    TRUSTEE,
    Person,
    a_receipt,
    an_agreement,
    treasury,
)
from tests.support.service import Service

TODAY = clock.now().date()
SECOND = "trustee-second"


def day(ago: int) -> str:
    """The day so many days before today, as it is written."""
    return (TODAY - timedelta(days=ago)).isoformat()


def months_ago(count: int, of_month: int = 10) -> str:
    """A day of the month so many months before this one."""
    months = TODAY.year * 12 + TODAY.month - 1 - count
    return date(months // 12, months % 12 + 1, of_month).isoformat()


def refusal(service: Service, who: Person, path: str, body: dict[str, Any]) -> str:
    """The code with which a write is refused."""
    with pytest.raises(Refused) as told:
        service.post(who, path, body)
    return told.value.code


def agreed(
    service: Service, party: str, amount: dict[str, str], window: str = "budget", **terms: Any
) -> str:
    """The id of an agreement in force on these terms."""
    body = an_agreement(amount, window, **terms)
    drafted = service.post(treasury(party), "/agreements", body)
    identifier: str = drafted["entry"]["derived"]["agreement_id"]
    digest = service.get(treasury(party), f"/agreements/{identifier}")["digest"]
    for signer in (treasury(party), TRUSTEE):
        signature = {"agreement_id": identifier, "digest": digest}
        service.post(signer, f"/agreements/{identifier}/signatures", signature)
    return identifier


def received(
    service: Service, party: str, agreement: str, amount: dict[str, str], on: str, **terms: Any
) -> dict[str, Any]:
    """The entry of a payment on an agreement, with that value date."""
    reference = terms.pop("reference", f"IN-{service.key()}")
    body = a_receipt(agreement, amount, reference, value_date=on, **terms)
    entry: dict[str, Any] = service.post(treasury(party), "/receipts", body)["entry"]
    return entry


def published(service: Service, on: str, **rates: str) -> dict[str, Any]:
    """The rates of a day; `RATES` where none are given."""
    body = {"day": on, "rates": rates or RATES, "evidence": EVIDENCE}
    entry: dict[str, Any] = service.post(TRUSTEE, "/rates", body)["entry"]
    return entry


def by_second(service: Service, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the trustee's second person records."""
    client = service.client(TRUSTEE, subject=SECOND)
    return client.post(service.path + path, body, service.key())


def settled(
    service: Service, identifier: str, currency: str, on: str, *, ending: str = "settlement"
) -> int:
    """Instruct the bank and record what it answered for that day; the answer's entry."""
    path = f"/disbursements/{identifier}"
    instruction = {"disbursement_id": identifier, "bank_account": f"BANK-{currency}"}
    service.post(TRUSTEE, f"{path}/instruction", instruction)
    return answered(service, identifier, ending, on)


def answered(service: Service, identifier: str, ending: str, on: str) -> int:
    """What the bank answered: `settlement` or `return`; the entry's position."""
    body = {
        "disbursement_id": identifier,
        "bank_reference": f"OUT-{service.key()}",
        "value_date": on,
    }
    reason = {"reason": "Account closed"} if ending == "return" else {}
    posted = service.post(TRUSTEE, f"/disbursements/{identifier}/{ending}", {**body, **reason})
    seq: int = posted["entry"]["seq"]
    return seq


def everything(service: Service, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found, following = [], service.path + path
    while following:
        page = service.client(AUDITOR).get(following)
        found += page["items"]
        following = page["next"]
    return found
