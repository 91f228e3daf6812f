"""Metrics for Prometheus. No amounts, no subjects, no free text in labels.

One registry an application, one scrape target a process.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Every instrument, by what it counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._count_requests(self.registry)
        self._count_appends(self.registry)
        self._watch_the_log(self.registry)
        self._watch_outsiders(self.registry)

    def _count_requests(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "ledger_http_requests",
            "Requests by route template, method and status.",
            ["route", "method", "code"],
            registry=registry,
        )
        self.latency = Histogram(
            "ledger_http_request_duration_seconds",
            "Time to answer, by route template and method.",
            ["route", "method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "ledger_http_requests_in_progress", "Requests being answered.", registry=registry
        )
        self.auth_failures = Counter(
            "ledger_auth_failures", "Refused tokens by reason.", ["reason"], registry=registry
        )
        self.exports = Counter(
            "ledger_exports", "Audit exports by result.", ["result"], registry=registry
        )

    def _count_appends(self, registry: CollectorRegistry) -> None:
        self.appends = Counter(
            "ledger_append",
            "Commands by what became of them: committed, replayed, refused, unknown, failed.",
            ["result"],
            registry=registry,
        )
        self.entries = Counter(
            "ledger_entries_appended", "Entries by event type.", ["type"], registry=registry
        )
        self.batch_size = Histogram(
            "ledger_append_batch_size",
            "Commands in one transaction.",
            buckets=_SIZES,
            registry=registry,
        )
        self.queue_depth = Gauge(
            "ledger_append_queue_depth", "Commands that wait for the writer.", registry=registry
        )
        self.queue_wait = Histogram(
            "ledger_append_queue_wait_seconds",
            "Time from arrival to the transaction that took the command.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit = Histogram(
            "ledger_commit_duration_seconds",
            "Time from the first statement of a batch to the end of its commit.",
            buckets=_SECONDS,
            registry=registry,
        )

    def _watch_the_log(self, registry: CollectorRegistry) -> None:
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
        self.second_logs_halted = Gauge(
            "ledger_second_logs_halted",
            "Second logs (refusals, reads) that lost entries and take no more.",
            registry=registry,
        )
        self.guards_ok = Gauge(
            "ledger_guards_ok",
            "1 while the database's guards are as they should be.",
            registry=registry,
        )
        self.verified_seq = Gauge(
            "ledger_chain_last_verified_seq",
            "Entries below this one were re-read and found whole in the present round.",
            ["fund"],
            registry=registry,
        )
        self.verified_time = Gauge(
            "ledger_chain_last_verified_timestamp_seconds",
            "When the background check last looked.",
            ["fund"],
            registry=registry,
        )
        self.verification_failures = Counter(
            "ledger_chain_verification_failures",
            "Entries that the background check found broken.",
            ["fund"],
            registry=registry,
        )

    def _watch_outsiders(self, registry: CollectorRegistry) -> None:
        self.witness_answers = Counter(
            "ledger_witness_cosign",
            "Questions to witnesses by what came of them.",
            ["witness", "result"],
            registry=registry,
        )
        self.witness_size = Gauge(
            "ledger_witness_size",
            "Entries of a log that a witness has cosigned.",
            ["log", "witness"],
            registry=registry,
        )
        self.witness_time = Gauge(
            "ledger_witness_last_success_timestamp_seconds",
            "When a witness last cosigned anything.",
            ["witness"],
            registry=registry,
        )
        self.stamps = Counter(
            "ledger_time_stamps", "Questions to the time authority.", ["result"], registry=registry
        )
        self.stamp_time = Gauge(
            "ledger_time_stamp_last_timestamp_seconds",
            "When a fund's log was last stamped.",
            ["fund"],
            registry=registry,
        )
