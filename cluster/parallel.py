"""Running tasks side by side; when one fails, the others are cut short."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from cluster.commands import cancel

if TYPE_CHECKING:
    from collections.abc import Callable


def side_by_side(*tasks: Callable[[], object]) -> None:
    """Run tasks in threads of their own until all have ended, and raise the first failure.

    A failure ends what the other tasks wait for: nobody should look on while the rest of a build that cannot
    succeed goes on.
    """
    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(task) for task in tasks]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            if future.exception():
                cancel()
                future.result()
