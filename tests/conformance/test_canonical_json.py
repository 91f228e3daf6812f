"""cyberphone/json-canonicalization: RFC 8785's own test files."""

import pytest

from app.chain.canonical import NotCanonical, decode, encode
from tests.support import vectors

FOLDER = "cyberphone_json-canonicalization"


def read(kind: str, name: str) -> bytes:
    return vectors.path(f"{FOLDER}/{kind}/{name}").read_bytes()


def test_all_six_files_are_there() -> None:
    assert [name.rpartition("/")[2] for name in vectors.files(f"{FOLDER}/input")] == [
        "arrays.json",
        "french.json",
        "structures.json",
        "unicode.json",
        "values.json",
        "weird.json",
    ]


@pytest.mark.parametrize("name", ["arrays", "french", "unicode", "weird"])
def test_a_file_is_written_with_the_published_bytes(name: str) -> None:
    line = encode(decode(read("input", f"{name}.json")))

    assert line == read("output", f"{name}.json")
    assert line == bytes.fromhex(read("outhex", f"{name}.txt").decode())


@pytest.mark.parametrize("name", ["arrays", "french", "unicode", "weird"])
def test_the_published_bytes_are_their_own_canonical_form(name: str) -> None:
    output = read("output", f"{name}.json")

    assert encode(decode(output)) == output


@pytest.mark.parametrize("name", ["structures", "values"])
def test_a_file_with_fractions_is_refused(name: str) -> None:
    with pytest.raises(NotCanonical, match=r"^a number with a fraction or an exponent$"):
        decode(read("input", f"{name}.json"))


def test_structures_has_the_published_bytes_once_its_fraction_is_an_integer() -> None:
    value = decode(read("input", "structures.json"), floats=True)
    assert type(value["1"]["\n"]) is float

    value["1"]["\n"] = int(value["1"]["\n"])

    assert encode(value) == read("output", "structures.json")
    assert encode(decode(read("output", "structures.json"))) == read("output", "structures.json")


def test_values_has_the_published_bytes_apart_from_its_fractions() -> None:
    value = decode(read("input", "values.json"), floats=True)
    published = decode(read("output", "values.json"), floats=True)
    assert all(type(number) is float for number in value["numbers"])

    del value["numbers"], published["numbers"]

    assert encode(value) == encode(published)
    assert encode(value)[1:-1] in read("output", "values.json").replace(
        b'"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],', b""
    )
