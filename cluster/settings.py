"""Settings of one cluster: its name, folders and ports, taken from the environment in one place."""

from __future__ import annotations

import os
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from cluster.errors import ClusterError

Tier = Literal["api", "full"]
TIERS: tuple[Tier, ...] = get_args(Tier)

ROOT = Path(__file__).resolve().parent.parent
GO_MODULES = Path(__file__).resolve().parent / "go"

# Addresses inside the namespace. Clusters never see each other, so all of them use the same ones.
NODE_NAME = "node1"
NODE_IP = "10.99.0.1"
NODE_GATEWAY = "10.99.0.254"
SERVICE_CIDR = "10.96.0.0/16"
POD_CIDR = "10.244.0.0/24"
CLUSTER_CIDR = "10.244.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
GATEWAY_IP = "10.96.0.80"
API_PORT = 6443
S3_PORT = 8333
REGISTRY_PORT = 5000
REGISTRY = f"{NODE_IP}:{REGISTRY_PORT}"

DOMAIN = "example.com"
BUCKET = "models"
INGRESS_CLASS = "traefik.ingress.networking.knative.dev"

# The tiers differ in every name and number so that both run side by side.
DEFAULT_NAMES: dict[Tier, str] = {"full": "torpor", "api": "torpor-api"}
DEFAULT_API_PORTS: dict[Tier, int] = {"full": 16443, "api": 17443}
NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Settings:
    """Everything that tells one cluster of this machine from another."""

    name: str
    tier: Tier
    run: Path
    """Process records and sockets; short, since a unix socket's path ends at 107 bytes."""
    data: Path
    """Keys, etcd, containers and logs; removed by ``down``."""
    cache: Path
    """What was built, and the registry's blobs; shared by all clusters and kept by ``down``."""
    api_port: int
    ingress_port: int
    s3_port: int
    registry_port: int

    @property
    def netns(self) -> Path:
        """The file that holds the cluster's network namespace open."""
        return Path("/run/netns") / self.name

    @property
    def logs(self) -> Path:
        """The folder of the programs' logs."""
        return self.data / "logs"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self.logs / "audit.log"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for use on the host."""
        return self.data / "admin.conf"

    @property
    def operator_kubeconfig(self) -> Path:
        """The kubeconfig of the user ``torpor-operator``, for use on the host."""
        return self.data / "operator.conf"

    @property
    def registry_storage(self) -> Path:
        """The registry's blobs, which outlive the cluster."""
        return self.cache / "registry"

    @property
    def ports(self) -> dict[str, int]:
        """Loopback ports on the host, by the setting that moves them."""
        ports = {"API": self.api_port}
        if self.tier == "full":
            ports |= {
                "INGRESS": self.ingress_port,
                "S3": self.s3_port,
                "REGISTRY": self.registry_port,
            }
        return ports


def load_settings(tier: Tier = "full", environ: dict[str, str] | None = None) -> Settings:
    """Read the settings of one cluster from ``TORPOR_CLUSTER_*``.

    Parameters
    ----------
    tier
        Which defaults apply.
    environ
        The variables to read; the process's own when None.

    Raises
    ------
    ClusterError
        A variable holds something unusable.
    """
    env = dict(os.environ) if environ is None else environ
    name = env.get("TORPOR_CLUSTER_NAME") or DEFAULT_NAMES[tier]
    if not NAME_PATTERN.fullmatch(name):
        raise ClusterError(f"TORPOR_CLUSTER_NAME is {name!r}: use up to 31 lower case letters, digits and '-'")
    cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or Path.home()) / ".cache") / "torpor"
    return Settings(
        name=name,
        tier=tier,
        run=Path(env.get("TORPOR_CLUSTER_RUN") or f"/run/{name}"),
        data=Path(env.get("TORPOR_CLUSTER_DATA") or f"/var/lib/torpor/{name}"),
        cache=cache,
        api_port=_port(env, "API", DEFAULT_API_PORTS[tier]),
        ingress_port=_port(env, "INGRESS", 18080),
        s3_port=_port(env, "S3", 18333),
        registry_port=_port(env, "REGISTRY", 15000),
    )


def _port(env: dict[str, str], name: str, default: int) -> int:
    variable = f"TORPOR_CLUSTER_{name}_PORT"
    text = env.get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ClusterError(f"{variable} is {text!r}: use a port number from 1 to 65535")
    return int(text)


def python_tool(name: str) -> Path:
    """Find a program that a PyPI package put beside this Python (kubectl, traefik, weed).

    Raises
    ------
    ClusterError
        The development environment lacks it.
    """
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise ClusterError(f"{path} is missing: run `make venvs` and use .venv/dev/bin/python")
    return path
