"""Which of Knative's feature flags a spec needs."""

from __future__ import annotations

from collections.abc import Iterator

from torpor.api.pod import Pod
from torpor.api.serverlessmodel import ServerlessModelSpec

PREFIX = "kubernetes.podspec-"
_VOLUME_FLAGS = {
    "persistentVolumeClaim": "persistent-volume-claim",
    "hostPath": "volumes-hostpath",
    "image": "volumes-image",
    "csi": "volumes-csi",
}


def required_features(spec: ServerlessModelSpec) -> tuple[str, ...]:
    """Give the keys of ConfigMap config-features that must be enabled, sorted."""
    flags = set(_pod_features(spec.pod))
    if spec.model is not None and spec.model.uri.startswith("pvc://"):
        flags.add(f"{PREFIX}persistent-volume-claim")
    return tuple(sorted(flags))


def _pod_features(pod: Pod) -> Iterator[str]:
    fields = {
        "nodeselector": pod.node_selector,
        "tolerations": pod.tolerations,
        "affinity": pod.affinity,
        "securitycontext": pod.security_context,
        "priorityclassname": pod.priority_class_name,
        "runtimeclassname": pod.runtime_class_name,
    }
    yield from (f"{PREFIX}{flag}" for flag, value in fields.items() if value)
    for volume in pod.volumes or ():
        yield from (f"{PREFIX}{flag}" for source, flag in _VOLUME_FLAGS.items() if source in volume)
