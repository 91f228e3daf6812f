"""The European Central Bank's reference rates: read as published, refused when anything is odd."""

import io
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.cli.main import main
from app.domain.books.rates import PublishRates
from app.domain.values import Rate
from app.interop.ecb import NotRates, read_rates
from tests.support.builders import TRUSTEE, valued
from tests.support.service import Service

FILE = Path(__file__).resolve().parents[3] / "shared/data/fx_ecb/eurofxref_2024-01_2026-10.csv"
SMALL = b"Date,USD,JPY,BGN\n2026-01-05,1.1720,183.50,N/A\n2026-01-02,1.0956,155.68,1.9558\n"


def test_days_come_oldest_first_with_the_rates_that_the_fund_takes() -> None:
    days = list(read_rates(SMALL, {"USD", "BGN"}))

    assert [day.day for day in days] == [date(2026, 1, 2), date(2026, 1, 5)]
    assert days[0].rates == {"USD": "1.0956", "BGN": "1.9558"}
    assert days[1].rates == {"USD": "1.172"}
    assert {day.evidence for day in days} == {sha256(SMALL).hexdigest()}


def test_a_day_is_a_command_that_the_ledger_takes() -> None:
    (day, *_) = read_rates(SMALL, {"JPY"})

    command = PublishRates.model_validate(day.command())

    assert command.rates == {"JPY": "155.68"}


def test_the_banks_own_trailing_comma_and_empty_lines_are_no_matter() -> None:
    published = b"Date,USD,\r\n2026-01-02,1.5,\r\n\r\n"

    assert [day.rates for day in read_rates(published, {"USD"})] == [{"USD": "1.5"}]


def test_a_day_without_any_of_the_currencies_is_left_out() -> None:
    assert list(read_rates(b"Date,BGN\n2026-01-05,N/A\n", {"BGN"})) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "names Date"),
        (b"Day,USD\n", "names Date"),
        (b"Date,USD,USD\n2026-01-02,1,1\n", "each currency once"),
        (b"Date,USD\n2026-01-02\n", "line 2 has 1 cells"),
        (b"Date,USD\n2026-13-02,1\n", "line 2 does not begin with a date"),
        (b"Date,USD\n20260102,1\n", "line 2 does not begin with a date"),
        (b"Date,USD\n2026-W01-5,1\n", "line 2 does not begin with a date"),
        (b"Date,USD\n2026-01-02,0\n", "line 2 has a rate that is none"),
        (b"Date,USD\n2026-01-02,0.000\n", "line 2 has a rate that is none"),
        (b"Date,USD\n2026-01-02,-1.5\n", "line 2 has a rate that is none"),
        (b"Date,USD\n2026-01-02,1e5\n", "line 2 has a rate that is none"),
        (b"Date,USD\n2026-01-02,1\n2026-01-02,2\n", "a day stands twice"),
        (b'Date,USD\n"2026-01-02,1\n', "not a CSV"),
        ("Date,USD\n2026-01-02,\uff11.5\n".encode(), "not a CSV in ASCII"),
        (b"x" * 16_000_001, "more than"),
    ],
)
def test_what_the_bank_would_not_publish_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(NotRates, match=why):
        list(read_rates(content, {"USD"}))


@given(st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True))
def test_every_rate_is_written_in_the_ledgers_one_spelling(text: str) -> None:
    if not text.strip("0."):
        return

    (day,) = read_rates(f"Date,USD\n2026-01-02,{text}\n".encode(), {"USD"})

    assert TypeAdapter(Rate).validate_python(day.rates["USD"]) == day.rates["USD"]
    assert float(day.rates["USD"]) == float(text)


def entered(service: Service, file: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the command ends with, when the trustee enters a file."""
    monkeypatch.setattr("sys.stdin", io.StringIO(service.token(TRUSTEE) + "\n"))
    return main(["rates", str(file), "--server", service.address, "--fund", "test-fund"])


def test_the_command_enters_a_files_days_once(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.open(**valued())
    file = tmp_path / "eurofxref.csv"
    file.write_bytes(SMALL.replace(b"183.50", b"18350"))
    said = []

    for _ in range(2):
        code = entered(service, file, monkeypatch)
        said.append((code, *capsys.readouterr()))

    # The absurd rate of the second day is refused, and named, each time; the first day is known.
    assert [code for code, _, _ in said] == [2, 2]
    assert said[0][1] == "1 days entered, 0 were in the log already.\n"
    assert said[1][1] == "0 days entered, 1 were in the log already.\n"
    assert "rates-2026-01-05" in said[0][2]
    rates = service.get(TRUSTEE, "/rates")["items"]
    assert [(row["day"], row["rates"]["USD"]) for row in rates] == [("2026-01-02", "1.0956")]


def test_the_command_names_what_the_log_says_otherwise(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A slip, or a currency that came later: "in the log already" would hide both."""
    service.open(**valued())
    file = tmp_path / "eurofxref.csv"
    said = []
    for content in (b"USD\n2026-01-02,1.0956\n", b"USD,JPY\n2026-01-02,1.0965,155.68\n"):
        file.write_bytes(b"Date," + content)
        code = entered(service, file, monkeypatch)
        said.append((code, *capsys.readouterr()))

    assert said[0] == (0, "1 days entered, 0 were in the log already.\n", "")
    assert said[1][:2] == (1, "0 days entered, 1 were in the log already.\n")
    assert said[1][2].splitlines() == [
        "2026-01-02: the log has 1.0956 for USD, the file 1.0965",
        "2026-01-02: the log has no rate for JPY, the file 155.68",
    ]


def test_the_command_says_what_is_wrong_with_a_file_or_a_token(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.open(**valued())
    file = tmp_path / "eurofxref.csv"
    file.write_text("nonsense")

    for token in (service.token(TRUSTEE), "no-token"):
        monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
        arguments = ["rates", str(file), "--server", service.address, "--fund", "test-fund"]
        assert main(arguments) == 2

    said = capsys.readouterr().err
    assert "the first line names Date" in said
    assert "invalid_token" in said
    assert "no-token" not in said


def test_the_command_says_in_one_line_why_nothing_can_be_entered(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.open()
    file = tmp_path / "eurofxref.csv"
    file.write_bytes(SMALL)
    token = service.token(TRUSTEE)

    for server, said in (
        (service.address, token),
        ("http://127.0.0.1:1", token),
        (service.address, ""),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(said + "\n"))
        assert main(["rates", str(file), "--server", server, "--fund", "test-fund"]) == 2

    no_source, no_server, no_token = capsys.readouterr().err.splitlines()
    assert "names no source of rates" in no_source
    assert "no answer from http://127.0.0.1:1" in no_server
    assert "token is wanted" in no_token


def test_the_real_file_is_read_whole() -> None:
    if not FILE.exists():
        pytest.skip("the ECB's rates lie in ../shared, which is not here")

    days = list(read_rates(FILE.read_bytes(), {"USD", "JPY", "BGN"}))

    assert len(days) == 724
    assert days[0].day == date(2024, 1, 2)
    assert "BGN" in days[0].rates
    assert "BGN" not in days[-1].rates
    for day in read_rates(FILE.read_bytes(), {"USD", "JPY"}):
        PublishRates.model_validate(day.command())
