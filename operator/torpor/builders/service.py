"""The Knative Service of a model: how it is created, and the patches that change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torpor.api.base import API_VERSION, MODEL_LABEL
from torpor.api.observed import ObservedModel
from torpor.builders.revision import INITIAL_SCALE


def make_named_template(
    template: Mapping[str, Any], name: str, annotations: Mapping[str, str], initial_replicas: int
) -> dict[str, Any]:
    """Give a template its revision name and the annotations that a new revision starts with.

    Parameters
    ----------
    initial_replicas
        Replicas that the revision starts with: as many as the one it is to replace has, so that it can take over
        full traffic at once.
    """
    metadata = template["metadata"]
    # Knative starts with one by itself.
    initial = {INITIAL_SCALE: str(initial_replicas)} if initial_replicas > 1 else {}
    return {
        "metadata": {
            **metadata,
            "name": name,
            "annotations": {**metadata.get("annotations", {}), **annotations, **initial},
        },
        "spec": template["spec"],
    }


def make_traffic(revision: str) -> list[dict[str, Any]]:
    """Send everything to one named revision."""
    return [{"revisionName": revision, "percent": 100}]


def make_service(model: ObservedModel, template: Mapping[str, Any], traffic_to: str) -> dict[str, Any]:
    """Make the Knative Service of a model that has none."""
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": model.key.name,
            "namespace": model.key.namespace,
            "labels": {MODEL_LABEL: model.key.name},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "ServerlessModel",
                    "name": model.key.name,
                    "uid": model.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {"template": template, "traffic": make_traffic(traffic_to)},
    }


def make_service_patch(
    uid: str, template: Mapping[str, Any] | None, traffic_to: str | None
) -> list[dict[str, Any]]:
    """Make the JSON patch of what differs: template, traffic, or both.

    Whole values are replaced, since a merge would keep what a new template leaves out. Server-side apply is no
    way either: Knative refuses it for a Service with a named revision. The test makes the API server refuse the
    patch when the Service was replaced by another one meanwhile.
    """
    patch: list[dict[str, Any]] = [{"op": "test", "path": "/metadata/uid", "value": uid}]
    if template is not None:
        patch.append({"op": "add", "path": "/spec/template", "value": template})
    if traffic_to is not None:
        patch.append({"op": "add", "path": "/spec/traffic", "value": make_traffic(traffic_to)})
    return patch
