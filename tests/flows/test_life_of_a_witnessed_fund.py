"""A fund under witnesses: cosignatures come by themselves, releases wait, mirrors follow."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.audit.report import Pins
from app.audit.verify import verify
from app.chain.checkpoint import Checkpoint
from app.chain.note import Note, NoteKey
from app.chain.policy import Policy
from app.client import Refused
from app.mirror.follow import Mirror
from app.mirror.kept import Kept
from app.mirror.source import LogSource
from app.runtime.settings import LOCAL_ORIGIN, Settings
from app.trust.ledger_keys import load_keys
from tests.support.builders import REQUESTER, TRUSTEE, money
from tests.support.service import FUND, Service, running
from tests.support.waiting import until
from tests.support.witnessing import Running, a_witness, witnessing

NAMES = ("no.example/w", "de.example/w", "uk.example/w")


@dataclass(frozen=True)
class Watched:
    """A service with a fund whose releases wait for two of three witnesses."""

    service: Service
    witnesses: list[Running]
    trust: Path

    @property
    def policy(self) -> Policy:
        return Policy.parse(self.trust.read_bytes())


@pytest.fixture
def watched(brisk: None, service_settings: Settings, tmp_path: Path) -> Iterator[Watched]:
    keys = load_keys(service_settings.keys_dir, LOCAL_ORIGIN, create=True)
    logs = "\n".join(
        f"log {keys.of_log(log).verifier}" for log in ("test-fund", "test-fund/access")
    )
    with ExitStack() as stack:
        running_ones = [
            stack.enter_context(witnessing(a_witness(tmp_path, logs, name))) for name in NAMES
        ]
        lines = [one.line for one in running_ones]
        names = " ".join(one.name for one in running_ones)
        trust = tmp_path / "trust.policy"
        trust.write_text(
            "\n".join([logs, *lines, f"group offices 2 {names}", "quorum offices", ""])
        )
        settings = service_settings.model_copy(update={"witnesses_file": trust})
        service = stack.enter_context(running(settings))
        vkeys = [str(one.witness.key.verifier) for one in running_ones]
        service.open(witnessing={"witnesses": vkeys, "quorum": 2})
        yield Watched(service, running_ones, trust)


def newest(service: Service, log: str = "log") -> bytes:
    return httpx.get(f"{service.address}{FUND}/{log}/checkpoint").content


def is_cosigned(watched: Watched, log: str = "log") -> bool:
    return watched.policy.cosigned(Note.parse(newest(watched.service, log)))


def test_a_release_waits_for_the_witnesses_and_the_auditor_sees_that_it_did(
    watched: Watched, tmp_path: Path
) -> None:
    service = watched.service
    service.paid("DE", money(100))
    request = service.requested(money(40))
    service.approved(request)

    def instructed() -> bool:
        path = f"/disbursements/{request}"
        body = {"disbursement_id": request, "bank_account": "BANK-EUR"}
        answer = service.raw(TRUSTEE, "POST", f"{FUND}{path}/instruction", json=body)
        assert answer.status_code == 201 or answer.json()["code"] == "not_witnessed"
        return answer.status_code == 201

    until(instructed)
    # Every time it was told to wait, the second log grew.
    until(lambda: is_cosigned(watched) and is_cosigned(watched, "access"))
    report = verify(service.export(tmp_path / "bundle.zip"), watched.policy)

    assert report.problems == []
    assert len(report.witnesses) >= 2
    assert not any("no other version" in what for what in report.not_checked)
    types = [entry["type"] for entry in service.get(REQUESTER, "/entries?limit=500")["items"]]
    assert "checkpoint.witnessed" in types
    assert types.index("checkpoint.witnessed") > types.index("disbursement.reserved")
    receipt = service.get(REQUESTER, "/entries/3")["receipt"]
    assert watched.policy.cosigned(Note.parse(receipt.split("\n\n", 1)[1].encode()))


def test_the_second_log_is_cosigned_too(watched: Watched) -> None:
    with pytest.raises(Refused):
        watched.service.post(REQUESTER, "/pledges", {"window": "budget", "amount": money(1)})

    until(lambda: watched.witnesses[0].view(f"{LOCAL_ORIGIN}/test-fund/access").status_code == 200)


def test_every_checkpoint_is_listed_with_its_cosignatures(watched: Watched) -> None:
    until(lambda: is_cosigned(watched))
    page = httpx.get(f"{watched.service.address}{FUND}/log/checkpoints?limit=500").json()

    sizes = [item["size"] for item in page["items"]]
    assert sizes == sorted(set(sizes))
    assert any(watched.policy.cosigned(Note.parse(i["note"].encode())) for i in page["items"])


def test_a_witness_that_was_shown_another_history_raises_an_alarm(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else with the log's key has shown a witness a longer log."""
    service, one = watched.service, watched.witnesses[0]
    until(lambda: is_cosigned(watched))
    key = service.inside.notary.keys.of_log("test-fund")
    ahead = _forged_beyond(one, key)

    service.paid("DE", money(1))

    until(lambda: any("ahead" in line for line in _metrics(service, "ledger_witness_cosign")))
    assert ahead.size == 1_000
    until(lambda: any(record.levelname == "CRITICAL" for record in caplog.records))


def test_a_mirror_keeps_and_executes_the_log_and_agrees_with_the_witnesses(
    watched: Watched, tmp_path: Path
) -> None:
    service = watched.service
    service.paid("DE", money(100))
    until(lambda: is_cosigned(watched))
    with _mirror(watched, tmp_path / "mirror") as mirror:
        assert mirror.fetch() == []
        service.paid("FR", money(100))
        assert mirror.fetch() == []
        size = mirror.size

    assert size == Checkpoint.parse(Note.parse(newest(service)).text).size
    with _mirror(watched, tmp_path / "mirror") as again:
        assert again.size == size
        assert again.fetch() == []


def test_a_mirror_keeps_both_checkpoints_of_a_witness_that_saw_another_log(
    watched: Watched, tmp_path: Path
) -> None:
    service, one = watched.service, watched.witnesses[0]
    until(lambda: is_cosigned(watched))
    with _mirror(watched, tmp_path / "mirror") as mirror:
        _forged_beyond(one, service.inside.notary.keys.of_log("test-fund"))
        assert mirror.fetch() == []
        (alarm,) = mirror.fetch()

    assert "witness" in alarm.why
    assert alarm.evidence is not None
    evidence = Path(alarm.evidence).read_text()
    assert evidence.count(f"{LOCAL_ORIGIN}/test-fund\n") == 2


def test_a_witness_that_has_forgotten_what_it_cosigned_raises_alarms(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It kept its key and lost its views, and was told to go on; everybody who knew more tells."""
    service, one = watched.service, watched.witnesses[0]
    service.paid("DE", money(100))
    until(lambda: is_cosigned(watched) and one.view(f"{LOCAL_ORIGIN}/test-fund").is_success)
    with _mirror(watched, tmp_path / "mirror") as mirror:
        assert mirror.fetch() == []
        with one.witness.views._connected() as connection:
            connection.execute("DELETE FROM views")
        alarms = mirror.fetch()

    service.paid("DE", money(1))

    assert ["lost its views" in alarm.why for alarm in alarms] == [True]
    until(lambda: any("forgotten" in line for line in _metrics(service, "ledger_witness_cosign")))
    assert any("forgotten" in record.getMessage() for record in caplog.records)
    # It is helped up again: what it cosigns now is our own log.
    until(lambda: one.view(f"{LOCAL_ORIGIN}/test-fund").is_success)


def test_a_part_of_the_log_verifies_by_its_frontier_and_says_what_it_leaves_out(
    watched: Watched, tmp_path: Path
) -> None:
    service = watched.service
    until(lambda: is_cosigned(watched))
    before = newest(service)
    service.paid("DE", money(100))
    until(lambda: is_cosigned(watched))
    known = Checkpoint.parse(Note.parse(before).text)
    path = tmp_path / "part.zip"
    query = f"?from={known.size}&since={known.size}"
    with path.open("wb") as file:
        for piece in service.client(REQUESTER).download(f"{FUND}/exports/audit{query}"):
            file.write(piece)

    report = verify(path, watched.policy, Pins(recall=lambda _: [known]))

    assert report.problems == []
    assert report.start == known.size
    assert any("rules" in what for what in report.not_checked)
    other = Checkpoint(known.origin, known.size, b"x" * 32)
    wrong = verify(path, watched.policy, Pins(recall=lambda _: [other]))
    assert [problem.check for problem in wrong.problems] == [9]


def _forged_beyond(one: Running, key: NoteKey) -> Checkpoint:
    """Make a witness believe that the log is a thousand entries long."""
    with one.witness.views._connected() as connection:
        connection.execute("DELETE FROM views")
    checkpoint = Checkpoint(key.name, 1_000, b"x" * 32)
    note = checkpoint.note().signed_by(key).to_bytes()
    assert one.ask(b"old 0\n\n" + note).status_code == 200
    return checkpoint


def _metrics(service: Service, name: str) -> list[str]:
    text = httpx.get(f"{service.address}/metrics").text
    counted = (line for line in text.splitlines() if not line.endswith(" 0.0"))
    return [line for line in counted if line.startswith(name)]


@contextmanager
def _mirror(watched: Watched, folder: Path) -> Iterator[Mirror]:
    service = watched.service
    with (
        LogSource(service.address, "test-fund", lambda: service.token(REQUESTER)) as source,
        Mirror(Kept(folder), source, watched.policy, f"{LOCAL_ORIGIN}/test-fund") as mirror,
    ):
        yield mirror
