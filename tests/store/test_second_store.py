"""The second store: one file a fund, replaced whole, one holder at a time."""

import threading
from pathlib import Path

from app.store.second_store import SecondStore


def test_what_was_put_is_what_is_read_also_by_another_process(tmp_path: Path) -> None:
    with SecondStore(tmp_path).locked("era") as slot:
        assert slot.read() is None
        slot.replace(b"one")
        slot.replace(b"two")

    with SecondStore(tmp_path).locked("era") as slot:
        assert slot.read() == b"two"


def test_funds_do_not_share_a_slot(tmp_path: Path) -> None:
    store = SecondStore(tmp_path)

    with store.locked("a") as a, store.locked("b") as b:
        a.replace(b"a")

        assert b.read() is None
    assert store.funds() == ["a"]


def test_only_one_holds_a_slot_at_a_time(tmp_path: Path) -> None:
    store, order = SecondStore(tmp_path), list[str]()
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with SecondStore(tmp_path).locked("era"):
            order.append("second")

    with store.locked("era"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
