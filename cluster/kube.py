"""Talking to the cluster's API server with kubectl, through the loopback port that users take too."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import httpx

from cluster.commands import run
from cluster.settings import python_tool
from cluster.waiting import fail_if_ended, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.processes import Processes
    from cluster.settings import Settings

FIELD_MANAGER = "torpor-cluster"
AVAILABLE_SECONDS = 180
# kubectl must not send loopback traffic through a proxy that the shell names.
NO_PROXY = {"NO_PROXY": "*", "no_proxy": "*"}


class Kubectl:
    """kubectl as the cluster's administrator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, *words: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl and return what it printed."""
        command = [python_tool("kubectl"), f"--kubeconfig={self._settings.kubeconfig}", *words]
        return run(command, stdin=stdin, env=NO_PROXY, check=check).stdout

    def apply(self, yaml: str) -> None:
        """Apply objects on the server's side; ours win over anyone's."""
        self(
            "apply",
            "--server-side",
            "--force-conflicts",
            f"--field-manager={FIELD_MANAGER}",
            "-f",
            "-",
            stdin=yaml,
        )

    def wait_for_deployments(self, namespace: str) -> None:
        """Wait until every Deployment of a namespace is available."""
        self(
            "wait",
            "--for=condition=available",
            f"--namespace={namespace}",
            "deployment",
            "--all",
            f"--timeout={AVAILABLE_SECONDS}s",
        )

    def is_established(self) -> bool:
        """Say whether every custom resource definition is served."""
        # Not with a path in JSON: kubectl fails on a definition that is too young to have conditions.
        return all(map(is_definition_served, json.loads(self("get", "crd", "-o", "json"))["items"]))


def is_definition_served(definition: dict[str, Any]) -> bool:
    """Say whether a custom resource definition is established."""
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def is_api_ready(settings: Settings) -> bool:
    """Say whether the API server answers that it is ready."""
    try:
        context = ssl.create_default_context(cafile=str(settings.data / "pki" / "ca.crt"))
        url = f"https://127.0.0.1:{settings.api_port}/readyz"
        return httpx.get(url, verify=context, trust_env=False, timeout=2.0).is_success
    except (httpx.HTTPError, OSError):
        return False


def wait_for_api(settings: Settings, processes: Processes) -> None:
    """Wait until the API server is ready."""

    def is_ready() -> bool:
        fail_if_ended(settings, processes, ["etcd", "kube-apiserver", "haproxy"])
        return is_api_ready(settings)

    wait_until(is_ready, "the API server is not ready", seconds=90)
