"""Charters as files: YAML read as the JSON that it means, checked by line, compared by member."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli.main import main
from app.domain.charter.charter import Charter
from app.interop.charter_files import CharterUnreadable, Wrong, calendar, differences, read_charter
from tests.support.builders import a_charter

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "charters").glob("*.yaml"))


def in_yaml(charter: dict[str, Any]) -> bytes:
    return json.dumps(charter, indent=1).encode()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_worked_charters_are_charters(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members, wrong = read_charter(path.read_bytes())

    assert wrong == []
    assert Charter.model_validate(members).fund.endswith("-example")
    assert main(["charter", "check", str(path)]) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_there_are_two_worked_charters() -> None:
    assert [path.stem for path in EXAMPLES] == ["era", "world-bank-style"]


def test_json_is_yaml_too() -> None:
    assert read_charter(in_yaml(a_charter())) == (a_charter(), [])


def test_what_yaml_reads_into_plain_words_stays_what_was_written() -> None:
    text = b"a: NO\nb: yes\nc: 2026-01-01\nd: 010\ne: 1.5\nf: 12:30\ng: true\nh: 12\ni: ~\n"

    members, _ = read_charter(text)

    assert members == {
        "a": "NO",
        "b": "yes",
        "c": "2026-01-01",
        "d": "010",
        "e": "1.5",
        "f": "12:30",
        "g": True,
        "h": 12,
        "i": "~",
    }


def test_what_is_wrong_is_said_with_its_line_and_member() -> None:
    text = b"fund: test-fund\ntitle: A fund\nparties:\n  - id: DE\n    name: DE\n    kind: king\n"

    _, wrong = read_charter(text)

    assert Wrong(6, "parties/0/kind", wrong[0].why) in wrong
    assert "government" in wrong[0].why
    assert str(wrong[0]).startswith("line 6, parties/0/kind: ")


def test_what_is_missing_is_named() -> None:
    charter = a_charter()
    del charter["windows"]

    _, (wrong,) = read_charter(in_yaml(charter))

    assert (wrong.member, wrong.line) == ("windows", 1)


def test_what_no_single_member_shows_is_said_at_the_member_that_the_charter_blames() -> None:
    _, (wrong,) = read_charter(in_yaml(a_charter(quorum=3)))

    assert wrong.member == "quorum"
    assert in_yaml(a_charter(quorum=3)).split(b"\n")[wrong.line - 1].strip().startswith(b'"quorum"')


@pytest.mark.parametrize(
    "text",
    [
        b"fund: a\nfund: b\n",
        b"a: &x [1]\nb: *x\n",
        b"- a list\n",
        b"just words\n",
        b"a: [1, 2\n",
        b"\xff\xfe",
        b"? {a: 1}\n: 2\n",
        b"a: !!python/object/apply:os.system ['true']\n",
        b"a: !!binary aGk=\n",
        b"",
        b"a: " + b"[" * 2_000,
        b"a: " + b"x" * 1_000_001,
    ],
)
def test_what_json_has_not_is_no_charter(text: bytes) -> None:
    with pytest.raises(CharterUnreadable):
        read_charter(text)


def test_two_charters_are_compared_by_member_and_by_id() -> None:
    old, new = a_charter(), a_charter(quorum=2, title="Another title")
    new["windows"] = [
        *reversed(new["windows"]),
        {"id": "energy", "name": "E", "purposes": ["grid"]},
    ]

    found = list(differences(old, new))

    assert found == [
        "+ /quorum: 2",
        "~ /title: A fund for tests -> Another title",
        "+ /windows/energy/id: energy",
        "+ /windows/energy/name: E",
        "+ /windows/energy/purposes/grid: listed",
    ]
    assert list(differences(old, old)) == []


def test_another_order_is_a_difference_too() -> None:
    old = a_charter(draw_order=["tied", "window", "unrestricted"])
    new = a_charter(draw_order=["unrestricted", "tied", "window"])

    assert list(differences(old, new)) == [
        "~ /draw_order, in order: tied, window, unrestricted -> unrestricted, tied, window"
    ]


def test_a_calendar_has_the_holidays_of_its_countries_that_are_working_days() -> None:
    made = calendar("brussels", "Europe/Brussels", ["BE", "LU"], range(2027, 2029))

    assert made["through"] == "2028-12-31"
    assert {"2027-07-21", "2027-06-23"} <= set(made["holidays"])
    assert "2027-05-01" not in made["holidays"], "a Saturday"


def test_a_country_that_nobody_knows_is_refused() -> None:
    with pytest.raises(CharterUnreadable, match="QQ"):
        calendar("nowhere", "UTC", ["QQ"], range(2027, 2028))


def test_the_command_shows_what_is_wrong_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "charter.yaml"
    path.write_bytes(in_yaml(a_charter(approval_steps=[])))

    assert main(["charter", "check", str(path)]) == 1
    assert "approval_steps" in capsys.readouterr().err


def test_the_command_prints_the_json_that_is_posted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["charter", "json", str(EXAMPLES[0])]) == 0

    posted = json.loads(capsys.readouterr().out)
    assert Charter.model_validate(posted).quorum == 3


def test_the_command_compares_and_draws_up_calendars(
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = ["charter", "diff", str(EXAMPLES[0]), str(EXAMPLES[0])]

    assert main(same) == 0
    assert capsys.readouterr().out == "They say the same.\n"
    assert main(["charter", "calendar", "b", "Europe/Brussels", "BE", "--years", "2027-2027"]) == 0
    drawn = json.loads(capsys.readouterr().out)
    era = yaml.safe_load(EXAMPLES[0].read_text())
    assert drawn["holidays"] == era["calendars"][0]["holidays"]
