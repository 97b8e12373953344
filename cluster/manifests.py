"""Knative Serving's own manifests, taken from the Go module cache and fitted to this cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cluster.cache import half_made, make_key
from cluster.golang import module_folder
from cluster.settings import DOMAIN, GO_MODULES, INGRESS_CLASS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Object = dict[str, Any]

KNATIVE_VERSION = "1.23.0"
IMAGE_PREFIX = "dev.local"
FEATURES = (
    "persistent-volume-claim",
    "persistent-volume-write",
    "volumes-hostpath",
    "volumes-image",
    "init-containers",
    "nodeselector",
    "tolerations",
    "securitycontext",
)
# Written before Knative's programs start: some of it (the metrics' protocol) is read only once.
CONFIG: Mapping[str, Mapping[str, str]] = {
    "config-network": {"ingress-class": INGRESS_CLASS},
    "config-domain": {DOMAIN: ""},
    "config-deployment": {
        "registries-skipping-tag-resolving": IMAGE_PREFIX,
        "queue-sidecar-cpu-request": "10m",
        "queue-sidecar-memory-request": "32Mi",
    },
    "config-observability": {
        "metrics-protocol": "prometheus",
        "request-metrics-protocol": "prometheus",
    },
    "config-features": {f"kubernetes.podspec-{feature}": "enabled" for feature in FEATURES},
}
# Files that are symbolic links in Knative's repository, and so are missing from its module.
LINKED_NETWORKING = (
    "certificate.yaml",
    "domain-claim.yaml",
    "ingress.yaml",
    "serverlessservice.yaml",
    "config-network.yaml",
)
LINKED_CACHING = ("image.yaml",)
# One replica of each program is enough on one node.
LEFT_OUT = frozenset({"HorizontalPodAutoscaler", "PodDisruptionBudget"})
# What others refer to comes first.
ORDER = {
    kind: place
    for place, kind in enumerate(
        (
            "Namespace",
            "ServiceAccount",
            "ClusterRole",
            "Role",
            "ClusterRoleBinding",
            "RoleBinding",
            "ConfigMap",
            "Secret",
        )
    )
}
LAST = len(ORDER)
# CPU requests run out first on two cores.
SMALL_CPU_REQUEST = "20m"
WEBHOOK_PORT = 8443


@dataclass(frozen=True)
class Manifests:
    """Knative's objects, in the order in which they are applied."""

    definitions: list[Object]
    core: list[Object]

    def host_only(self) -> list[Object]:
        """Return the core without its pods: for a cluster whose Knative programs are processes.

        The webhook's Service goes too: one without a selector takes its place.
        """
        return [
            item
            for item in self.core
            if item["kind"] not in {"Deployment", "Image"}
            and not (item["kind"] == "Service" and item["metadata"]["name"] == "webhook")
        ]


def fit_object(item: Object) -> Object:
    """Fit one of Knative's objects to this cluster: local images, small requests, our configuration."""
    text = yaml.safe_dump(item, sort_keys=False)
    text = re.sub(r"ko://knative\.dev/serving/cmd/([a-z-]+)", rf"{IMAGE_PREFIX}/kn-\1:1", text)
    text = re.sub(
        r"(app\.kubernetes\.io/version|serving\.knative\.dev/release): devel",
        rf"\1: {KNATIVE_VERSION}",
        text,
    )
    fitted: Object = yaml.safe_load(text)
    name = fitted["metadata"]["name"]
    if fitted["kind"] == "ConfigMap" and name in CONFIG:
        fitted["data"] = {**fitted.get("data", {}), **CONFIG[name]}
    if fitted["kind"] == "Deployment":
        for container in fitted["spec"]["template"]["spec"]["containers"]:
            requests = container.get("resources", {}).get("requests", {})
            if "cpu" in requests:
                requests["cpu"] = SMALL_CPU_REQUEST
    return fitted


def arrange(items: Iterable[Object]) -> Manifests:
    """Fit objects, drop doubles and what is not needed, and put them in order."""
    seen: set[tuple[str, str]] = set()
    definitions: list[Object] = []
    core: list[Object] = []
    for item in items:
        identity = (item["kind"], item["metadata"]["name"])
        if item["kind"] in LEFT_OUT or identity in seen:
            continue
        seen.add(identity)
        is_definition = item["kind"] == "CustomResourceDefinition"
        (definitions if is_definition else core).append(fit_object(item))
    core.sort(key=lambda item: ORDER.get(item["kind"], LAST))
    return Manifests(definitions, core)


def make_webhook_endpoint(address: str) -> list[Object]:
    """Render a Service ``webhook`` whose only endpoint is a process at `address`."""
    port = {"name": "https-webhook", "protocol": "TCP"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "webhook", "namespace": "knative-serving"},
            "spec": {"ports": [{**port, "port": 443, "targetPort": WEBHOOK_PORT}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "webhook-host",
                "namespace": "knative-serving",
                "labels": {"kubernetes.io/service-name": "webhook"},
            },
            "addressType": "IPv4",
            "ports": [{**port, "port": WEBHOOK_PORT}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        },
    ]


def dump(items: Iterable[Object]) -> str:
    """Write objects as one YAML stream."""
    return yaml.dump_all(items, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)


def manifests_folder(cache: Path) -> Path:
    """Return where the fitted manifests lie."""
    module = GO_MODULES / "knative"
    key = make_key(module / "go.mod", module / "go.sum", Path(__file__))
    return cache / "build" / f"knative-manifests-{key}"


def build_manifests(go: Path, cache: Path) -> None:
    """Write ``crds.yaml``, ``core.yaml`` and ``core-host.yaml`` into the cache."""
    serving = module_folder("knative", "knative.dev/serving", go, cache) / "config" / "core"
    networking = module_folder("knative", "knative.dev/networking", go, cache) / "config"
    caching = module_folder("knative", "knative.dev/caching", go, cache) / "config"
    files = sorted(serving.rglob("*.yaml"))
    files += [networking / name for name in LINKED_NETWORKING]
    files += [caching / name for name in LINKED_CACHING]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    items = [item for file in files for item in yaml.load_all(file.read_text(), Loader=loader) if item]
    manifests = arrange(items)
    with half_made(manifests_folder(cache)) as work:
        (work / "crds.yaml").write_text(dump(manifests.definitions))
        (work / "core.yaml").write_text(dump(manifests.core))
        (work / "core-host.yaml").write_text(dump(manifests.host_only()))
