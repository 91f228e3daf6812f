"""Metrics of the writer."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.runtime.metrics import SECONDS, SIZES


class WriterMetrics:
    """Counters of commands and batches, and the size of each log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.appends = Counter(
            "ledger_append",
            "Commands by what became of them: committed, replayed, refused, unknown, failed.",
            ["result"],
            registry=registry,
        )
        for result in ("committed", "replayed", "refused", "unknown", "failed"):
            # From the start: an increase from nothing is none to Prometheus.
            self.appends.labels(result)
        self.entries = Counter(
            "ledger_entries_appended", "Entries by event type.", ["type"], registry=registry
        )
        self.batch_size = Histogram(
            "ledger_append_batch_size",
            "Commands in one transaction.",
            buckets=SIZES,
            registry=registry,
        )
        self.queue_depth = Gauge(
            "ledger_append_queue_depth", "Commands that wait for the writer.", registry=registry
        )
        self.queue_wait = Histogram(
            "ledger_append_queue_wait_seconds",
            "Time from arrival to the transaction that took the command.",
            buckets=SECONDS,
            registry=registry,
        )
        self.commit = Histogram(
            "ledger_commit_duration_seconds",
            "Time from the first statement of a batch to the end of its commit.",
            buckets=SECONDS,
            registry=registry,
        )
        self.head = Gauge(
            "ledger_chain_head_seq", "Newest entry of the log.", ["fund"], registry=registry
        )
        self.checkpoint_size = Gauge(
            "ledger_checkpoint_size",
            "Entries under the newest checkpoint.",
            ["fund"],
            registry=registry,
        )
        self.checkpoint_time = Gauge(
            "ledger_checkpoint_last_timestamp_seconds",
            "When the newest checkpoint was signed here.",
            ["fund"],
            registry=registry,
        )
        self.faults = Counter(
            "ledger_writer_faults",
            "Faults of the writer that nobody foresaw; it has gone on.",
            registry=registry,
        )
        self.second_logs_halted = Gauge(
            "ledger_second_logs_halted",
            "Second logs (refusals, reads) that lost entries and take no more.",
            registry=registry,
        )
