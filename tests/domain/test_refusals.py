"""The catalogue of refusals: what callers may rely on."""

import re

from app.domain import refusals
from app.domain.refusals import Kind, Refusal

CLASSES = [
    found
    for found in vars(refusals).values()
    if isinstance(found, type) and issubclass(found, Refusal) and found is not Refusal
]


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [refusal.code for refusal in CLASSES]

    assert len(set(codes)) == len(codes)


def test_a_code_is_the_name_of_its_class_in_lower_case() -> None:
    for refusal in CLASSES:
        words = re.findall("[A-Z][a-z]*", refusal.__name__)
        assert refusal.code == "_".join(words).lower()


def test_every_refusal_is_of_a_known_kind() -> None:
    assert all(isinstance(refusal.kind, Kind) for refusal in CLASSES)


def test_a_refusal_is_its_sentence() -> None:
    refusal = refusals.NotFound("This fund has no such row.")

    assert refusal.sentence == str(refusal) == "This fund has no such row."
