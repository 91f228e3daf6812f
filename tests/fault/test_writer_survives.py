"""No exception whatever ends the writer: wherever it is raised, whatever it is."""

import sqlite3
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.exc import DataError, InvalidRequestError

from app.audit.verify import verify
from app.chain.policy import Policy
from app.ledger import writer
from app.ledger.batch import Batch
from app.ledger.book_cache import BookCache
from app.ledger.notary import Notary
from app.ledger.submission import Submission
from app.ledger.writer import Ledger
from app.store import log
from app.store.second_store.folder import FolderSlot
from tests.support.builders import AUDITOR, a_pledge, money, treasury
from tests.support.service import Service
from tests.support.waiting import until

PLACES: dict[str, tuple[Any, str]] = {
    "locking the head": (log, "lock_head"),
    "deciding": (Batch, "decide"),
    "storing": (Batch, "store"),
    "keeping the book": (BookCache, "keep"),
    "signing": (Notary, "sign"),
    "reading the second store": (FolderSlot, "read"),
    "writing the second store": (FolderSlot, "replace"),
    "taking what waits": (Ledger, "_next"),
    "answering": (Submission, "settle"),
    "delivering": (writer, "deliver"),
}
RAISED: dict[str, Callable[[], BaseException]] = {
    "a disk's error": lambda: OSError(28, "No space left on device"),
    "a database's error": lambda: DataError("SELECT", {}, psycopg.DataError("bad")),
    "another one": lambda: sqlite3.DatabaseError("malformed"),
    "SQLAlchemy's own": lambda: InvalidRequestError("closed"),
    "a mistake": lambda: KeyError("seq"),
    "no memory": MemoryError,
    "the end of the program": SystemExit,
}
ANSWERS = {"unavailable", "outcome_unknown", "internal_error"}


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.05)
    monkeypatch.setattr(writer, "FAULT_PAUSE_S", 0.01)
    monkeypatch.setattr(writer, "ANSWER_S", 0.5)


@pytest.mark.parametrize("error", RAISED)
@pytest.mark.parametrize("place", PLACES)
def test_one_error_at_one_place_is_answered_and_the_next_request_recorded(
    on_sqlite: Service, monkeypatch: pytest.MonkeyPatch, place: str, error: str
) -> None:
    service = on_sqlite.another()
    owner, name = PLACES[place]
    raised: list[str] = []
    real = getattr(owner, name)

    def failing(*args: Any, **options: Any) -> Any:
        if not raised:
            raised.append(place)
            made = RAISED[error]()
            raise made
        return real(*args, **options)

    size = service.get(AUDITOR, "")["size"]
    posted = {"json": a_pledge(money(1)), "headers": {"Idempotency-Key": "the-same"}}
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, failing)
        first = service.raw(treasury("DE"), "POST", f"{service.path}/pledges", **posted)
    assert raised
    assert first.status_code == 201 or first.json()["code"] in ANSWERS

    answers: list[httpx.Response] = []

    def recorded() -> bool:
        answers.append(service.raw(treasury("DE"), "POST", f"{service.path}/pledges", **posted))
        return answers[-1].status_code == 201

    until(recorded)
    assert answers[-1].json()["entry"]["seq"] == size
    assert service.get(AUDITOR, "")["size"] == size + 1
    assert service.raw(AUDITOR, "GET", "/livez").is_success


def test_after_all_these_errors_the_log_verifies(on_sqlite: Service) -> None:
    service = on_sqlite.another()
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    folder = service.settings.data_dir

    bundle, trust = service.export(folder / "bundle.zip"), service.trust(folder / "trust.policy")

    assert verify(bundle, Policy.parse(trust.read_bytes())).problems == []


def test_a_writer_that_fails_again_and_again_asks_for_a_restart_and_takes_it_back(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alive() -> bool:
        return alone.raw(AUDITOR, "GET", "/livez").is_success

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "_sort_in", lambda *_, **__: 1 / 0)
        # It waits for something to come, and meets the fault from then on.
        alone.raw(treasury("DE"), "POST", f"{alone.path}/pledges", json=a_pledge(money(1)))
        until(lambda: not alive())
        assert "faults in a row" in alone.raw(AUDITOR, "GET", "/livez").json()["why"]

    # The next step that succeeds takes it back.
    alone.post(treasury("DE"), "/pledges", a_pledge(money(2)))
    until(alive)


def test_a_thread_that_has_ended_all_the_same_is_not_alive(
    alone: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dead:
        def is_alive(self) -> bool:
            return False

    living = alone.inside.ledger._thread
    monkeypatch.setattr(alone.inside.ledger, "_thread", Dead())

    assert alone.raw(AUDITOR, "GET", "/livez").status_code == 503
    assert alone.raw(AUDITOR, "HEAD", "/livez").status_code == 503

    monkeypatch.setattr(alone.inside.ledger, "_thread", living)
