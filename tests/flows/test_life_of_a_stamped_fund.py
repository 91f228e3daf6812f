"""A fund under a time authority: stamps become entries, and outlive the authority's certificate."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.audit.report import Pins
from app.audit.verify import verify
from app.chain.policy import Policy
from app.cli.main import main
from app.runtime.settings import Settings
from app.runtime.threads import in_thread
from tests.support.authority import Authority
from tests.support.builders import AUDITOR, a_pledge, money, treasury
from tests.support.service import Service, running, serving
from tests.support.waiting import until

PERIOD_S = 0.1
"""Settings allow whole seconds; a copy of them is not asked."""


@dataclass
class Served:
    """An authority that answers at an address; `broken` makes it answer with something else."""

    authority: Authority
    address: str = ""
    broken: bytes | None = None


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    here = Served(Authority(folder))

    async def stamp(request: Request) -> Response:
        question = await request.body()
        answer = here.broken or await in_thread(here.authority.stamp, b"", question)
        return Response(answer, media_type="application/timestamp-reply")

    with serving(Starlette(routes=[Route("/", stamp, methods=["POST"])])) as address:
        here.address = address
        yield here


@pytest.fixture
def stamped(
    brisk: None, service_settings: Settings, tmp_path: Path
) -> Iterator[tuple[Service, Served]]:
    """A service whose log is stamped ten times a second, if it has grown."""
    with served(tmp_path / "authority") as authority:
        (root,) = authority.authority.roots
        (tmp_path / "roots.pem").write_bytes(root.public_bytes(Encoding.PEM))
        changes = {
            "time_authority_url": authority.address,
            "time_authority_roots": tmp_path / "roots.pem",
            "time_period_s": PERIOD_S,
        }
        with running(service_settings.model_copy(update=changes)) as service:
            yield service, authority


def stamps(service: Service) -> list[dict[str, Any]]:
    entries = service.get(AUDITOR, "/entries?limit=500")["items"]
    return [entry for entry in entries if entry["type"] == "checkpoint.stamped"]


def test_a_log_that_grows_is_stamped_and_the_auditor_sees_when(
    stamped: tuple[Service, Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, authority = stamped
    service.open()
    until(lambda: len(stamps(service)) == 1)
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
    until(lambda: len(stamps(service)) == 2)
    bundle, trust = service.export(tmp_path / "b.zip"), service.trust(tmp_path / "trust.policy")
    policy = Policy.parse(trust.read_bytes())

    unpinned = verify(bundle, policy)
    pinned = verify(bundle, policy, Pins(time_roots=authority.authority.roots))
    other = verify(bundle, policy, Pins(time_roots=Authority(tmp_path / "other").roots))

    assert [one["data"]["size"] for one in stamps(service)] == [1, 3]
    assert unpinned.problems == []
    assert any("time stamps" in what for what in unpinned.not_checked)
    assert pinned.problems == []
    assert [one["size"] for one in pinned.anchors] == [1, 3]
    assert {problem.check for problem in other.problems} == {11}
    roots = ["--time-authority", str(tmp_path / "roots.pem")]
    assert main(["verify", str(bundle), "--trust", str(trust), "--quiet", *roots]) == 0
    assert "stamped: 3 entries at 20" in capsys.readouterr().out


def test_a_log_that_has_not_grown_is_left_alone(stamped: tuple[Service, Served]) -> None:
    service, _ = stamped
    service.open()
    until(lambda: len(stamps(service)) == 1)

    time.sleep(10 * PERIOD_S)

    assert len(stamps(service)) == 1


@pytest.mark.parametrize("broken", [b"", b"no stamp", b"0" * 50_000])
def test_an_authority_that_fails_holds_nothing_up(
    stamped: tuple[Service, Served], broken: bytes
) -> None:
    service, authority = stamped
    authority.broken = broken or b" "
    service.open()
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))

    def failed() -> bool:
        text = httpx.get(f"{service.address}/metrics").text
        return 'ledger_time_stamps_total{result="failed"}' in text

    until(failed)
    assert stamps(service) == []
    service.post(treasury("DE"), "/pledges", a_pledge(money(1)))
