"""Random steps with money on its way in: pledges, agreements, receipts, suspense."""

from app.domain.inflow.agreements import (
    Agreement,
    AgreementState,
    DraftAgreement,
    SignAgreement,
)
from app.domain.inflow.pledges import AnnouncePledge, Pledge
from app.domain.inflow.receipts import BookReceipt
from app.domain.inflow.suspense import (
    BookUnidentified,
    ResolveSuspense,
    ReturnSuspense,
    SuspenseItem,
    SuspenseState,
)
from app.domain.values import Money
from tests.support.builders import (
    TRUSTEE,
    a_pledge,
    a_receipt,
    an_agreement,
    an_unidentified,
    treasury,
)
from tests.support.lives.life import GOVERNMENTS, KINDS, Life


def pledge(life: Life) -> None:
    """A government announces a pledge."""
    amount = life.money(life.some(500), life.random.choice(life.currencies))
    body = a_pledge(amount, life.random.choice(KINDS)[0])
    life.attempt(treasury(life.random.choice(GOVERNMENTS)), AnnouncePledge.model_validate(body))


def draft(life: Life) -> None:
    """A government drafts an agreement, with or without a pledge and a restriction."""
    (window, tie), currency = life.random.choice(life.kinds), life.random.choice(life.currencies)
    party, minor = life.random.choice(GOVERNMENTS), life.some(200)
    found, stated = life.pick(Pledge, lambda row: row.converted < row.amount), {}
    if found is not None and life.random.random() < 0.4:
        party, window, currency = found.party, found.window, found.amount.currency
        minor = life.around((found.amount - found.converted).minor)
        stated["pledge_id"] = found.pledge_id
        tie = life.random.choice([kind[1] for kind in KINDS if kind[0] == window])
    if life.rarely():
        tie = "defence-only"
    if tie is not None:
        stated["restriction"] = tie
    body = an_agreement(life.money(minor, currency), window, **stated)
    life.attempt(treasury(party), DraftAgreement.model_validate(body))


def sign(life: Life) -> None:
    """Both sides sign, in either order."""
    agreement = life.pick(Agreement, lambda row: row.state is AgreementState.DRAFT)
    if agreement is not None:
        signature = SignAgreement(agreement_id=agreement.agreement_id, digest=agreement.digest)
        for who in life.random.sample([treasury(agreement.party), TRUSTEE], 2):
            life.attempt(who, signature)


def pay(life: Life) -> None:
    """Money arrives for an agreement."""
    agreement = life.pick(Agreement, _owing)
    if agreement is not None:
        paid(life, agreement, life.around(agreement.outstanding.minor))


def paid(life: Life, agreement: Agreement, minor: int) -> None:
    amount = life.money(minor, agreement.amount.currency)
    body = a_receipt(agreement.agreement_id, amount, life.reference(), **life.dates())
    who = life.random.choice([treasury(agreement.party), TRUSTEE])
    life.attempt(who, BookReceipt.model_validate(body))


def lose(life: Life) -> None:
    """Money arrives that is booked as unidentified; often it is an amount that somebody owes."""
    agreement = life.pick(Agreement, _owing)
    amount = Money(life.some(50), life.random.choice(life.currencies))
    if agreement is not None and life.random.random() < 0.7:
        owed = agreement.outstanding
        amount = Money(life.around(owed.minor // 2), owed.currency)
    body = an_unidentified(amount.wire(), life.reference(), **life.dates())
    life.attempt(life.trustee(), BookUnidentified.model_validate(body))


def place(life: Life) -> None:
    """An unidentified payment is resolved."""
    item = life.pick(SuspenseItem, _waiting)
    if item is None:
        return
    agreement = life.pick(
        Agreement,
        lambda row: (
            _owing(row)
            and row.amount.currency == item.amount.currency
            and row.outstanding >= item.amount
        ),
    )
    if agreement is not None:
        body = {
            "suspense_id": item.suspense_id,
            "agreement_id": agreement.agreement_id,
            "effective_date": life.day(item.effective_date),
        }
        life.attempt(life.trustee(), ResolveSuspense.model_validate(body))


def send_back(life: Life) -> None:
    """An unidentified payment is returned."""
    item = life.pick(SuspenseItem, _waiting)
    if item is not None:
        body = {
            "suspense_id": item.suspense_id,
            "bank_reference": life.reference(),
            "reason": "Not ours",
            **life.dates(),
        }
        life.attempt(life.trustee(), ReturnSuspense.model_validate(body))


def begin(life: Life, count: int) -> None:
    """Agreements in force, and money on most of them."""
    for _ in range(count):
        draft(life)
    for agreement in life.rows(Agreement):
        signature = SignAgreement(agreement_id=agreement.agreement_id, digest=agreement.digest)
        life.attempt(treasury(agreement.party), signature)
        life.attempt(TRUSTEE, signature)
        if not life.rarely():
            paid(life, agreement, max(1, agreement.amount.minor // 2))


def _owing(row: Agreement) -> bool:
    return row.state is AgreementState.IN_FORCE


def _waiting(row: SuspenseItem) -> bool:
    return row.state is SuspenseState.UNIDENTIFIED
