"""What operators measure: one registry per process, Prometheus names and base units, bounded labels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# Latencies from a tenth of a millisecond (a commit) to a minute (a peer that is nearly lost).
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """Every figure that lalert publishes under `/metrics`. Labels: realms, lanes, ways out, outcomes, sources."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.posted = Counter(
            "lalert_posts",
            "Messages posted, by outcome (created, repeated, or the error code)",
            ["realm", "outcome"],
            registry=r,
        )
        self.entries = Counter(
            "lalert_entries", "Entries appended to the log", ["realm", "kind", "priority"], registry=r
        )
        self.accept_seconds = Histogram(
            "lalert_accept_seconds",
            "From the last byte of a post to its durable entry",
            ["realm", "priority"],
            buckets=_SECONDS,
            registry=r,
        )
        self.commit_seconds = Histogram(
            "lalert_commit_seconds", "One durable transaction of the log", ["realm"], buckets=_SECONDS, registry=r
        )
        self.waiting = Gauge("lalert_queue_waiting", "Alerts in the priority queue", ["realm", "priority"], registry=r)
        self.in_force = Gauge("lalert_alerts_in_force", "Alerts in force", ["realm"], registry=r)
        self.readers = Gauge("lalert_stream_readers", "Connected readers of the event stream", ["realm"], registry=r)
        self.deliveries = Counter(
            "lalert_stream_deliveries", "Entries written to readers of the event stream", ["realm"], registry=r
        )
        self.slow = Counter(
            "lalert_stream_slow",
            "Readers that went on at their own pace because they did not keep up",
            ["realm"],
            registry=r,
        )
        self.cut = Counter(
            "lalert_stream_cut", "Readers disconnected because they took nothing for too long", ["realm"], registry=r
        )
        self.delivery_seconds = Histogram(
            "lalert_stream_delivery_seconds",
            "From acceptance to the last connected reader of the event stream",
            ["realm", "priority"],
            buckets=_SECONDS,
            registry=r,
        )
        self.canary_seen = Gauge(
            "lalert_canary_seen_timestamp_seconds",
            "When the newest test of the line came out of this way, Unix time",
            ["realm", "way"],
            registry=r,
        )
        self.push_attempts = Counter(
            "lalert_push_attempts",
            "Deliveries tried, by way out and outcome",
            ["realm", "way", "outcome"],
            registry=r,
        )
        self.push_seconds = Histogram(
            "lalert_push_seconds",
            "From acceptance to its last recipient in a lane",
            ["realm", "way", "priority"],
            buckets=(*_SECONDS, 300.0, 3600.0),
            registry=r,
        )
        self.push_lag = Gauge(
            "lalert_push_lag_entries",
            "Entries that the slowest lane of a way has not settled",
            ["realm", "way"],
            registry=r,
        )
        self.push_failing = Gauge(
            "lalert_push_failing_lanes", "Lanes whose recipient failed last time", ["realm", "way"], registry=r
        )
        self.push_lanes = Gauge(
            "lalert_push_lanes", "Lanes: recipients with a position of their own", ["realm", "way"], registry=r
        )
        self.residents_complete = Gauge(
            "lalert_residents_complete",
            "1 when all residents are known to this node; 0 while they are being read",
            ["realm"],
            registry=r,
        )
        self.source_rounds = Counter(
            "lalert_source_rounds",
            "Rounds of a source, by outcome (changed, unchanged, failed)",
            ["realm", "source", "outcome"],
            registry=r,
        )
        self.source_messages = Counter(
            "lalert_source_messages",
            "Messages that a source brought, by outcome (created, repeated, why it was left, or the error code)",
            ["realm", "source", "outcome"],
            registry=r,
        )
        self.source_failures = Gauge(
            "lalert_source_failures", "Rounds of a source that failed in a row", ["realm", "source"], registry=r
        )
        self.source_heard = Gauge(
            "lalert_source_heard_timestamp_seconds",
            "When a source answered last, Unix time",
            ["realm", "source"],
            registry=r,
        )
        self.signing_expires = Gauge(
            "lalert_signing_certificate_expires_timestamp_seconds",
            "When the certificate that the hub signs with expires, Unix time",
            ["realm"],
            registry=r,
        )
        self.files_refused = Gauge(
            "lalert_files_refused",
            "1 while changed files (signatures, sources) cannot be used and those before are in force",
            ["realm", "files"],
            registry=r,
        )
        self.store_up = Gauge("lalert_store_up", "1 while the store accepts writes", ["realm"], registry=r)
        self.cluster_nodes = Gauge(
            "lalert_cluster_nodes", "Nodes that share the log and are alive, this one included", ["realm"], registry=r
        )
        self.cluster_shares = Gauge(
            "lalert_cluster_shares", "Shares of the work that this node holds", ["realm"], registry=r
        )
        self.cluster_skew = Gauge(
            "lalert_cluster_clock_skew_seconds",
            "How far this node's clock is ahead of the store's",
            ["realm"],
            registry=r,
        )

    def open(self, realm: str, *, lanes: Iterable[str], kinds: Iterable[str]) -> None:
        """Show a realm's figures from the beginning, so that a dashboard can tell nought from nothing."""
        lanes = list(lanes)
        for outcome in ("created", "repeated"):
            self.posted.labels(realm, outcome)
        for lane in lanes:
            for by_lane in (self.accept_seconds, self.delivery_seconds, self.waiting):
                by_lane.labels(realm, lane)
        for kind, lane in product(kinds, lanes):
            self.entries.labels(realm, kind, lane)
        for whole in (self.commit_seconds, self.in_force, self.readers, self.deliveries, self.slow, self.cut):
            whole.labels(realm)

    def page(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)
