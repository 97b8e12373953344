"""What the user sees while steps run: a live view on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

HEARTBEAT_SECONDS = 30.0
QUIET_SECONDS = 5.0


class Steps:
    """Shows named steps that may run side by side; each ends with the seconds it took.

    On a terminal the running steps are shown live. Elsewhere a step is announced once it has run for five
    seconds, repeated every half minute so that a log shows life, and reported when it ends. All of it goes to
    the error stream: standard output is for results.
    """

    def __init__(self, *, live: bool | None = None) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = sys.stderr.isatty() if live is None else live
        self._progress = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            if self._live
            else None
        )
        self._running: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._started_at = time.monotonic()

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        else:
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._progress:
            self._progress.stop()

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the steps began."""
        return time.monotonic() - self._started_at

    def say(self, text: str) -> None:
        """Print one line of its own."""
        with self._lock:
            self._console.print(text, markup=False)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Show `name` as running until the block ends."""
        began = time.monotonic()
        task = self._progress.add_task(name, total=None) if self._progress else None
        with self._lock:
            # When to speak next: soon at first, then at each heartbeat.
            self._running[name] = (began, began + QUIET_SECONDS)
        outcome = "failed after"
        try:
            yield
            outcome = "done in"
        finally:
            with self._lock:
                self._running.pop(name, None)
            if self._progress and task is not None:
                self._progress.remove_task(task)
            self.say(f"  {name}: {outcome} {time.monotonic() - began:.1f} s")

    def _beat(self) -> None:
        while not self._ended.wait(0.5):
            now = time.monotonic()
            with self._lock:
                due = {name: began for name, (began, speak_at) in self._running.items() if now >= speak_at}
                for name, began in due.items():
                    self._running[name] = (began, now + HEARTBEAT_SECONDS)
            for name, began in due.items():
                self.say(f"  {name}: running, {now - began:.0f} s so far")
