"""Reading the logs of the cluster's programs."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.settings import Settings

POLL_SECONDS = 0.3


def log_names(settings: Settings) -> list[str]:
    """List the programs that have a log."""
    return sorted(path.stem for path in settings.logs.glob("*.log"))


def find_log(settings: Settings, name: str) -> Path:
    """Return a program's log.

    Raises
    ------
    ClusterError
        There is none; lists those that exist.
    """
    path = settings.logs / f"{name}.log"
    if not path.exists():
        known = ", ".join(log_names(settings)) or f"none: the cluster {settings.name} is down"
        raise ClusterError(f"there is no log {name!r}; there are: {known}")
    return path


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a file."""
    with path.open(errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=count)]


def follow(path: Path) -> Iterator[str]:
    """Give the lines that are added to a file, until the caller stops or the file goes."""
    with path.open(errors="replace") as file:
        file.seek(0, 2)
        while path.exists():
            line = file.readline()
            if line:
                yield line.rstrip("\n")
            else:
                time.sleep(POLL_SECONDS)
