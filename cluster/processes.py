"""Long-running programs: started once, recorded by process id and start time, ended by that record alone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from cluster.cache import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cluster.settings import Settings

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Record:
    """What tells a process from a later one with the same id."""

    pid: int
    start_ticks: int
    boot_id: str


def read_start_ticks(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None when it is gone or a zombie.

    The kernel's own number rather than psutil's time of day, which moves when the clock is set.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold blanks: count the fields after it.
    fields = text.rpartition(")")[2].split()
    # An ended process may stay a zombie when process 1 does not collect it.
    return None if fields[0] == "Z" else int(fields[19])


class Processes:
    """The programs of one cluster."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.run / "processes"

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        on_host: bool = False,
    ) -> int:
        """Start a program in the cluster's network namespace, unless it runs already.

        Parameters
        ----------
        env
            Variables added to a small fixed environment; nothing else of the user's reaches the program.
        on_host
            Use the host's network instead of the namespace.

        Returns
        -------
        int
            The process id.
        """
        if (pid := self.find(name)) is not None:
            return pid
        self._settings.logs.mkdir(parents=True, exist_ok=True)
        # Not `ip netns exec`: that one mounts a new /sys, without the cgroups.
        enter = [] if on_host else ["nsenter", f"--net={self._settings.netns}"]
        with (self._settings.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*enter, *(str(word) for word in command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env={
                    "PATH": SYSTEM_PATH,
                    "HOME": str(self._settings.data),
                    # All traffic stays on this machine, whatever proxy the user's shell names.
                    "NO_PROXY": "*",
                    "no_proxy": "*",
                    **(env or {}),
                },
            )
            record = Record(process.pid, read_start_ticks(process.pid) or 0, BOOT_ID.read_text().strip())
            # It outlives us: Python need not warn that nobody has waited for its end.
            process.returncode = 0
            write_atomically(self._folder / f"{name}.json", json.dumps(record.__dict__))
        return process.pid

    def find(self, name: str) -> int | None:
        """Return the process id of a running program of ours, None when it does not run."""
        try:
            record = Record(**json.loads((self._folder / f"{name}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        if record.boot_id != BOOT_ID.read_text().strip():
            return None
        return record.pid if read_start_ticks(record.pid) == record.start_ticks else None

    def names(self) -> list[str]:
        """List the programs that were started, whether or not they still run."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def running(self) -> dict[str, int]:
        """Map the names of the programs that run to their process ids."""
        return {name: pid for name in self.names() if (pid := self.find(name)) is not None}

    def stop(self, names: Sequence[str], grace_seconds: float) -> None:
        """End programs together: asked first, killed when they have not ended in time; 0 kills at once."""
        ways = [(signal.SIGTERM, grace_seconds)] if grace_seconds else []
        for signal_number, wait_seconds in [*ways, (signal.SIGKILL, 5.0)]:
            pids = [pid for name in names if (pid := self.find(name)) is not None]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
            if wait_until_gone(pids, wait_seconds):
                break
        for name in names:
            (self._folder / f"{name}.json").unlink(missing_ok=True)


def wait_until_gone(pids: Iterable[int], seconds: float) -> bool:
    """Wait until no process of `pids` runs; False when some still do after `seconds`."""
    begun = {pid: ticks for pid in pids if (ticks := read_start_ticks(pid)) is not None}
    end_at = time.monotonic() + seconds
    while True:
        # Our own children stay zombies until they are collected.
        for pid in begun:
            with contextlib.suppress(psutil.Error, ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if not any(read_start_ticks(pid) == ticks for pid, ticks in begun.items()):
            return True
        if time.monotonic() > end_at:
            return False
        time.sleep(POLL_SECONDS)


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes at once and wait for their end."""
    pids = list(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until_gone(pids, 5.0)
