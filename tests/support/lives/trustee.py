"""Random steps of the trustee: rates, conversions, valuations, journals, corrections, periods."""

from datetime import timedelta
from fractions import Fraction

from app.domain.books.closing import closed_through
from app.domain.books.periods import (
    AnswerReopening,
    ClosePeriod,
    ProposeReopening,
    Reopening,
    ReopeningState,
)
from app.domain.books.pools import Pool
from app.domain.books.rates import CorrectRates, PublishRates, RateDay, cross_rate, exchanged
from app.domain.inflow.receipts import Receipt
from app.domain.refusals.money import RateMissing
from app.domain.trustee.conversions import BookConversion
from app.domain.trustee.corrections import CorrectJournal, CorrectReceipt
from app.domain.trustee.journals import JournalEntry, PostJournal
from app.domain.trustee.revaluations import RevalueFund
from app.domain.values import Money, Role
from tests.support.builders import EVIDENCE, RATES, TRUSTEE, Person, a_conversion, a_line, treasury
from tests.support.lives.life import CURRENCIES, GOVERNMENTS, Life

ACCOUNTS = {"EUR": ("bank-charges", "accruals"), "JPY": ("yen-charges", "yen-accruals")}
USUAL: dict[str, Fraction] = {code: Fraction(RATES[code]) for code in ("USD", "JPY")}
"""Rates around which the published ones move."""


def publish(life: Life) -> None:
    """The source's rates of today."""
    rates = {code: rate_text(usual_rate(life, code)) for code in USUAL}
    body = {"day": life.today, "rates": rates, "evidence": EVIDENCE}
    life.attempt(TRUSTEE, PublishRates.model_validate(body))


def publish_late(life: Life) -> None:
    """Enter the rates of an earlier day, or some of them; now and then with a typing error."""
    day = life.today - timedelta(days=life.random.choice((0, 1, 3, 10, 20)))
    rates = {code: rate_text(usual_rate(life, code)) for code in USUAL if not life.rarely()}
    if life.rarely():
        rates["USD"] = life.random.choice(("9", "0.02"))
    body = {"day": day, "rates": rates or {"EUR": "1"}, "evidence": EVIDENCE}
    life.attempt(TRUSTEE, PublishRates.model_validate(body))


def correct_rates(life: Life) -> None:
    """Correct rates; refused when the trustee's chosen person is the one who entered them."""
    wrong = life.pick(RateDay, lambda row: life.today - row.day < timedelta(days=9))
    if wrong is not None:
        rates = {code: rate_text(usual_rate(life, code)) for code in USUAL if not life.rarely()}
        body = {
            "day": wrong.day,
            "rates": rates or {"EUR": "1"},
            "evidence": EVIDENCE,
            "reason": "Misread",
        }
        life.attempt(life.trustee(), CorrectRates.model_validate(body))


def usual_rate(life: Life, currency: str) -> Fraction:
    return Fraction(USUAL[currency] * life.random.randint(80, 120), 100)


def convert(life: Life) -> None:
    """Money of one kind changes its currency, at about the published rate."""
    pool = life.pick(Pool, lambda row: bool(row.available))
    if pool is None:
        return
    sold = Money(life.around(pool.available.minor), pool.currency)
    target = life.random.choice([code for code in CURRENCIES if code != pool.currency])
    dates = life.dates()
    day = life.today.fromisoformat(dates["value_date"])
    try:
        published = cross_rate(life.paper.book, life.charter, sold.currency, target, day)
    except RateMissing:
        published = Fraction(1)
    off = life.random.choice((0, 0, 0, 0, 0, 0, 9, -9, 300))
    rate = rate_text(published * (1 + Fraction(off, 1000)))
    bought = Money(max(exchanged(sold, Fraction(rate), target).minor, 1), target)
    body = a_conversion(
        sold.wire(),
        bought.wire(),
        rate,
        window=pool.window,
        out_reference=life.reference(),
        in_reference=life.reference(),
        **({"restriction": pool.restriction} if pool.restriction else {}),
        **dates,
    )
    life.attempt(life.trustee(), BookConversion.model_validate(body))


def revalue(life: Life) -> None:
    """What is held is valued as of a day."""
    day = life.today - timedelta(days=life.random.choice((0, 0, 0, 1, 4)))
    life.attempt(life.trustee(), RevalueFund.model_validate({"day": day}))


def journal(life: Life) -> None:
    """Charges are owed, on accounts of the trustee's own; now and then a line is wrong."""
    currency, sides = life.random.choice(list(ACCOUNTS)), ["debit", "credit"]
    life.random.shuffle(sides)
    minor = life.some(300)
    first, last = ACCOUNTS[currency]
    lines = [
        a_line(first, sides[0], life.money(minor, currency)),
        a_line(last, sides[1], life.money(minor, currency)),
    ]
    if life.random.random() < 0.3:
        # The same account may stand in an entry more than once.
        lines += [a_line(first, side, life.money(life.scale, currency)) for side in sides]
    if life.rarely():
        lines[0] = a_line(life.random.choice((last, "nobody")), "debit", life.money(1, "EUR"))
    body = {"effective_date": life.day(), "memo": "Charges", "lines": lines}
    life.attempt(life.trustee(), PostJournal.model_validate(body))


def correct_journal(life: Life) -> None:
    """A journal entry was wrong."""
    wrong = life.pick(JournalEntry, lambda row: row.corrected_seq is None)
    if wrong is not None:
        body = {
            "journal_id": wrong.journal_id,
            "effective_date": life.day(wrong.effective_date),
            "reason": "Wrong",
        }
        life.attempt(life.trustee(), CorrectJournal.model_validate(body))


def correct_receipt(life: Life) -> None:
    """A receipt was booked wrongly."""
    wrong = life.pick(Receipt, lambda row: row.corrected_seq is None)
    if wrong is not None:
        body = {
            "receipt_id": wrong.receipt_id,
            "effective_date": life.day(wrong.effective_date),
            "reason": "Not this agreement",
        }
        who = life.random.choice((treasury(wrong.party), TRUSTEE))
        life.attempt(who, CorrectReceipt.model_validate(body))


def close(life: Life) -> None:
    """A period is over."""
    through = life.today - timedelta(days=life.random.choice((0, 1, 3, 10, 30)))
    life.attempt(TRUSTEE, ClosePeriod.model_validate({"through": through}))


def reopen(life: Life) -> None:
    """The trustee asks to open closed books again."""
    closed = closed_through(life.paper.book) or life.today
    day = closed - timedelta(days=life.random.choice((-1, 0, 0, 5, 20)))
    body = {"from_day": day, "reason": "A late statement"}
    life.attempt(TRUSTEE, ProposeReopening.model_validate(body))


def answer_reopening(life: Life) -> None:
    """Some governments answer: most agree, some do not, some have done so already."""
    asked = life.pick(Reopening, lambda row: row.state is ReopeningState.PROPOSED)
    if asked is None:
        return
    for party in life.random.sample(GOVERNMENTS, life.random.choice((2, 3))):
        body = {"reopening_id": asked.reopening_id, "decision": "approve", "digest": asked.digest}
        if life.random.random() < 0.15:
            body |= {"decision": "refuse", "reason": "It is reported"}
        who = Person(party, Role.TREASURY_APPROVER)
        life.attempt(who, AnswerReopening.model_validate(body))


def rate_text(rate: Fraction) -> str:
    """The rate as it is written: at most nine decimals, without unnecessary zeros."""
    digits = max(round(rate * 10**9), 1)
    return f"{digits // 10**9}.{digits % 10**9:09}".rstrip("0").rstrip(".")
