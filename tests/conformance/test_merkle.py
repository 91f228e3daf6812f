"""transparency-dev/merkle: proofs that hold, and 184 ways in which they do not."""

from base64 import b64decode
from typing import Any

import pytest

from app.chain.tree import ProofError, verify_consistency, verify_inclusion
from tests.support import vectors

INCLUSION = vectors.files("transparency-dev_merkle/inclusion")
CONSISTENCY = vectors.files("transparency-dev_merkle/consistency")


def decoded(values: list[str] | None) -> list[bytes]:
    return [b64decode(value) for value in values or []]


def short_name(name: str) -> str:
    return name.removeprefix("transparency-dev_merkle/").removesuffix(".json")


def check_inclusion(case: dict[str, Any]) -> None:
    leaf, root = decoded([case["leafHash"], case["root"]])
    verify_inclusion(case["leafIdx"], case["treeSize"], leaf, decoded(case["proof"]), root)


def check_consistency(case: dict[str, Any]) -> None:
    old_root, new_root = decoded([case["root1"], case["root2"]])
    proof = decoded(case["proof"])
    verify_consistency(case["size1"], case["size2"], old_root, new_root, proof)


@pytest.mark.parametrize("names", [INCLUSION, CONSISTENCY], ids=["inclusion", "consistency"])
def test_all_98_files_are_there_and_6_of_them_hold(names: list[str]) -> None:
    cases = [vectors.read_json(name) for name in names]

    assert len(cases) == 98
    assert sum(not case["wantErr"] for case in cases) == 6


@pytest.mark.parametrize("name", INCLUSION, ids=short_name)
def test_an_inclusion_proof_is_judged_as_published(name: str) -> None:
    case = vectors.read_json(name)

    if case["wantErr"]:
        with pytest.raises(ProofError):
            check_inclusion(case)
    else:
        check_inclusion(case)


@pytest.mark.parametrize("name", CONSISTENCY, ids=short_name)
def test_a_consistency_proof_is_judged_as_published(name: str) -> None:
    case = vectors.read_json(name)

    if case["wantErr"]:
        with pytest.raises(ProofError):
            check_consistency(case)
    else:
        check_consistency(case)
