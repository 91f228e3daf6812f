"""Objects in S3: an answer that is lost, denied or never comes, and what is then believed."""

import time
from collections.abc import Iterator

import pytest

from app.store.second_store import s3
from app.store.second_store.protocol import SlotChanged, StoreUnavailable, StoreUnusable
from app.store.second_store.s3 import S3Store
from tests.support.object_store import ObjectServer, _Wire


@pytest.fixture
def store(
    objects: ObjectServer, signed_in: None, request: pytest.FixtureRequest
) -> Iterator[S3Store]:
    opened = S3Store(objects.url(request.node.name))
    yield opened
    objects.fault = None


def test_a_write_whose_answer_was_lost_is_a_success(store: S3Store, objects: ObjectServer) -> None:
    """It was stored, the client tries again by itself, and finds its own object in the way."""
    lost: list[str] = []

    def answer_is_lost(wire: _Wire) -> bool:
        if wire.command != "PUT" or lost:
            return False
        wire.pass_on()
        lost.append(wire.path)
        wire.drop()
        return True

    with store.locked("era") as slot:
        slot.read()
        objects.fault = answer_is_lost
        slot.replace(b"one")
        lost.clear()
        slot.replace(b"two")

    assert lost
    with store.locked("era") as slot:
        assert slot.read() == b"two"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 501, 503])
def test_a_store_that_denies_or_fails_is_unavailable(
    store: S3Store, objects: ObjectServer, status: int
) -> None:
    def refuse(wire: _Wire) -> bool:
        wire.pass_on()
        wire.answer(status, [], b"")
        return True

    with store.locked("era") as slot:
        slot.read()
        objects.fault = lambda wire: wire.command != "GET" and _refused(wire, status)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            slot.replace(b"one")
        objects.fault = refuse
        with pytest.raises(StoreUnavailable):
            slot.read()


def _refused(wire: _Wire, status: int) -> bool:
    length = int(wire.headers.get("Content-Length") or 0)
    wire.rfile.read(length)
    wire.answer(status, [], b"")
    return True


def test_a_store_that_hangs_is_given_up(
    store: S3Store,
    objects: ObjectServer,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3, "ANSWER_S", 0.2)
    hasty = S3Store(objects.url(request.node.name))

    def hang(wire: _Wire) -> bool:
        time.sleep(1)
        wire.drop()
        return True

    objects.fault = hang
    with pytest.raises(StoreUnavailable), hasty.locked("era") as slot:
        slot.read()


def test_an_older_copy_that_was_put_back_is_not_overwritten_unseen(store: S3Store) -> None:
    with store.locked("era") as slot:
        slot.read()
        slot.replace(b"one")
        slot.replace(b"two")
        store.delete("era.checkpoint")
        store.swap("era.checkpoint", None, b"one")

        with pytest.raises(SlotChanged):
            slot.replace(b"three")
        assert slot.read() == b"one"


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3://bucket?acces_key=x"])
def test_an_address_that_says_too_little_or_too_much_is_refused(url: str) -> None:
    with pytest.raises(StoreUnusable):
        S3Store(url)


def test_without_the_library_it_says_which_extra_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "find_spec", lambda _: None)

    with pytest.raises(StoreUnusable, match="the extra `s3`"):
        S3Store("s3://bucket")
