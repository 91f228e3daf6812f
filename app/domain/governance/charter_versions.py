"""Charter versions: whether what was opened under one charter is still decided by the same rules.

Everything open records the entry of the charter under which it was opened. An amendment says from
which entry on each class of decision follows new rules; a matter that was opened before is not
decided any more, from that entry on, whether or not its end stands in the log yet.
"""

from app.domain.book import Book
from app.domain.charter.decision_rules import DecisionClass
from app.domain.governance.funds import Fund
from app.domain.refusals.decisions import ProposalClosed


def is_stale(book: Book, decision: DecisionClass, charter_seq: int) -> bool:
    """Whether a newer charter decides this class of matters by other rules."""
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
