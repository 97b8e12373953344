"""The ingress: Traefik's Knative provider at a fixed cluster address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests import dump
from cluster.settings import GATEWAY_IP

if TYPE_CHECKING:
    from cluster.kube import Kubectl

NAMESPACE = "ingress-system"
PUBLIC_PORT = 8080
PRIVATE_PORT = 8081
PING_PORT = 9000
METRICS_PORT = 9100
RULES: list[dict[str, list[str]]] = [
    {
        "apiGroups": [""],
        "resources": ["services", "secrets", "namespaces"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["networking.internal.knative.dev"],
        "resources": ["ingresses"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["networking.internal.knative.dev"],
        "resources": ["ingresses/status"],
        "verbs": ["update"],
    },
]
ARGUMENTS = (
    "--global.checkNewVersion=false",
    "--global.sendAnonymousUsage=false",
    f"--entrypoints.public.address=:{PUBLIC_PORT}",
    f"--entrypoints.private.address=:{PRIVATE_PORT}",
    f"--entrypoints.admin.address=:{PING_PORT}",
    f"--entrypoints.metrics.address=:{METRICS_PORT}",
    "--ping=true",
    "--ping.entrypoint=admin",
    "--metrics.prometheus=true",
    "--metrics.prometheus.entrypoint=metrics",
    # A new route waits for this long; by default two seconds, in which a model that is Ready answers 404.
    "--providers.providersthrottleduration=100ms",
    "--experimental.knative=true",
    "--providers.knative=true",
    "--providers.knative.publicentrypoints=public",
    "--providers.knative.privateentrypoints=private",
    "--providers.knative.publicservice.name=gateway",
    f"--providers.knative.publicservice.namespace={NAMESPACE}",
    "--providers.knative.privateservice.name=gateway-internal",
    f"--providers.knative.privateservice.namespace={NAMESPACE}",
)


def make_gateway() -> list[dict[str, Any]]:
    """Render the gateway's objects."""
    labels = {"app": "gateway"}
    container = {
        "name": "traefik",
        "image": "dev.local/traefik:1",
        "args": list(ARGUMENTS),
        "ports": [{"containerPort": port} for port in (PUBLIC_PORT, PRIVATE_PORT, METRICS_PORT)],
        "readinessProbe": {"httpGet": {"path": "/ping", "port": PING_PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
        "securityContext": {
            "runAsUser": 65532,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    account = {"kind": "ServiceAccount", "name": "traefik", "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "traefik", "namespace": NAMESPACE},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "traefik-knative"},
            "rules": RULES,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "traefik-knative"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "traefik-knative",
            },
            "subjects": [account],
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "gateway", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": "traefik", "containers": [container]},
                },
            },
        },
        _service("gateway", PUBLIC_PORT, {"clusterIP": GATEWAY_IP}),
        _service("gateway-internal", PRIVATE_PORT, {}),
    ]


def apply_gateway(kubectl: Kubectl) -> None:
    """Apply the gateway."""
    kubectl.apply(dump(make_gateway()))


def _service(name: str, port: int, extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            **extra,
            "selector": {"app": "gateway"},
            "ports": [{"name": "http", "port": 80, "targetPort": port}],
        },
    }
