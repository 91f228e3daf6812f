"""Refusals about the record: the log, its entries and attestations."""

from app.domain.refusals.base import Kind, Refusal


class LogIsClosed(Refusal):
    """The fund's log was ended by decision and takes no more entries."""

    kind, code = Kind.CONFLICT, "log_is_closed"
    remedy = "post to its successor"


class NotWitnessed(Refusal):
    """The charter's quorum of witnesses has not cosigned the log as far as this release needs."""

    kind, code = Kind.CONFLICT, "not_witnessed"
    remedy = "it comes by itself within seconds; if not, operators look at the witnesses"


class AttestationFalse(Refusal):
    """A cosignature, a time token or another attestation is not valid."""

    kind, code = Kind.INVALID, "attestation_false"
    remedy = "the sentence says which; make it for exactly this log"


class IdempotencyKeyReused(Refusal):
    """The idempotency key was used for another request."""

    kind, code = Kind.INVALID, "idempotency_key_reused"
    remedy = "choose a new key for a new request"


class EntryTooLarge(Refusal):
    """The entry would exceed 65,535 bytes."""

    kind, code = Kind.INVALID, "entry_too_large"
    remedy = "send less"


class BatchTooSlow(Refusal):
    """Deciding took too long: others wait for the same log and give up after ten seconds."""

    kind, code = Kind.LATER, "batch_too_slow"
    remedy = "again, same key: the rest of a batch, or fewer at once"
    again_soon = True


class RequestInFlight(Refusal):
    """The first request with this key has not been answered yet."""

    kind, code = Kind.CONFLICT, "request_in_flight"
    remedy = "come back after `Retry-After`"
    again_soon = True
