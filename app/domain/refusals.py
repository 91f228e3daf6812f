"""Refusals: the ways in which the ledger says no.

A refusal is an answer to a caller, not a fault: a kind (what HTTP makes of it is decided in
`api/problems.py` alone), a stable code, and one sentence with both values. Every code is listed
in `docs/errors.md`.
"""

from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What sort of no it is."""

    INVALID = "invalid"  # the request makes no sense, whatever the state of the book
    FORBIDDEN = "forbidden"  # not this person, not this party
    MISSING = "missing"  # there is no such thing in this fund
    CONFLICT = "conflict"  # it made sense, but the state of the book forbids it
    STALE = "stale"  # it speaks of content that is not the present one
    LATER = "later"  # nothing is wrong with it: there was no time for it now


class Refusal(Exception):
    """Base of all refusals."""

    kind: ClassVar[Kind]
    code: ClassVar[str]

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(Refusal):
    """There is no such thing in this fund."""

    kind, code = Kind.MISSING, "not_found"


class RoleNotPermitted(Refusal):
    """The actor does not hold the role that this takes."""

    kind, code = Kind.FORBIDDEN, "role_not_permitted"


class NotAMember(Refusal):
    """The actor is not a member of this party in this fund."""

    kind, code = Kind.FORBIDDEN, "not_a_member"


class WrongParty(Refusal):
    """The thing belongs to another party."""

    kind, code = Kind.FORBIDDEN, "wrong_party"


class SeparationOfDuties(Refusal):
    """The person has already acted on this request in another capacity."""

    kind, code = Kind.FORBIDDEN, "separation_of_duties"


class AlreadyExists(Refusal):
    """The name or reference is taken."""

    kind, code = Kind.CONFLICT, "already_exists"


class UnknownWindow(Refusal):
    """The charter has no such window."""

    kind, code = Kind.INVALID, "unknown_window"


class UnknownBankAccount(Refusal):
    """The charter has no such bank account."""

    kind, code = Kind.INVALID, "unknown_bank_account"


class UnknownStep(Refusal):
    """The charter has no such approval step."""

    kind, code = Kind.INVALID, "unknown_step"


class CurrencyNotInCharter(Refusal):
    """The fund does not take this currency."""

    kind, code = Kind.INVALID, "currency_not_in_charter"


class CurrencyMismatch(Refusal):
    """Two amounts that must be in one currency are not."""

    kind, code = Kind.INVALID, "currency_mismatch"


class AmountOutOfRange(Refusal):
    """A sum would exceed 10^18 - 1 minor units."""

    kind, code = Kind.INVALID, "amount_out_of_range"


class DateOutOfRange(Refusal):
    """A date lies in the future or before anything that this fund could mean."""

    kind, code = Kind.INVALID, "date_out_of_range"


class InstalmentsDoNotAddUp(Refusal):
    """The instalments of an agreement must sum to its amount."""

    kind, code = Kind.INVALID, "instalments_do_not_add_up"


class PurposeNotAllowed(Refusal):
    """The window's money may not be used for this purpose."""

    kind, code = Kind.CONFLICT, "purpose_not_allowed"


class ExceedsPledge(Refusal):
    """More would be agreed than the pledge still has."""

    kind, code = Kind.CONFLICT, "exceeds_pledge"


class AgreementNotInForce(Refusal):
    """Only an agreement in force can be paid on."""

    kind, code = Kind.CONFLICT, "agreement_not_in_force"


class AlreadySigned(Refusal):
    """This side has signed."""

    kind, code = Kind.CONFLICT, "already_signed"


class ExceedsAgreement(Refusal):
    """More would be received than was agreed."""

    kind, code = Kind.CONFLICT, "exceeds_agreement"


class BankReferenceUsed(Refusal):
    """One line of a bank statement is booked once."""

    kind, code = Kind.CONFLICT, "bank_reference_used"


class StaleProposal(Refusal):
    """The digest names other content than what is there."""

    kind, code = Kind.STALE, "stale_proposal"


class StepNotOpen(Refusal):
    """It is not this step's turn, or not this role's step."""

    kind, code = Kind.CONFLICT, "step_not_open"


class AlreadyDecided(Refusal):
    """This party has answered this step."""

    kind, code = Kind.CONFLICT, "already_decided"


class ProposalClosed(Refusal):
    """The request is not open to this any more."""

    kind, code = Kind.CONFLICT, "proposal_closed"


class EvidenceRequired(Refusal):
    """The charter asks for a document at this step."""

    kind, code = Kind.INVALID, "evidence_required"


class ReasonRequired(Refusal):
    """Whoever refuses says why."""

    kind, code = Kind.INVALID, "reason_required"


class InsufficientFunds(Refusal):
    """The window or the bank account does not hold that much."""

    kind, code = Kind.CONFLICT, "insufficient_funds"


class PeriodClosed(Refusal):
    """The day lies in a period whose books are closed."""

    kind, code = Kind.CONFLICT, "period_closed"


class PeriodNotClosed(Refusal):
    """Only a closed period can be reopened, and only an open one closed."""

    kind, code = Kind.CONFLICT, "period_not_closed"


class UnknownRestriction(Refusal):
    """The charter has no such restriction."""

    kind, code = Kind.INVALID, "unknown_restriction"


class RestrictionNotUsable(Refusal):
    """No purpose of the window would be left for money that is tied so."""

    kind, code = Kind.CONFLICT, "restriction_not_usable"


class UnknownAccount(Refusal):
    """The charter's chart has no such account of the trustee's own."""

    kind, code = Kind.INVALID, "unknown_account"


class Unbalanced(Refusal):
    """Debits and credits of a journal entry differ in a currency."""

    kind, code = Kind.INVALID, "unbalanced"


class AlreadyCorrected(Refusal):
    """An entry is corrected once, and a correction is not corrected."""

    kind, code = Kind.CONFLICT, "already_corrected"


class SuspenseClosed(Refusal):
    """The unidentified receipt has been resolved or returned."""

    kind, code = Kind.CONFLICT, "suspense_closed"


class NoExchangeRates(Refusal):
    """The charter names no source of exchange rates, so nothing is converted or valued."""

    kind, code = Kind.CONFLICT, "no_exchange_rates"


class RateMissing(Refusal):
    """No rate was published on the day or within the charter's limit before it."""

    kind, code = Kind.CONFLICT, "rate_missing"


class RateOutOfRange(Refusal):
    """A rate is further from the published one than the charter allows."""

    kind, code = Kind.CONFLICT, "rate_out_of_range"


class NothingToValue(Refusal):
    """The fund holds no currency but its holding currency."""

    kind, code = Kind.CONFLICT, "nothing_to_value"


class LastAdmin(Refusal):
    """A party must keep somebody who can administer it."""

    kind, code = Kind.CONFLICT, "last_admin"


class CalendarEnds(Refusal):
    """A clock would run beyond the days that the charter's calendar knows."""

    kind, code = Kind.CONFLICT, "calendar_ends"


class CharterIncompatible(Refusal):
    """A new charter must keep what money and obligations hang on."""

    kind, code = Kind.CONFLICT, "charter_incompatible"


class TooManyOpen(Refusal):
    """A party has as many of these as a release can look at."""

    kind, code = Kind.CONFLICT, "too_many_open"


class QuorumLost(Refusal):
    """Too few governments have anybody who can decide: releases are halted."""

    kind, code = Kind.CONFLICT, "quorum_lost"


class ApprovalExpired(Refusal):
    """An approval holds no longer, was revoked, or rests on a key that is not trusted."""

    kind, code = Kind.CONFLICT, "approval_expired"


class ConditionsOpen(Refusal):
    """An approver attached a condition that has not been met."""

    kind, code = Kind.CONFLICT, "conditions_open"


class NotInElectorate(Refusal):
    """The party has no vote in this."""

    kind, code = Kind.FORBIDDEN, "not_in_electorate"


class ClockRuns(Refusal):
    """The deadline is not over."""

    kind, code = Kind.CONFLICT, "clock_runs"


class DrawnPartyMissing(Refusal):
    """The release would draw on a government that was not asked."""

    kind, code = Kind.CONFLICT, "drawn_party_missing"


class MandateRequired(Refusal):
    """No mandate of the legislature covers this."""

    kind, code = Kind.CONFLICT, "mandate_required"


class ExceedsMandate(Refusal):
    """More would be agreed or released than the legislature has allowed."""

    kind, code = Kind.CONFLICT, "exceeds_mandate"


class SignatureRequired(Refusal):
    """The charter asks for the party's own signature on this."""

    kind, code = Kind.INVALID, "signature_required"


class SignatureMismatch(Refusal):
    """The signature does not hold, or was made for something else."""

    kind, code = Kind.INVALID, "signature_mismatch"


class KeyNotValid(Refusal):
    """The key is unknown, not the party's, not yet in force, or not trusted any more."""

    kind, code = Kind.FORBIDDEN, "key_not_valid"


class IssuerNotRegistered(Refusal):
    """The fund takes this party's tokens from other issuers only."""

    kind, code = Kind.FORBIDDEN, "issuer_not_registered"


class SubjectDenied(Refusal):
    """The party has shut this person out of the fund, for good."""

    kind, code = Kind.CONFLICT, "subject_denied"


class LogIsClosed(Refusal):
    """The fund's log was ended by decision; nothing is added to it any more."""

    kind, code = Kind.CONFLICT, "log_is_closed"


class NotWitnessed(Refusal):
    """The charter's quorum of witnesses has not cosigned the log as far as this release needs."""

    kind, code = Kind.CONFLICT, "not_witnessed"


class AttestationFalse(Refusal):
    """What an outsider is said to have attested does not hold: a cosignature, a time token, …"""

    kind, code = Kind.INVALID, "attestation_false"
