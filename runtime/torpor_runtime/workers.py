"""A fixed set of threads for inference, so that the event loop stays free for probes and sockets.

concurrent.futures would do, but it joins its threads at exit, where a native call may hang, and each call
costs a second future.
"""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from torpor_runtime.protocol.endpoint_port import Answer

_Job = tuple["asyncio.Future[Answer]", Callable[[], Answer]]
_Queue = SimpleQueue[_Job | None]


class Workers:
    """Threads that take jobs in order; made on the event loop and used only from it.

    Parameters
    ----------
    count
        How many jobs run at once.
    """

    def __init__(self, count: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._jobs: _Queue = SimpleQueue()
        self._count = count
        for index in range(count):
            # Daemons: at exit, a native call that hangs must not keep the process.
            Thread(target=self._work, name=f"inference-{index}", daemon=True).start()

    async def run(self, job: Callable[[], Answer]) -> Answer:
        """Run a job in a thread; its exception is raised here."""
        future: asyncio.Future[Answer] = self.loop.create_future()
        self._jobs.put((future, job))
        return await future

    def close(self) -> None:
        """End each thread after its present job."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            try:
                answer = job()
            except Exception as error:  # noqa: BLE001 - it is raised to the waiting request
                self.loop.call_soon_threadsafe(_reject, future, error)
            else:
                self.loop.call_soon_threadsafe(_resolve, future, answer)


def _resolve(future: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _reject(future: "asyncio.Future[Answer]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
