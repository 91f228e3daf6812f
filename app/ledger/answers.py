"""Answers: what each submission of a batch gets, and its receipt."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from app.chain.proof import TlogProof, path_from
from app.domain.refusals.base import Refusal
from app.ledger.batch import Batch, Done, Outcome
from app.ledger.notary import Notary
from app.ledger.submission import Accepted, PartRefused, RecordedCommand, Submission
from app.ledger.writer_metrics import WriterMetrics
from app.runtime import logs
from app.store import checkpoints, log
from app.store.engine import Database

_log = logs.get(__name__)


def _recorded(outcome: Outcome) -> RecordedCommand | Refusal:
    if isinstance(outcome, Refusal):
        return outcome
    use = outcome.use
    return RecordedCommand(use.seq, use.entry_count, outcome.entries, replayed=not outcome.entries)


class Answers:
    """Settles submissions, and counts what became of them."""

    def __init__(self, database: Database, notary: Notary, metrics: WriterMetrics) -> None:
        self._database = database
        self._notary = notary
        self._metrics = metrics

    def fail(self, items: Iterable[Submission], reason: BaseException, result: str) -> None:
        """Settle those that are not settled yet with an error; `result` is the metric's label."""
        for item in items:
            if item.settled is None:
                self._metrics.appends.labels(result).inc(len(item.commands))
                item.settle(reason)

    def refuse(self, refused: Iterable[tuple[Submission, BaseException]]) -> None:
        """Settle those that were refused as a whole."""
        for item, refusal in refused:
            ours = not isinstance(refusal, Refusal | PartRefused)
            if ours:
                _log.error("command_failed", fund=item.fund, exc_info=refusal)
            self.fail([item], refusal, "failed" if ours else "refused")

    def give(self, fund: str, batch: Batch, note: bytes, size: int) -> None:
        """Settle those that were decided, with receipts under `note`, which covers `size` entries.

        Raises what reading an older checkpoint raises.
        """
        known = batch.known_hashes()
        for item, outcomes in batch.decided:
            uses = [outcome.use for outcome in outcomes if isinstance(outcome, Done)]
            receipt = None
            if uses:
                # The newest entry of the submission; others may be of an earlier request.
                proven = uses[0].seq if item.single else max(use.last_seq for use in uses)
                if size == batch.after.size and proven >= batch.before.size:
                    receipt = TlogProof(proven, path_from(known, proven, size), note).to_text()
                else:
                    # Recorded earlier; or another process has signed past this batch, and its
                    # checkpoint covers ours too.
                    receipt = self._receipt_of(fund, proven)
            accepted = Accepted(tuple(map(_recorded, outcomes)), receipt)
            for result, count in accepted.results().items():
                self._metrics.appends.labels(result).inc(count)
            item.settle(accepted)

    def observe(self, fund: str, batch: Batch, size: int, at: datetime) -> None:
        """Count a batch that was signed."""
        for event_type, count in Counter(entry.type for entry in batch.entries).items():
            self._metrics.entries.labels(event_type).inc(count)
        self._metrics.head.labels(fund).set(batch.after.size - 1)
        self._metrics.checkpoint_size.labels(fund).set(size)
        self._metrics.checkpoint_time.labels(fund).set(at.timestamp())

    def _receipt_of(self, fund: str, seq: int) -> str:
        """The receipt of an entry under the first checkpoint that covers it."""
        with self._database.read() as connection:
            note = checkpoints.checkpoint_covering(connection, fund, seq)
        if note is None:
            self._notary.check(fund)
        # Read again: this or another process may have signed since.
        with self._database.read() as connection:
            note = note or checkpoints.checkpoint_covering(connection, fund, seq)
            assert note is not None, "it was signed"  # noqa: S101
            size = self._notary.size_of(fund, note)
            path = log.hashes(connection, fund).inclusion_proof(seq, size)
        return TlogProof(seq, tuple(path), note).to_text()
