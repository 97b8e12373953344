"""The cluster's network namespace. Its veth pair stays inside whole: the host's network is untouched."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import psutil

from cluster.commands import run
from cluster.errors import ClusterError
from cluster.settings import NODE_GATEWAY, NODE_IP

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.settings import Settings


def make_namespace(settings: Settings) -> None:
    """Create the namespace with a loopback and the node's address, unless it exists."""
    if is_namespace(settings.netns):
        return
    settings.netns.unlink(missing_ok=True)
    run(["ip", "netns", "add", settings.name])
    inside = ["nsenter", f"--net={settings.netns}"]
    # One program for all links: each start costs some 10 ms.
    links = f"""
        link set lo up
        link add eth0 type veth peer name uplink
        link set uplink up
        addr add {NODE_IP}/24 dev eth0
        link set eth0 up
        route add default via {NODE_GATEWAY} dev eth0
    """
    run([*inside, "ip", "-batch", "-"], stdin="\n".join(line.strip() for line in links.split("\n")))
    run([*inside, "sysctl", "-qw", "net.ipv4.ip_forward=1"])
    # Absent where the bridge filter is not loaded; then bridged traffic is not filtered, which is as good.
    run([*inside, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"], check=False)


def remove_namespace(settings: Settings) -> None:
    """Remove the namespace and with it every link inside."""
    if settings.netns.exists():
        run(["ip", "netns", "delete", settings.name], check=False)
        settings.netns.unlink(missing_ok=True)


def is_namespace(path: Path) -> bool:
    """Say whether a file really holds a namespace: after a reboot an empty file may be left."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except OSError:
        return False


def check_ports_free(settings: Settings) -> None:
    """Check that the host's loopback ports are free.

    Raises
    ------
    ClusterError
        A port is taken; says by what and which setting moves it.
    """
    for name, port in settings.ports.items():
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ClusterError(describe_taken_port(name, port, _find_listener(port))) from error


def describe_taken_port(name: str, port: int, listener: str | None) -> str:
    """Say in one line which port is taken, by what, and what to do."""
    who = f"by {listener}" if listener else "by another program"
    return f"port {port} on 127.0.0.1 is in use {who}: end it, or set TORPOR_CLUSTER_{name}_PORT to a free port"


def _find_listener(port: int) -> str | None:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp4"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    return None
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return None
