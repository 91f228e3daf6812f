"""Decision rules: what ballots come to, to the last unit, and when nothing can change it."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.charter.decision_rules import (
    Abstentions,
    Choice,
    RuleKind,
    ShareOf,
    Tally,
    Tie,
    Verdict,
    Vote,
    settled,
    tally,
    verdict,
)

ACCEPTED, REFUSED, NO_QUORUM = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.NO_QUORUM
COUNTED = (RuleKind.MAJORITY, RuleKind.WEIGHTED, RuleKind.DOUBLE_MAJORITY)
SHARES = (None, "1/3", "1/2", "60/100", "2/3", "1/1")
MAX_SILENT = 3


def a_rule(rule: str, **numbers: Any) -> Vote:
    return Vote.model_validate({"rule": rule, **numbers})


def each_one(parties: str) -> dict[str, int]:
    """An electorate of single letters where nothing is weighed."""
    return dict.fromkeys(parties, 1)


def said(
    in_favour: str = "", against: str = "", abstain: str = "", recuse: str = ""
) -> dict[str, Choice]:
    """Ballots of single letters."""
    return {
        **dict.fromkeys(in_favour, Choice.IN_FAVOUR),
        **dict.fromkeys(against, Choice.AGAINST),
        **dict.fromkeys(abstain, Choice.ABSTAIN),
        **dict.fromkeys(recuse, Choice.RECUSE),
    }


@st.composite
def votes(draw: st.DrawFn) -> Vote:
    """Any rule with any numbers."""
    return Vote(
        rule=draw(st.sampled_from(RuleKind)),
        threshold=draw(st.sampled_from(SHARES)),
        weight_threshold=draw(st.sampled_from(SHARES)),
        quorum=draw(st.sampled_from(SHARES)),
        weight_quorum=draw(st.sampled_from(SHARES)),
        share_of=draw(st.sampled_from(ShareOf)),
        abstentions=draw(st.sampled_from(Abstentions)),
        tie=draw(st.sampled_from(Tie)),
    )


@st.composite
def halfway(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, Choice]]:
    """An electorate, and ballots of all but a few of it."""
    size = draw(st.integers(1, 6))
    electorate = {"ABCDEF"[place]: draw(st.integers(0, 4)) for place in range(size)}
    silent = draw(st.integers(0, min(size, MAX_SILENT)))
    cast = {party: draw(st.sampled_from(Choice)) for party in list(electorate)[silent:]}
    return electorate, cast


def endings(vote: Vote, electorate: dict[str, int], cast: dict[str, Choice]) -> set[Verdict]:
    """Everything that a vote can still come to."""
    silent = [party for party in electorate if party not in cast]
    found = set()
    for choices in product([None, *Choice], repeat=len(silent)):
        rest = {p: choice for p, choice in zip(silent, choices, strict=True) if choice is not None}
        found.add(verdict(vote, electorate, {**cast, **rest}))
    return found


@given(votes(), halfway())
def test_what_is_settled_comes_out_so_whatever_the_others_say(
    vote: Vote, ballots: tuple[dict[str, int], dict[str, Choice]]
) -> None:
    electorate, cast = ballots

    found = settled(vote, electorate, cast)

    possible = endings(vote, electorate, cast)
    if len(cast) == len(electorate):
        assert possible == {found}
    elif found is None:
        assert ACCEPTED in possible
        assert len(possible) > 1
    elif found is ACCEPTED:
        assert possible == {ACCEPTED}
    else:
        # Lost, with a quorum or without one: it need not wait for the clock to learn which.
        assert found is REFUSED
        assert ACCEPTED not in possible


@given(votes(), halfway(), st.sampled_from(COUNTED))
def test_one_more_vote_in_favour_never_loses_what_was_won(
    vote: Vote, ballots: tuple[dict[str, int], dict[str, Choice]], rule: RuleKind
) -> None:
    electorate, cast = ballots
    plain = {"rule": rule, "share_of": ShareOf.ELECTORATE, "quorum": None, "weight_quorum": None}
    vote = vote.model_copy(update=plain)

    won = verdict(vote, electorate, cast) is ACCEPTED

    for party in electorate:
        more = {**cast, party: Choice.IN_FAVOUR}
        if won and cast.get(party) is not Choice.RECUSE:
            assert verdict(vote, electorate, more) is ACCEPTED


@pytest.mark.parametrize(
    ("numbers", "cast", "comes_to"),
    [
        ({}, said("ABC"), ACCEPTED),
        ({}, said("AB", against="C"), REFUSED),
        ({}, said("AB"), REFUSED),
        ({}, said("AB", abstain="C"), REFUSED),
        ({"abstentions": "ignored"}, said("AB", abstain="C"), ACCEPTED),
        ({"abstentions": "ignored"}, said(abstain="ABC"), REFUSED),
        ({"share_of": "votes_cast"}, said("AB"), ACCEPTED),
        ({"share_of": "votes_cast"}, said(), REFUSED),
        ({}, said("AB", recuse="C"), ACCEPTED),
    ],
)
def test_unanimity_takes_everybody_who_counts(
    numbers: dict[str, Any], cast: dict[str, Choice], comes_to: Verdict
) -> None:
    assert verdict(a_rule("unanimity", **numbers), each_one("ABC"), cast) is comes_to


def test_one_against_settles_unanimity() -> None:
    vote, everybody = a_rule("unanimity"), each_one("ABC")

    assert settled(vote, everybody, said("A")) is None
    assert settled(vote, everybody, said("A", against="B")) is REFUSED
    assert settled(vote, everybody, said("ABC")) is ACCEPTED


@pytest.mark.parametrize(
    ("cast", "comes_to"),
    [
        (said("A"), ACCEPTED),
        (said(abstain="A"), ACCEPTED),
        (said("AB", against="C"), REFUSED),
        (said(), NO_QUORUM),
        (said(recuse="A"), NO_QUORUM),
    ],
)
def test_consensus_is_that_nobody_who_is_present_objects(
    cast: dict[str, Choice], comes_to: Verdict
) -> None:
    assert verdict(a_rule("consensus"), each_one("ABC"), cast) is comes_to


@pytest.mark.parametrize(
    ("cast", "comes_to"),
    [
        (said(), ACCEPTED),
        (said("A", abstain="B"), ACCEPTED),
        (said("AB", against="C"), REFUSED),
        (said(recuse="ABC"), NO_QUORUM),
    ],
)
def test_silence_is_consent(cast: dict[str, Choice], comes_to: Verdict) -> None:
    assert verdict(a_rule("silence"), each_one("ABC"), cast) is comes_to


def test_silence_is_settled_early_once_everybody_has_answered_or_somebody_objects() -> None:
    vote, everybody = a_rule("silence"), each_one("ABC")

    assert settled(vote, everybody, said()) is None
    assert settled(vote, everybody, said("AB")) is None
    assert settled(vote, everybody, said("AB", abstain="C")) is ACCEPTED
    assert settled(vote, everybody, said(against="A")) is REFUSED


@pytest.mark.parametrize(
    ("numbers", "cast", "comes_to"),
    [
        ({}, said("ABC"), ACCEPTED),
        ({}, said("AB", against="CD"), REFUSED),
        ({"tie": "accepted"}, said("AB", against="CD"), ACCEPTED),
        ({"tie": "accepted"}, said("A", against="BCD"), REFUSED),
        ({"threshold": "1/2"}, said("AB", against="CD"), ACCEPTED),
        ({"threshold": "3/4"}, said("ABC"), ACCEPTED),
        ({"threshold": "3/4"}, said("AB", against="C"), REFUSED),
        ({}, said("AB", against="C"), REFUSED),
        ({"share_of": "votes_cast"}, said("AB", against="C"), ACCEPTED),
        ({"share_of": "votes_cast"}, said("AB", against="C", abstain="D"), REFUSED),
        (
            {"share_of": "votes_cast", "abstentions": "ignored"},
            said("AB", against="C", abstain="D"),
            ACCEPTED,
        ),
        ({"share_of": "votes_cast"}, said(), REFUSED),
        ({"share_of": "votes_cast", "tie": "accepted"}, said(), REFUSED),
    ],
)
def test_a_majority_is_a_share_of_the_members(
    numbers: dict[str, Any], cast: dict[str, Choice], comes_to: Verdict
) -> None:
    assert verdict(a_rule("majority", **numbers), each_one("ABCD"), cast) is comes_to


def test_a_majority_is_settled_by_the_vote_that_decides() -> None:
    vote, everybody = a_rule("majority"), each_one("ABCDE")

    assert settled(vote, everybody, said("AB")) is None
    assert settled(vote, everybody, said("ABC")) is ACCEPTED
    assert settled(vote, everybody, said("AB", against="CD")) is None
    assert settled(vote, everybody, said("AB", against="CDE")) is REFUSED


def test_a_majority_of_the_votes_cast_is_open_while_others_could_outvote_it() -> None:
    vote = a_rule("majority", share_of="votes_cast")

    assert settled(vote, each_one("ABC"), said("A")) is None
    assert settled(vote, each_one("ABC"), said("AB")) is ACCEPTED


@pytest.mark.parametrize(
    ("numbers", "cast", "comes_to"),
    [
        ({}, said("A", against="BC"), ACCEPTED),
        ({}, said("BC", against="A"), REFUSED),
        ({"weight_threshold": "51/100"}, said("A"), ACCEPTED),
        ({"weight_threshold": "52/100"}, said("A", against="BC"), REFUSED),
        ({"weight_threshold": "52/100"}, said("AB"), ACCEPTED),
        ({"threshold": "1/1"}, said("A"), ACCEPTED),
        ({"share_of": "votes_cast"}, said("B", against="C"), ACCEPTED),
    ],
)
def test_weights_count_and_not_heads(
    numbers: dict[str, Any], cast: dict[str, Choice], comes_to: Verdict
) -> None:
    weights = {"A": 51, "B": 29, "C": 20}

    assert verdict(a_rule("weighted", **numbers), weights, cast) is comes_to


def test_half_of_the_weight_is_a_tie() -> None:
    halves = {"A": 50, "B": 30, "C": 20}

    assert verdict(a_rule("weighted"), halves, said("A")) is REFUSED
    assert verdict(a_rule("weighted", tie="accepted"), halves, said("A")) is ACCEPTED


def test_nobody_wins_where_nothing_weighs_anything() -> None:
    vote = a_rule("weighted", weight_threshold="1/2", tie="accepted")

    assert verdict(vote, {"A": 0, "B": 0}, said("AB")) is REFUSED


@pytest.mark.parametrize(
    ("weights", "in_favour", "comes_to"),
    [
        ((20, 20, 20, 20, 20), "ABC", ACCEPTED),  # exactly 60 of both
        ((19, 20, 20, 20, 21), "ABC", REFUSED),  # one unit of weight less
        ((30, 30, 20, 10, 10), "AB", REFUSED),  # one member less
        ((1, 1, 58, 20, 20), "ABC", ACCEPTED),
        ((1, 1, 57, 20, 21), "ABC", REFUSED),
        ((96, 1, 1, 1, 1), "BCDE", REFUSED),
    ],
)
def test_sixty_in_a_hundred_of_members_and_of_weights_is_enough_and_a_unit_less_is_not(
    weights: tuple[int, ...], in_favour: str, comes_to: Verdict
) -> None:
    vote = a_rule("double_majority", threshold="60/100", weight_threshold="60/100")
    electorate = dict(zip("ABCDE", weights, strict=True))

    assert verdict(vote, electorate, said(in_favour)) is comes_to


def test_shares_are_exact_where_floats_would_not_be() -> None:
    vote = a_rule("weighted", weight_threshold="1/3")
    whole = 3 * 10**17 + 3

    assert verdict(vote, {"A": whole // 3, "B": whole - whole // 3}, said("A")) is ACCEPTED
    assert verdict(vote, {"A": whole // 3 - 1, "B": whole // 3 * 2 + 1}, said("A")) is REFUSED


@pytest.mark.parametrize("rule", RuleKind)
def test_a_quorum_of_members_is_those_who_said_anything(rule: RuleKind) -> None:
    vote = a_rule(rule, quorum="2/3", share_of="votes_cast")

    assert verdict(vote, each_one("ABC"), said("A")) is NO_QUORUM
    assert verdict(vote, each_one("ABC"), said("AB")) is ACCEPTED
    assert verdict(vote, each_one("ABC"), said("A", abstain="B")) is not NO_QUORUM


@pytest.mark.parametrize("rule", RuleKind)
def test_a_quorum_of_weights_is_what_those_weigh_who_said_anything(rule: RuleKind) -> None:
    vote = a_rule(rule, weight_quorum="60/100", share_of="votes_cast")
    weights = {"A": 59, "B": 1, "C": 40}

    assert verdict(vote, weights, said("A")) is NO_QUORUM
    assert verdict(vote, weights, said("BC")) is NO_QUORUM
    assert verdict(vote, weights, said("AB")) is ACCEPTED


def test_a_vote_in_favour_is_not_settled_before_its_quorum_is_there() -> None:
    vote = a_rule("majority", quorum="1/1")

    assert settled(vote, each_one("ABC"), said("AB")) is None
    assert settled(vote, each_one("ABC"), said("AB", abstain="C")) is ACCEPTED


def test_whoever_steps_aside_leaves_what_shares_are_taken_of() -> None:
    majority = a_rule("majority")
    weighted = a_rule("weighted", weight_threshold="60/100")
    weights = {"A": 60, "B": 40, "C": 900}

    assert verdict(majority, each_one("ABCD"), said("AB", against="C")) is REFUSED
    assert verdict(majority, each_one("ABCD"), said("AB", against="C", recuse="D")) is ACCEPTED
    assert verdict(weighted, weights, said("A", against="B")) is REFUSED
    assert verdict(weighted, weights, said("A", against="B", recuse="C")) is ACCEPTED


def test_whoever_steps_aside_leaves_the_quorum() -> None:
    vote = a_rule("majority", quorum="1/1", weight_quorum="1/1")

    assert verdict(vote, {"A": 1, "B": 1, "C": 8}, said("AB")) is NO_QUORUM
    assert verdict(vote, {"A": 1, "B": 1, "C": 8}, said("AB", recuse="C")) is ACCEPTED


@pytest.mark.parametrize("rule", RuleKind)
def test_nothing_is_decided_where_everybody_steps_aside(rule: RuleKind) -> None:
    vote = a_rule(rule)

    assert verdict(vote, each_one("ABC"), said(recuse="ABC")) is NO_QUORUM
    assert settled(vote, each_one("ABC"), said(recuse="ABC")) is NO_QUORUM


def test_a_tally_names_every_number_of_the_decision() -> None:
    electorate = {"A": 50, "B": 30, "C": 15, "D": 5, "E": 7}

    counted = tally(electorate, said("A", against="B", abstain="C", recuse="D"))

    assert counted == Tally(
        members=4,
        in_favour=1,
        against=1,
        abstained=1,
        recused=1,
        weight="102",
        weight_in_favour="50",
        weight_against="30",
    )


@pytest.mark.parametrize("share", ["1/1", "60/100", "3/5", "1/999999999"])
def test_a_share_is_a_fraction_as_it_was_written(share: str) -> None:
    assert a_rule("majority", threshold=share).threshold == share


@pytest.mark.parametrize(
    "share", ["0/1", "1/0", "2/1", "61/60", "0.6", "60%", "1/03", "-1/2", "1/2 ", "", 0.6, 1]
)
def test_a_share_is_more_than_nothing_and_at_most_all(share: object) -> None:
    with pytest.raises(ValidationError):
        a_rule("majority", threshold=share)
