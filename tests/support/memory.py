"""A file system in memory for what tests write: databases there force nothing to a disk."""

import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Workers leave some tens of PostgreSQL databases each, of eight megabytes."""


def keep_files_in_memory() -> None:
    """Where Linux has room for it, and nobody has said where else files shall be."""
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free >= ROOM
    if roomy and tempfile.gettempdir() == "/tmp":
        tempfile.tempdir = str(SHARED_MEMORY)
