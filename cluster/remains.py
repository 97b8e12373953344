"""What the pods of a cluster leave on the host when nobody ends them in order."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cluster.cgroups import pod_processes
from cluster.commands import run
from cluster.node import containerd_socket
from cluster.processes import kill_all, read_start_ticks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.processes import Processes
    from cluster.settings import Settings

CNI_RESULTS = Path("/var/lib/cni/results")
LOG_LINKS = Path("/var/log/containers")
SHIM = "containerd-shim-runc-v2"


def end_pods(settings: Settings, processes: Processes) -> None:
    """End every pod of the cluster, containerd and its shims."""
    kill_all(pod_processes(settings.name))
    processes.stop(["containerd"], grace_seconds=2)
    sockets = list(_shim_sockets(settings))
    kill_all(_shims(settings))
    # A container could have begun between the first look and containerd's end.
    kill_all(pod_processes(settings.name))
    for socket in sockets:
        socket.unlink(missing_ok=True)


def remove_pod_networks(settings: Settings) -> None:
    """Remove the network namespaces of the cluster's pods, found by their network's name."""
    if not CNI_RESULTS.is_dir():
        return
    for result in CNI_RESULTS.glob(f"{settings.name}-*"):
        try:
            record = json.loads(result.read_text())
        except (OSError, ValueError):
            continue
        # Another cluster's name may begin with ours.
        if record.get("networkName") != settings.name:
            continue
        for sandbox in sandboxes_of(record):
            run(["ip", "netns", "delete", Path(sandbox).name], check=False)
        result.unlink(missing_ok=True)
        loopback = CNI_RESULTS / f"cni-loopback-{record['containerId']}-lo"
        loopback.unlink(missing_ok=True)


def sandboxes_of(record: dict[str, Any]) -> set[str]:
    """Return the network namespaces' files that a CNI result names: interfaces of the host have none."""
    interfaces = record.get("result", {}).get("interfaces", [])
    return {interface["sandbox"] for interface in interfaces if interface.get("sandbox")}


def remove_log_links(settings: Settings) -> None:
    """Remove the links to our pods' logs that the kubelet puts into a folder of the host."""
    for link in LOG_LINKS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(settings.data):
            link.unlink()


def _shims(settings: Settings) -> list[int]:
    address = str(containerd_socket(settings))
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        # The kernel keeps 15 letters of a program's name: the command line tells more.
        if any(SHIM in word for word in words[:1]) and address in words and read_start_ticks(process.pid):
            found.append(process.pid)
    return found


def _shim_sockets(settings: Settings) -> Iterator[Path]:
    # Shims listen in /run/containerd/s, whatever containerd's own folder is.
    for file in (settings.run / "containerd").glob("io.containerd.runtime.v2.task/*/*/address"):
        with contextlib.suppress(OSError):
            yield Path(file.read_text().strip().removeprefix("unix://"))
