"""What can be said about the pod around the model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from torpor.api.base import ApiModel, FreeObject, Name, Rule, StringMap, keyed_by
from torpor.api.container import EnvVar


class SecretReference(ApiModel):
    """A Secret in the model's namespace."""

    name: Name
    """Name of the Secret."""


class Pod(ApiModel):
    """Settings of the pod. A change here makes a new revision."""

    rules = (
        Rule(
            "!has(self.annotations) || self.annotations.all(k, !k.startsWith('autoscaling.knative.dev/') && "
            "!k.startsWith('serving.knative.dev/'))",
            "annotations of Knative are set by the operator: use spec.scaling and spec.timeouts",
            field="annotations",
        ),
        Rule(
            "!has(self.labels) || self.labels.all(k, !k.startsWith('serving.knative.dev/') && "
            "!k.startsWith('torpor.dev/'))",
            "labels under serving.knative.dev/ and torpor.dev/ are set by the operator",
            field="labels",
        ),
    )

    service_account_name: Name | None = None
    """ServiceAccount of the pod; default the namespace's default one."""
    image_pull_secrets: (
        Annotated[list[SecretReference], Field(max_length=16, json_schema_extra=keyed_by("name"))] | None
    ) = None
    """Secrets for private registries."""
    node_selector: StringMap | None = None
    """Labels a node must have. Needs Knative's flag kubernetes.podspec-nodeselector."""
    tolerations: Annotated[list[FreeObject], Field(max_length=32)] | None = None
    """Taints that are tolerated (core/v1 Toleration). Needs Knative's flag kubernetes.podspec-tolerations."""
    affinity: FreeObject | None = None
    """Affinity (core/v1 Affinity). Needs Knative's flag kubernetes.podspec-affinity."""
    volumes: Annotated[list[FreeObject], Field(max_length=32)] | None = None
    """Volumes (core/v1 Volume). A persistentVolumeClaim needs Knative's flag
    kubernetes.podspec-persistent-volume-claim."""
    env: Annotated[list[EnvVar], Field(max_length=128, json_schema_extra=keyed_by("name"))] | None = None
    """Environment variables of the model server or container."""
    security_context: FreeObject | None = None
    """Pod-level security context. Needs Knative's flag kubernetes.podspec-securitycontext."""
    priority_class_name: Name | None = None
    """Priority class. Needs Knative's flag kubernetes.podspec-priorityclassname."""
    runtime_class_name: Name | None = None
    """Runtime class. Needs Knative's flag kubernetes.podspec-runtimeclassname."""
    labels: StringMap | None = None
    """Labels of the pod and its revision."""
    annotations: StringMap | None = None
    """Annotations of the pod and its revision."""
