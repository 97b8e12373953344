"""haproxy on the host's loopback: the one way into the cluster's network namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.cache import write_atomically
from cluster.settings import API_PORT, GATEWAY_IP, NODE_IP, REGISTRY_PORT, S3_PORT

if TYPE_CHECKING:
    from cluster.processes import Processes
    from cluster.settings import Settings

TARGETS = {
    "API": (NODE_IP, API_PORT),
    "INGRESS": (GATEWAY_IP, 80),
    "S3": (NODE_IP, S3_PORT),
    "REGISTRY": (NODE_IP, REGISTRY_PORT),
}
# Watches and model calls stay silent for long.
IDLE_TIMEOUT = "24h"


def make_config(name: str, ports: dict[str, int]) -> str:
    """Render haproxy's configuration: one TCP listener for each port, its server inside the namespace."""
    lines = [
        "global",
        "  maxconn 4000",
        "  nbthread 1",
        "defaults",
        "  mode tcp",
        "  timeout connect 5s",
        f"  timeout client {IDLE_TIMEOUT}",
        f"  timeout server {IDLE_TIMEOUT}",
    ]
    for purpose, port in ports.items():
        address, inside = TARGETS[purpose]
        lines += [
            f"listen {purpose.lower()}",
            f"  bind 127.0.0.1:{port}",
            f"  server inside {address}:{inside} namespace {name}",
        ]
    return "\n".join(lines) + "\n"


def start_host_ports(settings: Settings, processes: Processes) -> None:
    """Start haproxy; the namespace must exist, since it is opened once."""
    config = settings.data / "haproxy.cfg"
    write_atomically(config, make_config(settings.name, settings.ports))
    processes.start("haproxy", ["haproxy", "-db", "-f", config], on_host=True)
