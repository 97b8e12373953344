"""What a cluster changes on the host outside its own folders, and puts back when the last one ends."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cluster.cache import write_atomically
from cluster.commands import run
from cluster.locks import locked
from cluster.mounts import mount_points

if TYPE_CHECKING:
    from cluster.settings import Settings

# The kubelet sets these for the whole machine.
SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
PROC_SYS = Path("/proc/sys")
# Folders that containerd, the kubelet and the CNI plugins make whatever they are told, the innermost first.
FOLDERS = (
    "/etc/cni/net.d",
    "/etc/cni",
    "/run/containerd/s",
    "/run/containerd",
    "/var/lib/cni/results",
    "/var/lib/cni",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/lib/torpor",
)
DEVICE_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
SUBTREE = Path("/sys/fs/cgroup/cgroup.subtree_control")
KUBELET_CONTROLLERS = {"cpu", "cpuset", "hugetlb", "memory", "pids"}
NETNS_FOLDER = Path("/run/netns")
# One file for every cluster of the machine: the first to come writes it, the last to go removes it.
STATE = Path("/run/torpor-host.json")
LOCK = Path("/run/torpor-host.lock")


def remember_host(settings: Settings) -> None:
    """Record the host's own values before this cluster changes them."""
    with locked(LOCK):
        state: dict[str, Any] = _read_state() or {
            "sysctls": {name: _read(name) for name in SYSCTLS if (PROC_SYS / name).exists()},
            "folders": [name for name in FOLDERS if Path(name).exists()],
            "controllers": sorted(_enabled_controllers()),
            "netnsFolder": NETNS_FOLDER.exists(),
            "netnsMount": str(NETNS_FOLDER) in mount_points(),
            "clusters": {},
        }
        state["clusters"][settings.name] = str(settings.run)
        write_atomically(STATE, json.dumps(state, indent=2))


def restore_host(settings: Settings) -> None:
    """Put the host's values back if no other cluster needs them."""
    with locked(LOCK):
        state = _read_state()
        if not state:
            return
        state["clusters"].pop(settings.name, None)
        others = {name: run for name, run in state["clusters"].items() if Path(run).exists()}
        if others:
            write_atomically(STATE, json.dumps({**state, "clusters": others}, indent=2))
            return
        # A kubelet of somebody else's would set its values again anyway, and complain about ours.
        if not _is_kubelet_running():
            for name, value in state["sysctls"].items():
                if _read(name) != value:
                    (PROC_SYS / name).write_text(value)
            DEVICE_SOCKET.unlink(missing_ok=True)
        for name in KUBELET_CONTROLLERS & _enabled_controllers() - set(state["controllers"]):
            with contextlib.suppress(OSError):
                SUBTREE.write_text(f"-{name}")
        _remove_empty([name for name in FOLDERS if name not in state["folders"]])
        _restore_netns_folder(had_folder=state["netnsFolder"], had_mount=state["netnsMount"])
        STATE.unlink()


def enable_controllers() -> None:
    """Let cgroups of version 2 have the controllers that the kubelet asks for; version 1 always does."""
    if SUBTREE.exists():
        available = set((SUBTREE.parent / "cgroup.controllers").read_text().split())
        for name in sorted(KUBELET_CONTROLLERS & available - _enabled_controllers()):
            SUBTREE.write_text(f"+{name}")


def _is_kubelet_running() -> bool:
    # Ours may still be a zombie that process 1 has yet to collect.
    return any(
        process.info["name"] == "kubelet" and process.info["status"] != psutil.STATUS_ZOMBIE
        for process in psutil.process_iter(["name", "status"])
    )


def _enabled_controllers() -> set[str]:
    return set(SUBTREE.read_text().split()) if SUBTREE.exists() else set()


def _remove_empty(folders: list[str]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def _restore_netns_folder(*, had_folder: bool, had_mount: bool) -> None:
    # `ip netns add` mounts the folder on itself and leaves it so.
    if had_mount or not NETNS_FOLDER.exists() or any(NETNS_FOLDER.iterdir()):
        return
    while str(NETNS_FOLDER) in mount_points():
        if run(["umount", NETNS_FOLDER], check=False).returncode:
            return
    if not had_folder:
        with contextlib.suppress(OSError):
            NETNS_FOLDER.rmdir()


def _read_state() -> dict[str, Any]:
    try:
        return json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}


def _read(name: str) -> str:
    return (PROC_SYS / name).read_text().strip()
