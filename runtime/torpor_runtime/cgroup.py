"""How many CPUs this container may use, which is rarely how many the node has."""

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
UNLIMITED_CPUS = 4
"""A pod without a limit shares its node; a thread per core of a large one costs memory and start-up time."""


def cpu_limit(root: Path = ROOT) -> int:
    """Return the CPU limit in whole CPUs, rounded up.

    Parameters
    ----------
    root
        Where the cgroup file system is mounted; inside a container, the container's own group.

    Returns
    -------
    int
        At least 1. Without a limit, the CPUs this process may be placed on, at most `UNLIMITED_CPUS`.
    """
    quota_ratio = _v2_ratio(root) or _v1_ratio(root)
    available = len(os.sched_getaffinity(0))
    if quota_ratio is None:
        return max(1, min(available, UNLIMITED_CPUS))
    # Rounded up: with 1.5 CPUs, one thread would leave a third of the limit unused.
    return max(1, min(available, -int(-quota_ratio // 1)))


def _v2_ratio(root: Path) -> float | None:
    words = _read(root / "cpu.max").split()
    if len(words) != 2 or words[0] == "max":
        return None
    return int(words[0]) / int(words[1])


def _v1_ratio(root: Path) -> float | None:
    for folder in (root / "cpu", root / "cpu,cpuacct"):
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota and period and int(quota) > 0:
            return int(quota) / int(period)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
