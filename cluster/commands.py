"""Running other programs to their end, with errors that show what they said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHOWN_LINES = 15
SHOWN_WIDTH = 400
SHOWN_COMMAND = 200

_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()
_cancelled = threading.Event()


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program and keep its output.

    Parameters
    ----------
    env
        Variables added to this process's own.

    Raises
    ------
    ClusterError
        It failed and `check` is set, or the user has interrupted us.
    """
    if _cancelled.is_set():
        raise ClusterError("interrupted")
    words = [str(word) for word in command]
    try:
        # A session of its own: ctrl-C reaches us alone, and `cancel` ends the program's children with it.
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"the program {words[0]} is missing") from error
    with _lock:
        _running.add(process)
    try:
        out, err = process.communicate(stdin)
    except BaseException:
        _end(process)
        raise
    finally:
        with _lock:
            _running.discard(process)
    if check and process.returncode:
        lines = (err.strip() or out.strip()).splitlines()[-SHOWN_LINES:]
        said = "\n".join(line[:SHOWN_WIDTH] for line in lines)
        raise ClusterError(f"`{' '.join(words)[:SHOWN_COMMAND]}` failed with code {process.returncode}:\n{said}")
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def is_cancelled() -> bool:
    """Say whether the user has interrupted us: long waits in other threads end then."""
    return _cancelled.is_set()


def cancel() -> None:
    """End every program that `run` is waiting for, and let no other start."""
    _cancelled.set()
    with _lock:
        running = list(_running)
    for process in running:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
