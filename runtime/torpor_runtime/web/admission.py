"""How many inference requests are in the house: those that run, wait for a worker, or wait for readiness."""

from collections.abc import Generator
from contextlib import contextmanager

from torpor_runtime.protocol.errors import RequestError


class Admission:
    """A counter with a limit; used on the event loop only.

    Parameters
    ----------
    limit
        Requests at a time; one more is refused with 503 rather than made to wait without end.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._present = 0

    @contextmanager
    def admitted(self) -> Generator[None]:
        """Count a request while it is handled.

        Raises
        ------
        RequestError
            503 with Retry-After: the limit is reached.
        """
        if self._present >= self._limit:
            raise RequestError(
                f"overloaded: expected at most {self._limit} requests at once", 503, ((b"retry-after", b"1"),)
            )
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1
