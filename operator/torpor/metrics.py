"""Prometheus metrics of the operator."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECONCILES = Counter(
    "torpor_reconcile_total",
    "Reconciles by result: ok, terminal, retry, error.",
    ["result"],
    registry=REGISTRY,
)
RECONCILE_ERRORS = Counter(
    "torpor_reconcile_errors_total",
    "Reconciles that ended with an error, by reason.",
    ["reason"],
    registry=REGISTRY,
)
RECONCILE_SECONDS = Histogram("torpor_reconcile_duration_seconds", "Duration of a reconcile.", registry=REGISTRY)
API_WRITES = Counter(
    "torpor_api_writes_total", "Write requests to the API server.", ["kind", "verb"], registry=REGISTRY
)
QUEUE_DEPTH = Gauge("torpor_queue_depth", "Models that wait to be reconciled.", registry=REGISTRY)
MODELS = Gauge("torpor_models", "ServerlessModels by state.", ["state"], registry=REGISTRY)
