"""Reading a log from its first line: form, position, chain and time of each entry, and the tree.

Everybody who reads a log in order and stops at the first fault uses this: rebuilding, recovering,
scrubbing, mirroring. The verifier continues after a fault, to say which entry was changed:
`app/audit/checks/chain.py`.
"""

from app.chain.entry import Entry, check_follows
from app.chain.tree import Frontier, leaf_hash


class LogReader:
    """Reads entries one after the other; it keeps the last one and the tree."""

    def __init__(self) -> None:
        self.last: Entry | None = None
        self.leaf: bytes | None = None
        """The hash of the last entry."""
        self.frontier = Frontier()
        """The tree of all entries so far."""

    @property
    def size(self) -> int:
        """How many entries were read."""
        return self.frontier.size

    def read(self, line: bytes) -> Entry:
        """The entry in the next line. Raises BadEntry, BrokenChain; the reader then stays where it
        was.
        """
        entry, leaf = Entry.from_bytes(line), leaf_hash(line)
        check_follows(entry, self.last, self.leaf)
        self.last, self.leaf, self.frontier = entry, leaf, self.frontier.append(leaf)
        return entry
