"""Waiting for something to become true, with an end and a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from cluster.commands import is_cancelled
from cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cluster.processes import Processes
    from cluster.settings import Settings

EVERY_SECONDS = 0.1
TAIL_LINES = 10


def wait_until(
    is_done: Callable[[], bool],
    what: str,
    *,
    seconds: float = 60.0,
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Call `is_done` until it returns True; what it raises, other than a ClusterError, counts as not yet.

    Raises
    ------
    ClusterError
        It did not within `seconds`, or the user interrupted us.
    """
    last: list[Exception] = []

    def attempt() -> bool:
        if is_cancelled():
            raise ClusterError("interrupted")
        try:
            return is_done()
        except ClusterError:
            raise
        except Exception as error:  # noqa: BLE001  whatever fails while a program starts: tried again
            last[:] = [error]
            return False

    try:
        Retrying(
            stop=stop_after_delay(seconds),
            wait=wait_fixed(every_seconds),
            retry=retry_if_result(lambda done: not done),
        )(attempt)
    except RetryError as error:
        why = f" ({last[0]})" if last else ""
        raise ClusterError(f"{what}: not within {seconds:.0f} s{why}") from error


def fail_if_ended(settings: Settings, processes: Processes, names: Sequence[str]) -> None:
    """Check that programs still run.

    Raises
    ------
    ClusterError
        One has ended; shows the end of its log.
    """
    for name in names:
        if processes.find(name) is None:
            raise ClusterError(f"{name} has ended. The end of its log:\n{read_tail(settings, name)}")


def read_tail(settings: Settings, name: str, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a program's log."""
    path = settings.logs / f"{name}.log"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        # A log can have grown large: 400 bytes a line is plenty.
        file.seek(max(0, size - 400 * lines))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
