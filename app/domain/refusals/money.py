"""Refusals about money: what the charter, the books and the bank forbid."""

from app.domain.refusals.base import Kind, Refusal


class UnknownWindow(Refusal):
    """The charter has no such window."""

    kind, code = Kind.INVALID, "unknown_window"
    remedy = "see the charter"


class UnknownBankAccount(Refusal):
    """The charter has no such bank account."""

    kind, code = Kind.INVALID, "unknown_bank_account"
    remedy = "see the charter"


class CurrencyNotInCharter(Refusal):
    """The fund does not take this currency."""

    kind, code = Kind.INVALID, "currency_not_in_charter"
    remedy = "see the charter"


class CurrencyMismatch(Refusal):
    """Two amounts that must be in one currency are not."""

    kind, code = Kind.INVALID, "currency_mismatch"
    remedy = "make them agree"


class AmountOutOfRange(Refusal):
    """A sum would exceed 10^18 - 1 minor units."""

    kind, code = Kind.INVALID, "amount_out_of_range"
    remedy = "split it"


class DateOutOfRange(Refusal):
    """A date lies in the future, or too far back for what it dates."""

    kind, code = Kind.INVALID, "date_out_of_range"
    remedy = "the sentence names the day; use the bank's date"


class InstalmentsDoNotAddUp(Refusal):
    """The instalments of an agreement must sum to its amount."""

    kind, code = Kind.INVALID, "instalments_do_not_add_up"
    remedy = "mend the schedule"


class PurposeNotAllowed(Refusal):
    """The window's money may not be used for this purpose."""

    kind, code = Kind.CONFLICT, "purpose_not_allowed"
    remedy = "ask from another window"


class ExceedsPledge(Refusal):
    """More would be agreed than is left of the pledge."""

    kind, code = Kind.CONFLICT, "exceeds_pledge"
    remedy = "agree on less, or pledge more first"


class AgreementNotInForce(Refusal):
    """Only an agreement in force can be paid on."""

    kind, code = Kind.CONFLICT, "agreement_not_in_force"
    remedy = "sign first"


class AlreadySigned(Refusal):
    """This side has signed the agreement already."""

    kind, code = Kind.CONFLICT, "already_signed"
    remedy = "nothing: the signature is in the log"


class ExceedsAgreement(Refusal):
    """More would be received than was agreed."""

    kind, code = Kind.CONFLICT, "exceeds_agreement"
    remedy = "check the amount, or the agreement"


class BankReferenceUsed(Refusal):
    """This line of the bank statement is booked already."""

    kind, code = Kind.CONFLICT, "bank_reference_used"
    remedy = "the sentence names the entry"


class InsufficientFunds(Refusal):
    """The window or the bank account does not hold that much."""

    kind, code = Kind.CONFLICT, "insufficient_funds"
    remedy = "wait for money, or ask for less"


class PeriodClosed(Refusal):
    """The day lies in a period whose books are closed."""

    kind, code = Kind.CONFLICT, "period_closed"
    remedy = "give an `effective_date` that is open, or ask for the period to be reopened"


class PeriodNotClosed(Refusal):
    """Only a closed period can be reopened, and only an open one closed."""

    kind, code = Kind.CONFLICT, "period_not_closed"
    remedy = "look at the periods"


class UnknownRestriction(Refusal):
    """The charter has no such restriction."""

    kind, code = Kind.INVALID, "unknown_restriction"
    remedy = "see the charter"


class RestrictionNotUsable(Refusal):
    """Money under this restriction could pay for no purpose of the window."""

    kind, code = Kind.CONFLICT, "restriction_not_usable"
    remedy = "choose another window or restriction"


class UnknownAccount(Refusal):
    """The charter's chart has no such account of the trustee."""

    kind, code = Kind.INVALID, "unknown_account"
    remedy = "see the charter; the fund's money is not moved by journal entries"


class Unbalanced(Refusal):
    """Debits and credits of a journal entry differ in a currency."""

    kind, code = Kind.INVALID, "unbalanced"
    remedy = "make them equal, currency by currency"


class AlreadyCorrected(Refusal):
    """An entry is corrected once, and a correction is not corrected."""

    kind, code = Kind.CONFLICT, "already_corrected"
    remedy = "book what is right anew"


class SuspenseClosed(Refusal):
    """The unidentified receipt has been resolved or returned."""

    kind, code = Kind.CONFLICT, "suspense_closed"
    remedy = "the sentence names the entry"


class NoExchangeRates(Refusal):
    """The charter names no source of exchange rates, so nothing is converted or valued."""

    kind, code = Kind.CONFLICT, "no_exchange_rates"
    remedy = "without one nothing is converted or valued"


class RateMissing(Refusal):
    """No rate was published on the day or within the charter's limit before it."""

    kind, code = Kind.CONFLICT, "rate_missing"
    remedy = "the trustee enters the published rates"


class RateOutOfRange(Refusal):
    """A rate is further from the published one than the charter allows."""

    kind, code = Kind.CONFLICT, "rate_out_of_range"
    remedy = "check the digits; correct the rates if those are wrong"


class NothingToValue(Refusal):
    """The fund holds no currency but its holding currency."""

    kind, code = Kind.CONFLICT, "nothing_to_value"
    remedy = "nothing"


class MandateRequired(Refusal):
    """No mandate of the legislature covers this."""

    kind, code = Kind.CONFLICT, "mandate_required"
    remedy = "register one, or put the agreement under one"


class ExceedsMandate(Refusal):
    """More would be agreed or released than the legislature has allowed."""

    kind, code = Kind.CONFLICT, "exceeds_mandate"
    remedy = "the sentence says how much is left"
