"""What every second store does, whatever it is made of."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from app.chain.checkpoint import Checkpoint
from app.store.second_store.folder import FolderStore
from app.store.second_store.opening import move_checkpoints
from app.store.second_store.protocol import SlotChanged, last_signed
from tests.store.second_store.conftest import Opening
from tests.support.witnessing import Log


def note(size: int) -> bytes:
    """A checkpoint of so many entries, as a note."""
    return Log().grown(size).note()


def test_what_was_put_is_what_is_read_also_by_another_process(opening: Opening) -> None:
    with opening().locked("era") as slot:
        assert slot.read() is None
        slot.replace(b"one")
        slot.replace(b"two")

    with opening().locked("era") as slot:
        assert slot.read() == b"two"


def test_logs_do_not_share_a_slot_and_second_logs_have_their_own(opening: Opening) -> None:
    store = opening()
    for name in ("era", "era/access", "other"):
        with store.locked(name) as slot:
            slot.read()
            slot.replace(name.encode())

    assert store.funds() == ["era", "era/access", "other"]
    with opening().locked("era/access") as slot:
        assert slot.read() == b"era/access"


def test_of_many_that_create_at_once_one_wins(opening: Opening) -> None:
    together = Barrier(6)

    def create(number: int) -> bool:
        with opening().locked("era") as slot:
            known = slot.read()
            if known is not None:
                return False  # where turns are taken, the others see the first's
            if number >= 0 and not _locks(opening):
                together.wait(10)
            try:
                slot.replace(b"%d" % number)
            except SlotChanged:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(create, range(6)))

    assert sum(won) == 1
    with opening().locked("era") as slot:
        assert slot.read() == b"%d" % won.index(True)


def _locks(opening: Opening) -> bool:
    return type(opening()).__name__ == "FolderStore"


def test_no_increment_of_many_is_lost(opening: Opening) -> None:
    with opening().locked("era") as slot:
        slot.read()
        slot.replace(b"0")

    def add(writer: int) -> None:
        store = opening()
        while True:
            with store.locked("era") as slot:
                value = int((slot.read() or b"").partition(b" ")[0])
                try:
                    # No two writers write the same: the same bytes twice are one success.
                    slot.replace(b"%d by %d" % (value + 1, writer))
                except SlotChanged:
                    continue
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(24)))

    with opening().locked("era") as slot:
        assert (slot.read() or b"").startswith(b"24 ")


def test_what_was_read_before_somebody_else_wrote_is_not_replaced(opening: Opening) -> None:
    one = opening()
    with one.locked("era") as slot:
        slot.read()
        slot.replace(b"first")
    if _locks(opening):
        pytest.skip("a folder lets one hold a slot at a time")
    with one.locked("era") as mine, opening().locked("era") as other:
        assert mine.read() == other.read() == b"first"
        other.replace(b"second")

        with pytest.raises(SlotChanged):
            mine.replace(b"third")

        assert mine.read() == b"second"


def test_a_store_has_a_name_that_stays_and_is_its_own(opening: Opening) -> None:
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(lambda _: opening().identity(), range(4)))

    assert len(names) == 1
    assert len(names.pop()) == 32
    assert opening().funds() == []


def test_a_checkpoint_can_be_taken_out_again(opening: Opening) -> None:
    with opening().locked("era") as slot:
        slot.read()
        slot.replace(b"one")
    with opening().locked("era") as slot:
        slot.remove()
        slot.remove()

    with opening().locked("era") as slot:
        assert slot.read() is None
        slot.replace(b"two")
    with opening().locked("era") as slot:
        assert slot.read() == b"two"


def test_the_newest_is_read_as_a_checkpoint(opening: Opening) -> None:
    store = opening()
    assert last_signed(store, "era") is None
    with store.locked("era") as slot:
        slot.read()
        slot.replace(note(7))

    found = last_signed(opening(), "era")

    assert isinstance(found, Checkpoint)
    assert found.size == 7


def test_checkpoints_move_where_they_are_newer(opening: Opening, tmp_path: Path) -> None:
    old, new = FolderStore(tmp_path / "old"), opening()
    for name, (here, there) in {"a": (5, 0), "b": (5, 9), "c": (9, 5)}.items():
        for store, size in ((old, here), (new, there)):
            if size:
                with store.locked(name) as slot:
                    slot.read()
                    slot.replace(note(size))

    assert move_checkpoints(old, new) == ["a", "c"]

    sizes = {name: last_signed(new, name) for name in ("a", "b", "c")}
    assert {name: found.size if found else 0 for name, found in sizes.items()} == {
        "a": 5,
        "b": 9,
        "c": 9,
    }
