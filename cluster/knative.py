"""Knative Serving: applied to the API server, its programs run as pods or, without a node, as processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster import golang
from cluster.manifests import WEBHOOK_PORT, dump, make_webhook_endpoint, manifests_folder
from cluster.settings import NODE_IP
from cluster.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.kube import Kubectl
    from cluster.processes import Processes
    from cluster.settings import Settings

NAMESPACE = "knative-serving"


def apply_definitions(settings: Settings, kubectl: Kubectl) -> None:
    """Apply Knative's custom resource definitions and wait until they are served."""
    kubectl.apply((manifests_folder(settings.cache) / "crds.yaml").read_text())
    wait_until(kubectl.is_established, "Knative's definitions are not served", seconds=60)


def apply_core(settings: Settings, kubectl: Kubectl) -> None:
    """Apply Knative's programs and their configuration."""
    kubectl.apply((manifests_folder(settings.cache) / "core.yaml").read_text())


def apply_host_core(settings: Settings, kubectl: Kubectl) -> None:
    """Apply Knative's configuration, and a webhook Service that leads to a process."""
    core = (manifests_folder(settings.cache) / "core-host.yaml").read_text()
    kubectl.apply(f"{core}\n---\n{dump(make_webhook_endpoint(NODE_IP))}")


def start_host_programs(settings: Settings, processes: Processes, pki: Path) -> None:
    """Start Knative's webhook and controller as processes."""
    common = {
        "KUBECONFIG": str(pki / "knative.conf"),
        "SYSTEM_NAMESPACE": NAMESPACE,
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
    }
    webhook = {"POD_NAME": "webhook-host", "WEBHOOK_NAME": "webhook", "WEBHOOK_PORT": str(WEBHOOK_PORT)}
    # By default both serve probes and metrics at the same ports.
    processes.start(
        "knative-webhook",
        [golang.KNATIVE_WEBHOOK.path(settings.cache)],
        env={**common, **webhook, "PROBE_PORT": "18001", "METRICS_PROMETHEUS_PORT": "18003"},
    )
    processes.start(
        "knative-controller",
        [golang.KNATIVE_CONTROLLER.path(settings.cache)],
        env={
            **common,
            "POD_NAME": "controller-host",
            "PROBE_PORT": "18002",
            "METRICS_PROMETHEUS_PORT": "18004",
        },
    )


def wait_for_webhook(kubectl: Kubectl) -> None:
    """Wait until Knative's webhook answers: some moments after its Deployment is available."""

    def is_answering() -> bool:
        # Every write to this ConfigMap passes through the webhook.
        said = kubectl(
            "annotate",
            "configmap/config-gc",
            f"--namespace={NAMESPACE}",
            "torpor.dev/webhook=answers",
            "--overwrite",
            check=False,
        )
        return bool(said)

    wait_until(is_answering, "Knative's webhook does not answer", seconds=90, every_seconds=0.2)
