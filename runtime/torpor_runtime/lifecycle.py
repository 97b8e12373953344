"""Where the server stands between its first breath and its last; every change happens on the event loop."""

import asyncio
import enum
from collections.abc import Callable

from torpor_runtime.failures import ModelServerError
from torpor_runtime.protocol.endpoint_port import Endpoint

_Callback = Callable[[], None]


class Phase(enum.Enum):
    """What a probe is told."""

    STARTING = "Starting"
    READY = "Ready"
    FAILED = "Failed"
    STOPPING = "Stopping"


class Lifecycle:
    """One way only: starting, then ready or failed, then stopping.

    Attributes
    ----------
    endpoint
        The model; None until ready.
    failure
        Why there will be none; None unless failed.
    on_failure
        Called once when the model can never be served, after the waiting requests were woken.
    """

    def __init__(self) -> None:
        self.on_failure: _Callback | None = None
        self._settled = asyncio.Event()
        self._stopping = False
        self.endpoint: Endpoint | None = None
        self.failure: ModelServerError | None = None

    @property
    def phase(self) -> Phase:
        """The present phase; stopping hides the others, since no new request should come."""
        if self._stopping:
            return Phase.STOPPING
        if self.failure is not None:
            return Phase.FAILED
        return Phase.STARTING if self.endpoint is None else Phase.READY

    @property
    def is_ready(self) -> bool:
        """Whether to send requests here."""
        return self.phase is Phase.READY

    def become_ready(self, endpoint: Endpoint) -> None:
        """Serve: the held requests go on, also those held when a stop was asked for."""
        self.endpoint = endpoint
        self._settled.set()

    def fail(self, failure: ModelServerError) -> None:
        """Give up: the held requests are answered with the reason, then the process ends."""
        self.failure = failure
        self._settled.set()
        if self.on_failure is not None:
            self.on_failure()

    def stop(self) -> None:
        """Take no new requests; what runs and what is held is finished."""
        self._stopping = True

    async def settled(self, timeout_seconds: float) -> None:
        """Wait until the model is served or has failed.

        Raises
        ------
        TimeoutError
            It is still starting.
        """
        async with asyncio.timeout(timeout_seconds):
            await self._settled.wait()
