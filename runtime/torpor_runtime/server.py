"""uvicorn around the application: signals, and an exit code that tells why."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator
from functools import partial

import uvicorn
import uvloop

from torpor_runtime import journal
from torpor_runtime.failures import ModelServerError
from torpor_runtime.lifecycle import Lifecycle
from torpor_runtime.settings import Settings
from torpor_runtime.startup import start_model
from torpor_runtime.timeline import Timeline
from torpor_runtime.web.app import App

# Longer than any client in front keeps an idle connection: closing while the other side sends fails a
# request, and proxies do not repeat a POST.
_KEEP_ALIVE_SECONDS = 650


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end a process by the signal it has just handled."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


def serve(settings: Settings, listener: socket.socket, timeline: Timeline) -> ModelServerError | None:
    """Serve until told to stop.

    Parameters
    ----------
    settings
        Of the model and of the server.
    listener
        A socket that listens already.
    timeline
        Receives the phases of the start.

    Returns
    -------
    ModelServerError
        Why the model could never be served; None after SIGTERM or SIGINT.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, listener, timeline))


async def _serve(settings: Settings, listener: socket.socket, timeline: Timeline) -> ModelServerError | None:
    lifecycle = Lifecycle()
    app = App(settings, lifecycle, timeline, partial(start_model, settings, timeline))
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            loop="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.grace_seconds,
        )
    )

    def stop(signal_number: int) -> None:
        journal.write("stopping", signal=signal.Signals(signal_number).name)
        lifecycle.stop()
        server.stop()

    lifecycle.on_failure = server.stop
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    await server.serve(sockets=[listener])
    return lifecycle.failure
