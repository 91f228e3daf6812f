"""The folder: one holder at a time, files replaced whole, and no half file is ever read."""

import threading
from pathlib import Path

from app.store.second_store.folder import FolderStore


def test_only_one_holds_a_slot_at_a_time(tmp_path: Path) -> None:
    store, order = FolderStore(tmp_path), list[str]()
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with FolderStore(tmp_path).locked("era"):
            order.append("second")

    with store.locked("era"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_a_write_that_was_torn_is_not_read(tmp_path: Path) -> None:
    """The machine went down while the new file was being written beside the old one."""
    store = FolderStore(tmp_path)
    with store.locked("era") as slot:
        slot.replace(b"whole")
    (tmp_path / "era.new").write_bytes(b"hal")

    with FolderStore(tmp_path).locked("era") as slot:
        assert slot.read() == b"whole"
        slot.replace(b"next")
    assert store.funds() == ["era"]
