"""Refusals about who may act: roles, parties, keys, signatures, issuers."""

from app.domain.refusals.base import Kind, Refusal


class RoleNotPermitted(Refusal):
    """The actor does not hold a role that this needs."""

    kind, code = Kind.FORBIDDEN, "role_not_permitted"
    remedy = "ask your party's admin"


class NotAMember(Refusal):
    """The actor is not a member of this party in this fund."""

    kind, code = Kind.FORBIDDEN, "not_a_member"
    remedy = "ask your party's admin"


class WrongParty(Refusal):
    """Another party owns this, or must do it."""

    kind, code = Kind.FORBIDDEN, "wrong_party"
    remedy = "act on your own party's things"


class SeparationOfDuties(Refusal):
    """The person has already acted on this request in another capacity."""

    kind, code = Kind.FORBIDDEN, "separation_of_duties"
    remedy = "another person must do it"


class LastAdmin(Refusal):
    """A party must keep somebody who can administer it."""

    kind, code = Kind.CONFLICT, "last_admin"
    remedy = "another admin must do it"


class SignatureRequired(Refusal):
    """The charter demands the party's own signature on this."""

    kind, code = Kind.INVALID, "signature_required"
    remedy = "sign it (`fundledger sign`, or the client)"


class SignatureMismatch(Refusal):
    """The signature is not valid, or was made for something else."""

    kind, code = Kind.INVALID, "signature_mismatch"
    remedy = "sign the canonical form of exactly this body"


class KeyNotValid(Refusal):
    """The key is unknown, not the party's, not yet in force, or not trusted any more."""

    kind, code = Kind.FORBIDDEN, "key_not_valid"
    remedy = "sign with a key of your party that is active"


class IssuerNotRegistered(Refusal):
    """The fund takes this party's tokens from other issuers only."""

    kind, code = Kind.FORBIDDEN, "issuer_not_registered"
    remedy = "use one of those, or propose it"


class SubjectDenied(Refusal):
    """The party has shut this person out of the fund, for good."""

    kind, code = Kind.CONFLICT, "subject_denied"
    remedy = "give the task to somebody else"
