"""Versions: whether what was opened under one charter is still read the same under this one.

Everything open knows the charter's entry under which it was opened. An amendment says from which
entry on each class of decision is read anew; what is older is not decided any more, from that
entry on, whether or not its end stands in the log yet.
"""

from app.domain.book import Book
from app.domain.charter.decision_rules import DecisionClass
from app.domain.governance.funds import Fund
from app.domain.refusals.decisions import ProposalClosed


def is_stale(book: Book, decision: DecisionClass, charter_seq: int) -> bool:
    """Whether a newer charter decides such things otherwise."""
    return charter_seq < book.get(Fund).reread.get(decision, 0)


def require_current(book: Book, decision: DecisionClass, charter_seq: int) -> None:
    """Check that no later charter reads this class of decisions anew. `charter_seq` is the entry of
    the charter under which the matter was opened. Raises ProposalClosed.
    """
    if is_stale(book, decision, charter_seq):
        since = book.get(Fund).reread[decision]
        raise ProposalClosed(
            f"The charter of entry {since} decides this otherwise: it is dropped; ask again."
        )
