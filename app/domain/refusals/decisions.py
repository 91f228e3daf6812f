"""Refusals about decisions: steps, votes, clocks, quorums."""

from app.domain.refusals.base import Kind, Refusal


class UnknownStep(Refusal):
    """The charter has no such approval step."""

    kind, code = Kind.INVALID, "unknown_step"
    remedy = "see the charter"


class StaleProposal(Refusal):
    """The digest names other content than what is there."""

    kind, code = Kind.STALE, "stale_proposal"
    remedy = "read it again, then decide"


class StepNotOpen(Refusal):
    """It is not this step's turn, or another role takes it."""

    kind, code = Kind.CONFLICT, "step_not_open"
    remedy = "the sentence says which"


class AlreadyDecided(Refusal):
    """This party has answered this step."""

    kind, code = Kind.CONFLICT, "already_decided"
    remedy = "nothing: the answer is in the log; it can be revoked"


class ProposalClosed(Refusal):
    """The request is not open to this any more."""

    kind, code = Kind.CONFLICT, "proposal_closed"
    remedy = "look at its state"


class EvidenceRequired(Refusal):
    """The charter asks for a document at this step."""

    kind, code = Kind.INVALID, "evidence_required"
    remedy = "add its digest and citation"


class ReasonRequired(Refusal):
    """A refusal, or a vote against, needs a reason."""

    kind, code = Kind.INVALID, "reason_required"
    remedy = "say why"


class CalendarEnds(Refusal):
    """A clock would run beyond the days that the charter's calendar knows."""

    kind, code = Kind.CONFLICT, "calendar_ends"
    remedy = "propose a charter with a longer one"


class CharterIncompatible(Refusal):
    """A new charter must keep what money and obligations depend on."""

    kind, code = Kind.CONFLICT, "charter_incompatible"
    remedy = "keep it; the sentence names it"


class TooManyOpen(Refusal):
    """A party has as many of these as a release can read."""

    kind, code = Kind.CONFLICT, "too_many_open"
    remedy = "end one of them first"


class QuorumLost(Refusal):
    """Too few governments have anybody who can decide, so nothing is released."""

    kind, code = Kind.CONFLICT, "quorum_lost"
    remedy = "their admins add somebody"


class ApprovalExpired(Refusal):
    """An approval has expired, was revoked, or rests on a key that is not trusted."""

    kind, code = Kind.CONFLICT, "approval_expired"
    remedy = "the party gives it again; `blockers` names it"


class ConditionsOpen(Refusal):
    """An approver attached a condition that has not been met."""

    kind, code = Kind.CONFLICT, "conditions_open"
    remedy = "the approver says when it is"


class NotInElectorate(Refusal):
    """The party has no vote in this."""

    kind, code = Kind.FORBIDDEN, "not_in_electorate"
    remedy = "the vote lists who may cast a ballot"


class ClockRuns(Refusal):
    """The deadline has not passed."""

    kind, code = Kind.CONFLICT, "clock_runs"
    remedy = "wait"


class DeadlineImpossible(Refusal):
    """The stated deadline is not the end of the charter's days in any time zone."""

    kind, code = Kind.INVALID, "deadline_impossible"
    remedy = "nothing that a client sends: an entry that says so is forged"


class UnknownTimeZone(Refusal):
    """The time zones installed at the ledger do not include this name."""

    kind, code = Kind.INVALID, "unknown_time_zone"
    remedy = "write an IANA name such as `Europe/Brussels`"


class DrawnPartyMissing(Refusal):
    """The release would draw on a government that was not asked."""

    kind, code = Kind.CONFLICT, "drawn_party_missing"
    remedy = "cancel it and ask again"
