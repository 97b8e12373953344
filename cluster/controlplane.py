"""etcd, the API server, the controller manager and the scheduler as processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from cluster import golang
from cluster.cache import write_atomically
from cluster.settings import API_PORT, NODE_IP, SERVICE_CIDR

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.processes import Processes
    from cluster.settings import Settings

ETCD_URL = "http://127.0.0.1:2379"
ETCD_PEER_URL = "http://127.0.0.1:2380"
OPERATOR_USER = "torpor-operator"
OPERATOR_GROUP = "system:serviceaccounts:torpor-system"


def make_audit_policy() -> dict[str, object]:
    """Render what the API server's audit log records: every write, and the operator's reads.

    Tests count what the operator asks for; everybody else's reads would only fill the disk.
    """
    reads = ["get", "list", "watch"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "Metadata",
                "verbs": ["create", "update", "patch", "delete", "deletecollection"],
            },
            # A rule's users and groups must both match: hence two rules.
            {"level": "Metadata", "verbs": reads, "users": [OPERATOR_USER]},
            {"level": "Metadata", "verbs": reads, "userGroups": [OPERATOR_GROUP]},
            {"level": "None"},
        ],
    }


def start_etcd(settings: Settings, processes: Processes) -> None:
    """Start etcd."""
    processes.start(
        "etcd",
        [
            golang.ETCD.path(settings.cache),
            "--name=node1",
            f"--data-dir={settings.data / 'etcd'}",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            f"--listen-peer-urls={ETCD_PEER_URL}",
            f"--initial-advertise-peer-urls={ETCD_PEER_URL}",
            f"--initial-cluster=node1={ETCD_PEER_URL}",
            # The data does not outlive the cluster: there is nothing to lose in a power cut.
            "--unsafe-no-fsync",
        ],
    )


def make_api_server_flags(settings: Settings, pki: Path, policy: Path) -> list[str]:
    """Return the API server's flags."""
    flags = [
        f"--etcd-servers={ETCD_URL}",
        f"--advertise-address={NODE_IP}",
        "--bind-address=0.0.0.0",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={pki / 'ca.crt'}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy.key'}",
        "--allow-privileged=true",
        "--endpoint-reconciler-type=lease",
        "--profiling=false",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={settings.audit_log}",
        "--audit-log-maxsize=1000",
    ]
    if settings.tier == "api":
        # No kube-proxy gives Services their addresses: webhooks are reached at their endpoints.
        flags.append("--enable-aggregator-routing=true")
    return flags


def start_api_server(settings: Settings, processes: Processes, pki: Path) -> None:
    """Start the API server, which waits for etcd by itself."""
    policy = settings.data / "audit-policy.yaml"
    write_atomically(policy, yaml.safe_dump(make_audit_policy(), sort_keys=False))
    settings.logs.mkdir(parents=True, exist_ok=True)
    processes.start(
        "kube-apiserver",
        [golang.API_SERVER.path(settings.cache), *make_api_server_flags(settings, pki, policy)],
    )


def start_controller_manager(settings: Settings, processes: Processes, pki: Path) -> None:
    """Start the controller manager; the API server must be ready."""
    config = pki / "controller-manager.conf"
    processes.start(
        "kube-controller-manager",
        [
            golang.CONTROLLER_MANAGER.path(settings.cache),
            *_client_flags(config),
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--allocate-node-cidrs=false",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--controllers=*,-ttl",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
            # Its default lies outside our folders.
            f"--flex-volume-plugin-dir={settings.data / 'volume-plugins'}",
        ],
    )


def start_scheduler(settings: Settings, processes: Processes, pki: Path) -> None:
    """Start the scheduler; the API server must be ready."""
    processes.start(
        "kube-scheduler",
        [golang.SCHEDULER.path(settings.cache), *_client_flags(pki / "scheduler.conf")],
    )


def _client_flags(config: Path) -> list[str]:
    return [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    ]
