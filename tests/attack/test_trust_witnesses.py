"""Witnesses that are slow, wrong, endless or somebody else's: not believed, not waited for."""

import gc
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.chain.note import Note
from app.chain.policy import Policy
from app.runtime.settings import Settings
from tests.support.attack import bad_witness
from tests.support.attack.bad_witness import BOMB_BYTES, Answering, BadWitness, doing_harm
from tests.support.builders import a_pledge, money, treasury
from tests.support.service import FUND, Service, running

WRONG: dict[str, tuple[Answering, str]] = {
    "endless": (bad_witness.without_end, "invalid"),
    "headers": (bad_witness.headers_without_end, "unreachable"),
    "broken": (bad_witness.a_broken_signature, "invalid"),
    "other-log": (bad_witness.of_another_log, "invalid"),
    "other-size": (bad_witness.of_another_size, "invalid"),
    "stranger": (bad_witness.by_somebody_else, "invalid"),
    "other-text": (bad_witness.a_text_of_its_own, "invalid"),
    "nothing": (bad_witness.nothing, "invalid"),
    "no-text": (bad_witness.not_text, "invalid"),
    "lines": (bad_witness.a_thousand_lines, "invalid"),
    "elsewhere": (bad_witness.elsewhere_for_ever, "conflict"),
    "digits": (bad_witness.a_size_in_other_digits, "invalid"),
    "ahead": (bad_witness.ahead, "ahead"),
    "redirect": (bad_witness.to_another_address, "refused"),
    "cut": (bad_witness.broken_off, "unreachable"),
    "packed": (bad_witness.packed_twice, "invalid"),
}
SLOW: dict[str, Answering] = {
    "never": bad_witness.never,
    "drops": bad_witness.drop_by_drop,
}


@dataclass(frozen=True)
class Beset:
    """A service, and the witnesses that it asks."""

    service: Service
    witnesses: dict[str, BadWitness]
    policy: Policy


@contextmanager
def beset(folder: Path, template: Path, witnesses: dict[str, Answering]) -> Iterator[Beset]:
    (folder / "ledger.db").write_bytes(template.read_bytes())
    with ExitStack() as stack:
        asked = {
            name: stack.enter_context(doing_harm(BadWitness(name, answering)))
            for name, answering in witnesses.items()
        }
        lines = [one.line for one in asked.values()]
        lines.append(f"group all all {' '.join(one.name for one in asked.values())}")
        trust = folder / "witnesses.policy"
        trust.write_text("\n".join([*lines, "quorum all\n"] if asked else ["quorum none\n"]))
        settings = Settings(
            database_url=f"sqlite:///{folder / 'ledger.db'}",
            data_dir=folder,
            witnesses_file=trust,
        )
        service = stack.enter_context(running(settings))
        service.open()
        yield Beset(service, asked, Policy.parse(trust.read_bytes(), needs_log=False))


@pytest.fixture(scope="module")
def wrong(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beset]:
    """A service with every wrong witness, and one that is only slow."""
    folder = tmp_path_factory.mktemp("wrong")
    answering = {name: how for name, (how, _) in WRONG.items()}
    answering["good"] = bad_witness.slowly_but_well
    with beset(folder, sqlite_template, answering) as one:
        yield one


def results(one: Beset, name: str) -> set[str]:
    """What came of asking a witness, as the metrics count it."""
    text = httpx.get(f"{one.service.address}/metrics").text
    start = "ledger_witness_cosign_total{"
    counted = (line for line in text.splitlines() if not line.endswith(" 0.0"))
    lines = [line for line in counted if line.startswith(start)]
    mine = [line for line in lines if f'witness="{name}.example/w"' in line]
    return {line.split('result="')[1].split('"')[0] for line in mine}


def memory_bytes() -> int:
    """What this process holds in memory."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("only Linux says in /proc how much memory is used")
    return int(pages.read_text().split()[1]) * resource.getpagesize()


def newest(service: Service) -> Note:
    return Note.parse(httpx.get(f"{service.address}{FUND}/log/checkpoint").content)


@pytest.mark.parametrize("name", list(WRONG))
def test_a_witness_that_answers_wrongly_is_not_believed(wrong: Beset, name: str) -> None:
    deadline = time.monotonic() + 15
    while not results(wrong, name) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert results(wrong, name) == {WRONG[name][1]}


def test_wrong_cosignatures_never_stand_under_a_checkpoint(wrong: Beset) -> None:
    """And a witness that is merely slow is waited for by nobody, and heard in the end."""
    deadline = time.monotonic() + 15
    while not (lines := newest(wrong.service).signatures[1:]) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [line.name for line in lines] == ["good.example/w"]
    assert results(wrong, "good") == {"cosigned"}
    assert not wrong.policy.cosigned(newest(wrong.service))


def test_a_witness_that_failed_is_left_alone_for_a_while(wrong: Beset) -> None:
    asked = wrong.witnesses["broken"].asked

    for number in range(20):
        wrong.service.post(treasury("DE"), "/pledges", a_pledge(money(number + 1)))
        time.sleep(0.02)

    assert wrong.witnesses["broken"].asked - asked <= 2


def test_an_answer_that_unpacks_to_a_mountain_is_not_unpacked(
    tmp_path: Path, sqlite_template: Path
) -> None:
    highest, over = 0, threading.Event()
    gc.collect()
    before = memory_bytes()

    def watch() -> None:
        nonlocal highest
        while not over.wait(0.001):
            highest = max(highest, memory_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with beset(tmp_path, sqlite_template, {"packed": bad_witness.packed_twice}) as one:
            deadline = time.monotonic() + 15
            while not results(one, "packed") and time.monotonic() < deadline:
                time.sleep(0.02)
            assert results(one, "packed") == {"invalid"}
    finally:
        over.set()
        watching.join()

    assert highest - before < BOMB_BYTES // 3


def test_while_witnesses_do_not_answer_writing_goes_on_at_full_pace(
    tmp_path: Path, sqlite_template: Path
) -> None:
    def fifty(service: Service) -> float:
        started = time.monotonic()
        for number in range(50):
            service.post(treasury("DE"), "/pledges", a_pledge(money(number + 1)))
        return time.monotonic() - started

    (tmp_path / "alone").mkdir()
    with beset(tmp_path / "alone", sqlite_template, {}) as quiet:
        alone = min(fifty(quiet.service) for _ in range(2))
    with beset(tmp_path, sqlite_template, SLOW) as one:
        deadline = time.monotonic() + 10
        while not all(bad.asked for bad in one.witnesses.values()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        beside = min(fifty(one.service) for _ in range(2))
        stopping = time.monotonic()

    assert beside < 3 * alone + 0.5
    assert time.monotonic() - stopping < 5  # a start or stop does not wait for them either
