"""A file that is replaced is the old one or the new one, at every moment."""

import os
from pathlib import Path

import pytest

from app.runtime.files import replace_file


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "era.checkpoint"
    (tmp_path / "era.new").write_bytes(b"torn, and longer than what comes")

    replace_file(path, b"one")
    replace_file(path, b"two")

    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_the_old_one_stays_where_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "era.checkpoint"
    replace_file(path, b"one")

    def refuse(*_: object) -> None:
        raise OSError("the disk is full")

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OSError, match="full"):
        replace_file(path, b"two")
    monkeypatch.undo()

    assert path.read_bytes() == b"one"
