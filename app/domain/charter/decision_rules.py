"""Decision rules: when the votes of several governments make a decision, as data.

Pure arithmetic, in whole numbers: who may vote, with which weight, was frozen when the vote was
opened (`polls`). Shares are compared as fractions, never rounded.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.domain.charter.calendars import Clock
from app.domain.event import Terms
from app.domain.values import Role


def _at_most_one(text: str) -> str:
    if Fraction(text) > 1:
        raise PydanticCustomError("share_out_of_range", "A share is at most the whole.")
    return text


Share = Annotated[
    str,
    Field(strict=True, pattern="^[1-9][0-9]{0,8}/[1-9][0-9]{0,8}$", examples=["3/5"]),
    AfterValidator(_at_most_one),
]
"""An exact part of a whole, above zero and at most all: `3/5` or `60/100`."""


class RuleKind(StrEnum):
    """How a decision comes about."""

    UNANIMITY = "unanimity"
    CONSENSUS = "consensus"  # nobody who is present objects
    SILENCE = "silence"  # nobody objects before the clock ends
    MAJORITY = "majority"
    WEIGHTED = "weighted"
    DOUBLE_MAJORITY = "double_majority"  # of members and of weights


NO_OBJECTION = frozenset({RuleKind.CONSENSUS, RuleKind.SILENCE})
"""Rules by which one vote against is an objection."""
WEIGHING = frozenset({RuleKind.WEIGHTED, RuleKind.DOUBLE_MAJORITY})


class DecisionClass(StrEnum):
    """What is decided: each class has its own rule."""

    RELEASE = "release"
    CHARTER = "charter"
    ISSUERS = "issuers"
    LOG_KEY = "log_key"
    EXPORT_KEY = "export_key"
    CLOSING = "closing"
    MOTION = "motion"


class Choice(StrEnum):
    """How a party may vote. By consensus or silence, `against` is an objection."""

    IN_FAVOUR = "in_favour"
    AGAINST = "against"
    ABSTAIN = "abstain"
    RECUSE = "recuse"  # steps aside: counts neither among the members nor among the votes


class ShareOf(StrEnum):
    """The total of which the majority is a share."""

    ELECTORATE = "electorate"
    VOTES_CAST = "votes_cast"


class Abstentions(StrEnum):
    """Whether abstentions stay in the total of which the majority is a share."""

    COUNTED = "counted"
    IGNORED = "ignored"


class Tie(StrEnum):
    """What exactly one half of the votes means, where more than one half is asked for."""

    REFUSED = "refused"
    ACCEPTED = "accepted"


class Weights(StrEnum):
    """Where a vote's weights come from: contributions received, or the charter's shares."""

    RECEIVED = "received"
    CHARTER = "charter"


class Objection(StrEnum):
    """What the first objection does."""

    STOP = "stop"
    VOTE = "vote"  # the same members vote, by the rule in `then`
    ESCALATE = "escalate"  # others of the same governments vote: another role, by `then`


class Vote(Terms):
    """A rule and its numbers. A threshold of None is: more than one half."""

    rule: RuleKind
    role: Role = Role.TREASURY_APPROVER
    threshold: Share | None = None
    weight_threshold: Share | None = None
    quorum: Share | None = None
    weight_quorum: Share | None = None
    share_of: ShareOf = ShareOf.ELECTORATE
    abstentions: Abstentions = Abstentions.COUNTED
    tie: Tie = Tie.REFUSED
    weights: Weights = Weights.RECEIVED
    clock: Clock | None = None

    @property
    def weighs(self) -> bool:
        """Whether weights matter at all."""
        return self.rule in WEIGHING or self.weight_quorum is not None


class Rule(Vote):
    """The rule of a class of decisions, and what an objection leads to."""

    on_objection: Objection = Objection.STOP
    then: Vote | None = None


class Verdict(StrEnum):
    """The outcome of a vote."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NO_QUORUM = "no_quorum"


class Tally(BaseModel):
    """The counts on which a decision rests. Weights are whole numbers, written as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int
    in_favour: int
    against: int
    abstained: int
    recused: int
    weight: str
    weight_in_favour: str
    weight_against: str


def tally(electorate: Mapping[str, int], cast: Mapping[str, Choice]) -> Tally:
    """Count the ballots of an electorate, given with its weights."""
    by_choice = {choice: [p for p, said in cast.items() if said is choice] for choice in Choice}
    members = [party for party in electorate if party not in by_choice[Choice.RECUSE]]
    return Tally(
        members=len(members),
        in_favour=len(by_choice[Choice.IN_FAVOUR]),
        against=len(by_choice[Choice.AGAINST]),
        abstained=len(by_choice[Choice.ABSTAIN]),
        recused=len(by_choice[Choice.RECUSE]),
        weight=str(_weight(electorate, members)),
        weight_in_favour=str(_weight(electorate, by_choice[Choice.IN_FAVOUR])),
        weight_against=str(_weight(electorate, by_choice[Choice.AGAINST])),
    )


def verdict(vote: Vote, electorate: Mapping[str, int], cast: Mapping[str, Choice]) -> Verdict:
    """The outcome if no more ballots are cast."""
    members = [party for party in electorate if cast.get(party) is not Choice.RECUSE]
    present = [party for party in members if party in cast]
    if not members or not (
        _reaches(len(present), len(members), vote.quorum)
        and _reaches(_weight(electorate, present), _weight(electorate, members), vote.weight_quorum)
    ):
        return Verdict.NO_QUORUM
    if vote.rule in NO_OBJECTION:
        if vote.rule is RuleKind.CONSENSUS and not present:
            return Verdict.NO_QUORUM
        carried = Choice.AGAINST not in cast.values()
    else:
        carried = _carried(vote, electorate, cast, members)
    return Verdict.ACCEPTED if carried else Verdict.REFUSED


def settled(
    vote: Vote, electorate: Mapping[str, int], cast: Mapping[str, Choice]
) -> Verdict | None:
    """The verdict that is certain whatever is cast from now on, or None.

    Accepted as soon as nothing can change that; refused as soon as nothing can bring about
    acceptance, whether or not a quorum is reached.
    """
    silent = [party for party in electorate if party not in cast]
    endings = {verdict(vote, electorate, cast)}
    for choice in Choice:
        endings.add(verdict(vote, electorate, {**cast, **dict.fromkeys(silent, choice)}))
    if endings == {Verdict.ACCEPTED}:
        return Verdict.ACCEPTED
    if not silent:
        return next(iter(endings))
    return None if Verdict.ACCEPTED in endings else Verdict.REFUSED


def _carried(
    vote: Vote, electorate: Mapping[str, int], cast: Mapping[str, Choice], members: list[str]
) -> bool:
    """Whether those in favour are enough, where votes are counted."""
    in_favour = [party for party in members if cast.get(party) is Choice.IN_FAVOUR]
    base = [party for party in members if vote.share_of is ShareOf.ELECTORATE or party in cast]
    if vote.abstentions is Abstentions.IGNORED:
        base = [party for party in base if cast.get(party) is not Choice.ABSTAIN]
    if vote.rule is RuleKind.UNANIMITY:
        return bool(in_favour) and len(in_favour) == len(base)
    weight_in_favour, weight = _weight(electorate, in_favour), _weight(electorate, base)
    by_members = _carries(len(in_favour), len(base), vote.threshold, vote.tie)
    by_weight = _carries(weight_in_favour, weight, vote.weight_threshold, vote.tie)
    match vote.rule:
        case RuleKind.MAJORITY:
            return by_members
        case RuleKind.WEIGHTED:
            return by_weight
        case _:
            return by_members and by_weight


def _weight(electorate: Mapping[str, int], parties: Iterable[str]) -> int:
    return sum(electorate[party] for party in parties if party in electorate)


def _reaches(part: int, whole: int, share: str | None) -> bool:
    """Whether `part` is at least that share of `whole`."""
    return share is None or part >= Fraction(share) * whole


def _carries(part: int, whole: int, threshold: str | None, tie: Tie) -> bool:
    """Whether `part` is at least the threshold; without one, more than one half."""
    if whole == 0:
        return False
    if threshold is not None:
        return _reaches(part, whole, threshold)
    return 2 * part > whole or (2 * part == whole and tie is Tie.ACCEPTED)
