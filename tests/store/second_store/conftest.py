"""The stores that all have to do the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.store.second_store.opening import open_second_store
from app.store.second_store.protocol import SecondStore
from tests.support.object_store import ObjectServer, object_server

Opening = Callable[[], SecondStore]
KINDS = ("folder", "postgresql", "s3")


@pytest.fixture(scope="session")
def objects() -> Iterator[ObjectServer]:
    with object_server() as server:
        yield server


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's credentials, from where it takes them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(params=KINDS)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Opens the same store again and again, as different processes would."""
    with _opening(request, request.param, tmp_path) as opens:
        yield opens


@contextmanager
def _opening(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Opening]:
    opened: list[SecondStore] = []
    url = ""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_databases")()
    if kind == "s3":
        request.getfixturevalue("signed_in")
        url = request.getfixturevalue("objects").url(folder.name)

    def opens() -> SecondStore:
        opened.append(open_second_store(url, folder / "checkpoints"))
        return opened[-1]

    yield opens
    for store in opened:
        store.close()
