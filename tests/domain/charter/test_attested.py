"""A checkpoint that an entry names: a size from 1, a root in lower-case hex, nothing else."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.charter.attested import AttestedCheckpoint, VerifierKey

GOOD = {"size": 1, "root": "0" * 64}


def test_a_size_and_a_root() -> None:
    read = AttestedCheckpoint.model_validate(GOOD)

    assert (read.size, read.root) == (1, "0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": 2**53},
        {"size": True},
        {"root": "0" * 63},
        {"root": "A" * 64},
        {"x": 1},
    ],
)
def test_anything_else_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AttestedCheckpoint.model_validate({**GOOD, **change})


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("log.example/era+0123abcd+" + "A" * 44, True),
        ("log.example/era+0123ABCD+" + "A" * 44, False),
        ("log.example/era+0123abcd+" + "A" * 43, False),
        ("log+example+0123abcd+" + "A" * 44, False),
        ("+0123abcd+" + "A" * 44, False),
    ],
)
def test_a_verifier_key_has_a_name_an_id_and_a_key(text: str, good: bool) -> None:
    reader: TypeAdapter[str] = TypeAdapter(VerifierKey)
    if good:
        assert reader.validate_python(text) == text
    else:
        with pytest.raises(ValidationError):
            reader.validate_python(text)
