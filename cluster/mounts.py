"""Mounts: which there are, and taking away our own."""

from __future__ import annotations

from pathlib import Path

from cluster.commands import run

TABLE = Path("/proc/self/mounts")


def mount_points() -> list[str]:
    """List the mount points, the oldest first; os.path.ismount misses a folder mounted on itself."""
    return [line.split()[1].encode().decode("unicode_escape") for line in TABLE.read_text().splitlines()]


def unmount_below(*folders: Path) -> None:
    """Unmount everything at or below `folders`, the deepest first."""
    ours = [point for point in mount_points() if any(Path(point).is_relative_to(folder) for folder in folders)]
    if ours:
        run(["umount", "--lazy", *sorted(ours, reverse=True)], check=False)
