"""Recovery: what an old backup lacks comes back byte for byte, or the log stays shut."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.ledger.notary import ForkDetected
from app.main import assemble
from app.ops.rebuild import first_difference, signed_difference
from app.ops.recovery import NotRecovered, confirm, from_receipts, restore
from app.runtime.metrics import Metrics
from app.runtime.settings import Settings
from app.store import log
from app.store.second_store.folder import FolderStore
from app.trust.attestations import RECOVERED, statement_payload
from app.trust.signatures import sign
from tests.support.builders import AUDITOR, REQUESTER, a_pledge, money, treasury
from tests.support.service import Service, in_environment, running
from tests.support.signers import EcKey, a_key, kid_of, registered
from tests.support.tables import without_guards

FR_KEY, DE_KEY = a_key(11), a_key(12)


@dataclass
class Disaster:
    """A fund whose database is an old backup; what it lacks is in `lines`."""

    settings: Settings
    lines: list[bytes]
    size: int
    root: str
    checkpoint: bytes

    def inside(self) -> Any:
        return assemble(self.settings, Metrics())[0]

    def restored(self, lines: list[bytes]) -> tuple[int, int]:
        here = self.inside()
        try:
            done = restore(here.database, here.notary, "test-fund", lines)
        finally:
            here.database.close()
        return done.added, done.size

    def confirmed(self, *statements: dict[str, Any]) -> int:
        here = self.inside()
        raw = json.dumps(list(statements)).encode()
        try:
            return confirm(here.ledger, here.notary, "test-fund", raw, "Lost and found")
        finally:
            here.database.close()

    def statement(self, party: str, key: EcKey, size: int, root: str) -> dict[str, Any]:
        payload = statement_payload("test-fund", size, root)
        jws = sign(payload, key, fund="test-fund", op=RECOVERED, nonce=f"recovery-{size}")
        return {"party": party, "kid": kid_of(key), "size": size, "root": root, "jws": jws}


@pytest.fixture
def disaster(sqlite_template: Path, tmp_path: Path) -> Disaster:
    """After a backup was taken two more receipts were booked; then the backup was restored."""
    database = tmp_path / "ledger.db"
    shutil.copy(sqlite_template, database)
    settings = Settings(database_url=f"sqlite:///{database}", data_dir=tmp_path / "data")
    with running(settings) as service:
        service.open()
        registered(service, "FR", FR_KEY)
        registered(service, "DE", DE_KEY)
        service.paid("DE", money(100))
        _backup(service, tmp_path / "backup.db")
        service.paid("FR", money(50))
        service.raw(REQUESTER, "POST", "/v1/funds/test-fund/pledges", json=a_pledge(money(1)))
        lines, seen = _lines(service), service.seen()
        checkpoint = service.raw(AUDITOR, "GET", "/v1/funds/test-fund/log/checkpoint").content
    for leftover in tmp_path.glob("ledger.db-*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup.db", database)
    return Disaster(settings, lines, seen["size"], seen["root"], checkpoint)


def _backup(service: Service, path: Path) -> None:
    file = service.settings.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def _lines(service: Service) -> list[bytes]:
    with service.inside.database.read() as connection:
        return list(log.bodies(connection, "test-fund", 0, 1_000))


def test_an_old_backup_is_refused_and_then_restored_byte_for_byte(disaster: Disaster) -> None:
    here = disaster.inside()
    with pytest.raises(ForkDetected, match="were signed for"):
        here.ledger.start()
    here.database.close()

    added, size = disaster.restored(disaster.lines)

    assert added > 0
    assert size == disaster.size
    with running(disaster.settings) as service:
        assert _lines(service) == disaster.lines
        assert service.seen()["root"] == disaster.root
        assert first_difference(service.inside.database, "test-fund") is None
        path = "/v1/funds/test-fund/pledges"
        service.client(treasury("DE")).post(path, a_pledge(money(1)), "after-the-recovery")


@pytest.mark.parametrize("change", ["last_leaf = x'00'", "last_at = 'zzz'"])
def test_a_head_that_was_changed_besides_is_no_obstacle(disaster: Disaster, change: str) -> None:
    """What is restored is compared entry by entry, whatever the head says of the last one."""
    without_guards(disaster.settings, f"UPDATE heads SET {change} WHERE fund = 'test-fund'")

    _, size = disaster.restored(disaster.lines)

    assert size == disaster.size
    with running(disaster.settings) as service:
        assert service.seen()["root"] == disaster.root
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))


def test_the_second_log_that_lost_entries_is_halted_and_holds_nobody_up(
    disaster: Disaster,
) -> None:
    disaster.restored(disaster.lines)

    with running(disaster.settings) as service:
        assert list(service.inside.ledger.access.halted) == ["test-fund/access"]
        metrics = service.raw(AUDITOR, "GET", "/metrics").text
        assert "ledger_second_logs_halted 1.0" in metrics
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
        assert service.raw(REQUESTER, "GET", "/readyz").json()["ready"]


def _cut(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def _changed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], lines[-1].replace(b'"party":"FR"', b'"party":"DE"')]


def _another_past(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b"A fund for tests", b"A fund for theft"), *lines[1:]]


def _left_out(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-2], lines[-1]]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_cut, "were signed for"),
        (_changed, "not permitted|does not make the root|changed"),
        (_another_past, "was another|another one here|prev is"),
        (_left_out, "expected"),
        (lambda lines: lines[:0], "fewer entries"),
        (lambda lines: lines[:3], "fewer entries"),
    ],
)
def test_anything_but_the_lost_entries_restores_nothing(
    disaster: Disaster, edit: Callable[[list[bytes]], list[bytes]], why: str
) -> None:
    before = disaster.inside()
    size, _ = before.notary.head("test-fund")
    before.database.close()

    with pytest.raises(NotRecovered, match=why):
        disaster.restored(edit(disaster.lines))

    here = disaster.inside()
    assert here.notary.head("test-fund")[0] == size
    here.database.close()


def test_where_the_second_store_is_lost_the_parties_say_what_was_signed(
    disaster: Disaster,
) -> None:
    disaster.restored(disaster.lines)
    shutil.rmtree(disaster.settings.second_store_dir)
    here = disaster.inside()
    with pytest.raises(ForkDetected, match="second store has lost"):
        here.ledger.start()
    here.database.close()
    known = disaster.statement("FR", FR_KEY, disaster.size, disaster.root)

    disaster.confirmed(known)

    with running(disaster.settings) as service:
        last = service.get(AUDITOR, "/entries?limit=500")["items"][-1]
        assert last["type"] == "log.recovered"
        assert last["data"]["size"] == disaster.size
        assert first_difference(service.inside.database, "test-fund") is None


@pytest.fixture
def total_loss(disaster: Disaster, sqlite_template: Path) -> Disaster:
    """Neither the database nor the second store is left: a mirror has the entries."""
    shutil.rmtree(disaster.settings.second_store_dir)
    shutil.copy(sqlite_template, disaster.settings.database.removeprefix("sqlite:///"))
    return disaster


def test_where_nothing_is_left_the_entries_alone_restore_nothing(total_loss: Disaster) -> None:
    with pytest.raises(NotRecovered, match="give its checkpoint too"):
        total_loss.restored(total_loss.lines)

    assert total_loss.inside().notary.head("test-fund")[0] == 0


def test_where_nothing_is_left_a_kept_checkpoint_and_the_parties_bring_the_log_back(
    total_loss: Disaster,
) -> None:
    here = total_loss.inside()
    done = restore(here.database, here.notary, "test-fund", total_loss.lines, total_loss.checkpoint)
    with pytest.raises(ForkDetected, match="second store has lost"):
        here.ledger.start()
    here.database.close()
    total_loss.confirmed(total_loss.statement("FR", FR_KEY, total_loss.size, total_loss.root))

    assert (done.size, done.as_signed) == (total_loss.size, False)
    with running(total_loss.settings) as service:
        assert _lines(service)[:-1] == total_loss.lines
        service.post(treasury("DE"), "/pledges", a_pledge(money(1)))


def test_a_checkpoint_of_more_than_the_entries_restores_nothing(total_loss: Disaster) -> None:
    here = total_loss.inside()

    with pytest.raises(NotRecovered, match="were signed for"):
        restore(
            here.database, here.notary, "test-fund", total_loss.lines[:-1], total_loss.checkpoint
        )

    assert here.notary.head("test-fund")[0] == 0
    here.database.close()


def test_a_party_that_knows_more_than_is_here_keeps_the_log_shut(disaster: Disaster) -> None:
    """The second store is lost and the backup is old: what FR has seen is not in it."""
    shutil.rmtree(disaster.settings.second_store_dir)
    known = disaster.statement("FR", FR_KEY, disaster.size, disaster.root)

    with pytest.raises(NotRecovered, match="FR knows another log"):
        disaster.confirmed(known)


@pytest.mark.parametrize("forgery", ["another key", "another size", "no statement", "no quorum"])
def test_a_statement_that_does_not_hold_confirms_nothing(disaster: Disaster, forgery: str) -> None:
    disaster.restored(disaster.lines)
    shutil.rmtree(disaster.settings.second_store_dir)
    good = disaster.statement("FR", FR_KEY, disaster.size, disaster.root)
    statements = {
        "another key": [{**good, "kid": kid_of(DE_KEY)}],
        "another size": [{**good, "size": 1, "root": _root_of(disaster, 1)}],
        "no statement": [{"party": "FR"}],
        "no quorum": [],
    }[forgery]

    with pytest.raises(Exception) as caught:  # noqa: PT011  a refusal, or that it is no statement
        disaster.confirmed(*statements)

    assert type(caught.value).__name__ in {"NotRecovered", "KeyNotValid", "AttestationFalse"}
    here = disaster.inside()
    with pytest.raises(ForkDetected):
        here.ledger.start()
    here.database.close()


def _root_of(disaster: Disaster, size: int) -> str:
    here = disaster.inside()
    root: bytes = here.notary.root("test-fund", size)
    here.database.close()
    return root.hex()


def test_the_commands_do_both(
    disaster: Disaster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_environment(monkeypatch, disaster.settings)
    entries, statements = tmp_path / "entries.jsonl", tmp_path / "statements.json"
    entries.write_bytes(b"".join(line + b"\n" for line in disaster.lines))
    known = disaster.statement("FR", FR_KEY, disaster.size, disaster.root)
    statements.write_text(json.dumps([known]))

    assert main(["recover", "test-fund", "--entries", str(tmp_path / "entries.jsonl")]) == 0
    assert main(["recover", "test-fund", "--entries", str(entries)]) == 2
    assert main(["recover", "test-fund", "--statements", str(statements)]) == 0

    said = capsys.readouterr()
    assert "as was signed" in said.out
    assert "The parties confirm" in said.out
    assert "nothing in it beyond" in said.err


def test_a_check_compares_the_log_with_what_was_signed(disaster: Disaster) -> None:
    signed = FolderStore(disaster.settings.second_store_dir)
    here = disaster.inside()
    assert first_difference(here.database, "test-fund") is None

    behind = signed_difference(here.database, signed, "test-fund")
    here.database.close()
    disaster.restored(disaster.lines)
    here = disaster.inside()
    whole = signed_difference(here.database, signed, "test-fund")
    here.database.close()

    assert behind is not None
    assert f"{disaster.size} were signed for" in behind
    assert whole is None


def test_answers_that_parties_kept_restore_what_is_missing(disaster: Disaster) -> None:
    here = disaster.inside()
    size, _ = here.notary.head("test-fund")
    missing = [json.loads(line) for line in disaster.lines[size:]]
    single = [json.dumps({"entry": entry, "receipt": ""}).encode() for entry in missing[:2]]
    batch = json.dumps({"results": [{"status": 201, "entry": one} for one in missing[2:]]})
    here.database.close()

    here = disaster.inside()
    few = list(from_receipts(here.database, "test-fund", single))
    lines = list(from_receipts(here.database, "test-fund", [*reversed(single), batch.encode()]))
    with pytest.raises(NotRecovered, match="no answer"):
        list(from_receipts(here.database, "test-fund", [b"[]"]))
    here.database.close()

    assert lines == disaster.lines
    with pytest.raises(NotRecovered, match="were signed for"):
        disaster.restored(few)
    assert disaster.restored(lines) == (len(missing), disaster.size)
