"""The catalogue of refusals: what callers may rely on."""

import re

import pytest

from app.domain.refusals.base import REFUSALS, Kind, NotFound, Refusal

CLASSES = list(REFUSALS.values())


def test_the_catalogue_is_there() -> None:
    assert len(CLASSES) > 60


def test_a_code_belongs_to_one_refusal() -> None:
    with pytest.raises(TypeError, match="two refusals"):
        type("NotFoundEither", (Refusal,), {"kind": Kind.MISSING, "code": "not_found"})


def test_every_refusal_says_its_cause_and_what_to_do() -> None:
    assert all(refusal.__doc__ and refusal.remedy.strip("-") for refusal in CLASSES)


def test_a_code_is_the_name_of_its_class_in_lower_case() -> None:
    for refusal in CLASSES:
        words = re.findall("[A-Z][a-z]*", refusal.__name__)
        assert refusal.code == "_".join(words).lower()


def test_every_refusal_is_of_a_known_kind() -> None:
    assert all(isinstance(refusal.kind, Kind) for refusal in CLASSES)


def test_a_refusal_is_its_sentence() -> None:
    refusal = NotFound("This fund has no such row.")

    assert refusal.sentence == str(refusal) == "This fund has no such row."
