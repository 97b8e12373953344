"""Annotations of a Revision that may change while it runs, without a new revision."""

from __future__ import annotations

from collections.abc import Mapping

from torpor.api.durations import duration_seconds
from torpor.api.serverlessmodel import ServerlessModelSpec

_AUTOSCALING = "autoscaling.knative.dev"
PROGRESS_DEADLINE = "serving.knative.dev/progress-deadline"
INITIAL_SCALE = f"{_AUTOSCALING}/initial-scale"

PATCHABLE_ANNOTATIONS = (
    f"{_AUTOSCALING}/min-scale",
    f"{_AUTOSCALING}/max-scale",
    f"{_AUTOSCALING}/metric",
    f"{_AUTOSCALING}/target",
    f"{_AUTOSCALING}/window",
    f"{_AUTOSCALING}/scale-to-zero-pod-retention-period",
    f"{_AUTOSCALING}/activation-scale",
    f"{_AUTOSCALING}/target-burst-capacity",
    PROGRESS_DEADLINE,
)
"""What the operator owns on a Revision; any other annotation there is left alone."""


def make_revision_annotations(spec: ServerlessModelSpec) -> dict[str, str]:
    """Give the patchable annotations that a spec asks for; a missing key means Knative's default."""
    scaling = spec.scaling
    annotations = {
        f"{_AUTOSCALING}/min-scale": str(scaling.min_replicas),
        f"{_AUTOSCALING}/max-scale": str(scaling.max_replicas),
        f"{_AUTOSCALING}/metric": scaling.metric,
        f"{_AUTOSCALING}/target": str(scaling.target),
        f"{_AUTOSCALING}/window": f"{duration_seconds(scaling.idle_window)}s",
        PROGRESS_DEADLINE: f"{duration_seconds(spec.timeouts.startup)}s",
    }
    if retention_seconds := duration_seconds(scaling.retention):
        annotations[f"{_AUTOSCALING}/scale-to-zero-pod-retention-period"] = f"{retention_seconds}s"
    # Knative refuses 1 and anything below min-scale; both say nothing that it would not do anyway.
    if scaling.activation_replicas > max(1, scaling.min_replicas):
        annotations[f"{_AUTOSCALING}/activation-scale"] = str(scaling.activation_replicas)
    if scaling.burst is not None:
        annotations[f"{_AUTOSCALING}/target-burst-capacity"] = str(scaling.burst)
    return annotations


def diff_revision_annotations(observed: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    """Give the merge patch that brings a Revision's annotations to what is wanted; None removes a key."""
    return {key: wanted.get(key) for key in PATCHABLE_ANNOTATIONS if observed.get(key) != wanted.get(key)}
