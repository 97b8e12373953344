"""What this machine must offer: checked before anything is started, one clear line for what is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.commands import run
from cluster.errors import ClusterError

if TYPE_CHECKING:
    from cluster.settings import Tier

NETNS_FOLDER = Path("/run/netns")
FILE_SYSTEMS = Path("/proc/filesystems")


def check_root() -> None:
    """Check that this process may do what a cluster needs.

    Raises
    ------
    ClusterError
        It does not run as root.
    """
    if os.geteuid() != 0:
        raise ClusterError("the cluster needs root (namespaces, mounts, cgroups): run the command with sudo")


def check_kernel(tier: Tier) -> None:
    """Check that the kernel has what a tier needs.

    Raises
    ------
    ClusterError
        Something is missing; names it.
    """
    probe = f"torpor-probe-{os.getpid()}"
    if run(["ip", "netns", "add", probe], check=False).returncode:
        raise ClusterError("this kernel or container allows no network namespaces: run on a virtual machine")
    try:
        inside = ["nsenter", f"--net={NETNS_FOLDER / probe}"]
        for kind in ("veth", "bridge"):
            made = run([*inside, "ip", "link", "add", "probe0", "type", kind], check=False)
            if made.returncode:
                raise ClusterError(f"the kernel has no links of type {kind}: load the module `{kind}`")
            run([*inside, "ip", "link", "delete", "probe0"], check=False)
        if tier == "api":
            return
        if run([*inside, "iptables", "-t", "nat", "-L", "-n"], check=False).returncode:
            raise ClusterError("the kernel has no iptables NAT: load the modules `ip_tables` and `nf_nat`")
    finally:
        run(["ip", "netns", "delete", probe], check=False)
    if "\toverlay\n" not in FILE_SYSTEMS.read_text():
        if shutil.which("modprobe"):
            run(["modprobe", "overlay"], check=False)
        if "\toverlay\n" not in FILE_SYSTEMS.read_text():
            raise ClusterError("the kernel has no overlay file system: load the module `overlay`")
