"""Trust files: whose signatures count, how many, and what cannot be read."""

import itertools
import re
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.chain.note import COSIGNATURE, ED25519, VerifierKey
from app.chain.policy import MAX_POLICY_BYTES, Group, Policy, PolicyError
from tests.support.chain import ORIGIN, a_key, modest

LOG = a_key().verifier
WITNESSES = {
    name: a_key(f"witness.example/{name}", 10 + number, COSIGNATURE).verifier
    for number, name in enumerate("abcdef")
}
HEAD = [f"log {LOG}", *(f"witness {name} {key}" for name, key in WITNESSES.items())]


def a_policy(*lines: str) -> Policy:
    return Policy.parse("\n".join([*HEAD, *lines]).encode())


def signed_by(names: str) -> list[VerifierKey]:
    return [WITNESSES[name] for name in names]


def satisfying(policy: Policy) -> set[str]:
    """The smallest sets of witnesses that make the quorum."""
    found: list[set[str]] = []
    for count in range(len(WITNESSES) + 1):
        for names in map(set, itertools.combinations(WITNESSES, count)):
            if not any(smaller <= names for smaller in found) and policy.satisfied_by(
                signed_by("".join(names))
            ):
                found.append(names)
    return {"".join(sorted(names)) for names in found}


def refused(raw: bytes, sentence: str) -> None:
    with pytest.raises(PolicyError, match=f"^{re.escape(sentence)}$"):
        Policy.parse(raw)


def refused_line(line: str, sentence: str, *above: str) -> None:
    lines = [*HEAD, *above, line]
    refused("\n".join([*lines, "quorum none"]).encode(), f"line {len(lines)}: {sentence}")


def test_a_trust_file_says_logs_witnesses_groups_and_quorum() -> None:
    policy = a_policy("group g 2 a b c", "quorum g")

    assert policy == Policy((LOG,), WITNESSES, {"g": Group(2, ("a", "b", "c"))}, "g")


def test_a_log_is_found_by_its_origin() -> None:
    other = a_key("fund.example/ukraine", 2).verifier
    policy = Policy.parse(f"log {LOG}\nlog {other}\nquorum none\n".encode())

    assert policy.logs == (LOG, other)
    assert policy.keys_of(ORIGIN) == [LOG]
    assert policy.keys_of("fund.example/ukraine") == [other]
    assert policy.keys_of("fund.example") == []


def test_comments_and_blank_lines_are_read_over_and_addresses_kept() -> None:
    raw = (
        f"# trust\n\n\t log\t{LOG}  https://fund.example/log \r\n"
        f"  # more\nwitness a {WITNESSES['a']} https://witness.example/a\n \t\nquorum a"
    )

    policy = Policy.parse(raw.encode())

    urls = {ORIGIN: "https://fund.example/log", "a": "https://witness.example/a"}
    assert policy == Policy((LOG,), {"a": WITNESSES["a"]}, {}, "a", urls)


@pytest.mark.parametrize(
    "character",
    ["\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\u00a0", "\u2003", "\u2028", "\u2029", "\u3000"],
)
def test_no_other_space_than_blank_and_tab_parts_words_or_lines(character: str) -> None:
    sentence = "expected log, witness, group or quorum with their arguments"

    refused_line(f"quorum{character}none", sentence)
    refused_line(f"{character}quorum none", sentence)
    refused_line(character, sentence)
    refused_line(f"quorum none{character}", f"none{character} is not defined above")
    assert a_policy(f"# a{character}quorum a", "quorum none").quorum == "none"


def test_a_name_may_hold_any_other_character() -> None:
    key = a_key("witness.example/n", 50, COSIGNATURE).verifier

    policy = a_policy(f"witness n\u00a0o {key}", "group g all a n\u00a0o", "quorum g")

    assert policy.groups == {"g": Group(2, ("a", "n\u00a0o"))}
    assert policy.satisfied_by([WITNESSES["a"], key])


def test_quorum_none_asks_for_no_witness() -> None:
    assert a_policy("quorum none").satisfied_by([])
    assert Policy((LOG,)).satisfied_by([])


def test_a_quorum_of_one_witness_asks_for_that_witness() -> None:
    assert satisfying(a_policy("quorum b")) == {"b"}


@pytest.mark.parametrize(
    ("rule", "sets"),
    [
        ("any", {"a", "b", "c"}),
        ("1", {"a", "b", "c"}),
        ("2", {"ab", "ac", "bc"}),
        ("3", {"abc"}),
        ("all", {"abc"}),
    ],
)
def test_a_group_asks_for_any_all_or_a_number_of_its_members(rule: str, sets: set[str]) -> None:
    assert satisfying(a_policy(f"group g {rule} a b c", "quorum g")) == sets


def test_groups_nest() -> None:
    policy = a_policy(
        "group offices 2 a b c",
        "group donors any d e",
        "group both all offices donors f",
        "quorum both",
    )

    assert satisfying(policy) == {x + y + "f" for x in ("ab", "ac", "bc") for y in "de"}


def test_groups_nest_as_deep_as_a_trust_file_is_long() -> None:
    depth = 4_000
    lines = ["group g0 all a b", *(f"group g{n} all g{n - 1}" for n in range(1, depth))]

    policy = a_policy(*lines, f"quorum g{depth - 1}")

    assert depth > 2 * sys.getrecursionlimit()
    assert policy.satisfied_by(signed_by("ab"))
    assert not policy.satisfied_by(signed_by("a"))


def test_a_group_that_the_quorum_does_not_name_has_no_say() -> None:
    assert satisfying(a_policy("group g all a b", "group h any c d", "quorum h")) == {"c", "d"}


@modest
@given(
    st.integers(1, 6),
    st.sets(st.sampled_from("abcdef")),
    st.sets(st.sampled_from("abcdef")),
)
def test_a_group_holds_when_enough_of_its_members_signed(
    needed: int, members: set[str], signers: set[str]
) -> None:
    assume(needed <= len(members))
    policy = a_policy(f"group g {needed} {' '.join(sorted(members))}", "quorum g")

    enough = len(members & signers) >= needed

    assert policy.satisfied_by(signed_by("".join(signers))) is enough


def test_a_witness_counts_once_however_often_it_signed() -> None:
    policy = a_policy("group g 2 a b", "quorum g")
    renamed = VerifierKey("witness.example/other", COSIGNATURE, WITNESSES["a"].public)

    assert not policy.satisfied_by([WITNESSES["a"], WITNESSES["a"], renamed])
    assert policy.satisfied_by([renamed, WITNESSES["b"]])


def test_a_signature_that_is_no_cosignature_makes_no_quorum() -> None:
    plain = VerifierKey("witness.example/a", ED25519, WITNESSES["a"].public)

    assert not a_policy("quorum a").satisfied_by([plain, LOG])


def test_one_key_under_two_names_is_refused() -> None:
    again = a_key("witness.example/again", 10, COSIGNATURE).verifier

    assert again.public == WITNESSES["a"].public
    refused_line(f"witness again {again}", "one witness key under two names would count twice")
    refused_line(f"witness a {again}", "one witness key under two names would count twice")


def test_a_witness_signs_with_a_cosignature_key_and_a_log_with_a_plain_one() -> None:
    witness = a_key("w", 30).verifier
    log = a_key("l", 31, COSIGNATURE).verifier

    refused_line(f"witness w {witness}", "a witness signs with a type 4 key")
    refused_line(f"log {log}", "a log signs with a type 1 key")


def test_a_key_of_a_log_is_named_once_and_two_while_one_replaces_the_other() -> None:
    other = a_key(ORIGIN, 40).verifier

    refused_line(f"log {LOG}", "this key of log fund.example/era is named twice")
    policy = Policy.parse(f"log {LOG}\nlog {other}\nquorum none\n".encode())
    assert policy.keys_of(ORIGIN) == [LOG, other]


def test_a_key_that_cannot_be_read_is_refused_with_its_line() -> None:
    refused_line("log fund.example", "a verifier key is name+id+base64")
    refused_line("witness w w+0+AA==", "only Ed25519 keys (types 1 and 4) are known")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("group g any a x", "x is not defined above"),
        ("group g any g", "g is not defined above"),
        ("group g any none", "none is not defined above"),
        ("group g any a a", "a is a member of a group already"),
        ("group g any c", "c is a member of a group already"),
        ("group g any h h", "h is a member of a group already"),
        ("group g 0 a b", "0 of 2 can never be right"),
        ("group g 3 a b", "3 of 2 can never be right"),
        ("group g 02 a b", "not a decimal number"),
        ("group g +1 a b", "not a decimal number"),
        ("group g \u0661 a b", "not a decimal number"),
        ("group g most a b", "not a decimal number"),
        ("group g ALL a b", "not a decimal number"),
        ("group a any b d", "a is defined already"),
        ("group h any a b", "h is defined already"),
        ("group none any a b", "none is defined already"),
        ("quorum x", "x is not defined above"),
        ("quorum all", "all is not defined above"),
    ],
)
def test_a_line_that_cannot_be_right_is_refused(line: str, sentence: str) -> None:
    refused_line(line, sentence, "group h any c")


@pytest.mark.parametrize("name", ["none", "a", "h"])
def test_a_witness_has_a_name_of_its_own(name: str) -> None:
    key = a_key("w", 50, COSIGNATURE).verifier

    refused_line(f"witness {name} {key}", f"{name} is defined already", "group h any c")


@pytest.mark.parametrize(
    "line",
    [
        "logs x",
        "LOG x",
        "log",
        "log a b c",
        "witness a",
        "witness a b c d",
        "group g any",
        "quorum",
        "quorum a b",
        "threshold 2",
        "\ufeffquorum none",
    ],
)
def test_an_unknown_line_is_refused(line: str) -> None:
    refused_line(line, "expected log, witness, group or quorum with their arguments")


def test_a_second_quorum_line_is_refused() -> None:
    refused(
        "\n".join([*HEAD, "quorum a", "", "quorum a"]).encode(),
        f"line {len(HEAD) + 3}: a second quorum line",
    )


def test_a_missing_quorum_line_is_refused() -> None:
    refused("\n".join(HEAD).encode(), "no quorum line; write `quorum none` to ask for no witness")


@pytest.mark.parametrize("raw", [b"", b"quorum none\n", b"# log\nquorum none"])
def test_a_trust_file_without_a_log_is_refused(raw: bytes) -> None:
    refused(raw, "no log line: nothing would be trusted")


def test_a_trust_file_is_utf_8() -> None:
    refused(f"# \xff\nlog {LOG}\nquorum none".encode("latin-1"), "a trust file is UTF-8")


def test_a_trust_file_has_at_most_a_hundred_thousand_bytes() -> None:
    raw = f"log {LOG}\nquorum none\n#".encode()
    longest = raw + b"x" * (MAX_POLICY_BYTES - len(raw))

    assert Policy.parse(longest) == Policy((LOG,))
    refused(longest + b"x", "a trust file has at most 100000 bytes")
