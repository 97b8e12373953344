"""The root cgroup of a cluster's pods: what tells them from everybody else's."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from cluster.host import enable_controllers

CGROUPS = Path("/sys/fs/cgroup")
REMOVAL_SECONDS = 5.0


def make_cgroups(name: str) -> None:
    """Create the root cgroup of the cluster's pods in every hierarchy, so that clusters stay apart."""
    enable_controllers()
    for root in _cgroup_roots():
        folder = root / name
        folder.mkdir(exist_ok=True)
        # A new cpuset of version 1 is empty, and nothing could run in it.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (root / file).exists() and not (CGROUPS / "cgroup.controllers").exists():
                (folder / file).write_text((root / file).read_text())


def pod_processes(name: str) -> list[int]:
    """List the processes in the pods of a cluster, by their cgroup."""
    found: set[int] = set()
    for root in _cgroup_roots():
        for file in (root / name).rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found |= {int(line) for line in file.read_text().split()}
    return sorted(pid for pid in found if pid)


def remove_cgroups(name: str) -> None:
    """Remove the cluster's cgroups, which are empty by now."""
    end_at = time.monotonic() + REMOVAL_SECONDS
    for root in _cgroup_roots():
        top = root / name
        while top.exists():
            for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()
            # The kernel needs a moment after the last process.
            if not top.exists() or time.monotonic() > end_at:
                break
            time.sleep(0.05)


def _cgroup_roots() -> list[Path]:
    # Version 2 has one hierarchy, version 1 one for each controller.
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink()]
