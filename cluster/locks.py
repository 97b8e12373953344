"""Locks between commands that run at the same time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from cluster.settings import Settings


@contextlib.contextmanager
def cluster_lock(settings: Settings) -> Generator[None]:
    """Let one `up` or `down` of a cluster run at a time; a second one waits and says so."""
    path = settings.run.with_name(settings.run.name + ".lock")
    with locked(path, f"another up or down of {settings.name} is running: waiting for it …"):
        yield


@contextlib.contextmanager
def locked(path: Path, waiting: str | None = None) -> Generator[None]:
    """Hold a lock until the block ends; the file goes with it.

    Parameters
    ----------
    waiting
        What to say when somebody else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    print(waiting, file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it before us has removed the file: another may have locked a new one since.
            if not _is_same_file(file.fileno(), path):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
