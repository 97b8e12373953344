"""How long each phase of the start took, and how long ago the kernel started this process."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PHASES = ("import", "fetch", "load", "warmup")


class Timeline:
    """The phases of one start; written by the load thread, read by the event loop.

    `total_seconds` counts from the creation of this object to readiness, `process_seconds` from exec, so the
    difference is what the interpreter and the web server cost. Both are None until ready.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._seconds: dict[str, float] = {}
        self.total_seconds: float | None = None
        self.process_seconds: float | None = None

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Measure one of `PHASES`; a phase that raises is not recorded."""
        began = time.perf_counter()
        yield
        self._seconds[name] = time.perf_counter() - began

    def seconds(self, name: str) -> float | None:
        """Return what a phase took, None while it is not over."""
        return self._seconds.get(name)

    def finish(self) -> None:
        """Record readiness."""
        self.total_seconds = time.perf_counter() - self._began
        self.process_seconds = process_seconds()

    def document(self) -> dict[str, float | None]:
        """Return every figure, in seconds, for `GET /torpor/startup`."""
        figures = {f"{name}_seconds": self._seconds.get(name) for name in PHASES}
        figures |= {"total_seconds": self.total_seconds, "process_seconds": self.process_seconds}
        return {name: value if value is None else round(value, 4) for name, value in figures.items()}


def process_seconds(stat: Path = Path("/proc/self/stat")) -> float | None:
    """Return the age of this process, None where /proc does not tell.

    The kernel counts in ticks, so the value is exact to 10 ms.
    """
    try:
        # The command name may hold spaces and parentheses; the numbers start after the last one.
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
