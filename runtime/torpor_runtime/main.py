"""The process: listen first, import later, exit with a reason."""

import os
import signal
import socket
import sys
from types import FrameType
from typing import NoReturn

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.settings import read_settings, termination_log
from torpor_runtime.termination import write_termination
from torpor_runtime.threads import thread_environment
from torpor_runtime.timeline import Timeline

_BACKLOG = 2048


def main() -> NoReturn:
    """Serve the model that the environment names."""
    # For process 1 of a container, the kernel ignores a SIGTERM that nobody handles.
    signal.signal(signal.SIGTERM, _exit_at_once)
    timeline = Timeline()
    try:
        failure = _run(timeline)
    except ModelServerError as error:
        failure = error
    if failure is not None:
        write_termination(failure, termination_log(os.environ))
    sys.stderr.flush()
    # No interpreter shutdown: the load thread may be inside native code, which nothing can interrupt.
    os._exit(0 if failure is None else failure.reason.value)


def _run(timeline: Timeline) -> ModelServerError | None:
    settings = read_settings(os.environ)
    listener = _listen(settings.port)
    for name, value in thread_environment(settings.format, settings.threads).items():
        os.environ.setdefault(name, value)
    # uvicorn is imported after listening: connections wait in the kernel rather than being refused.
    from torpor_runtime.server import serve  # noqa: PLC0415

    return serve(settings, listener, timeline)


def _listen(port: int) -> socket.socket:
    """Listen on all interfaces, IPv6 and IPv4 where the kernel has both."""
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        raise ModelServerError(Reason.SettingsInvalid, f"cannot listen on PORT {port}: {error.strerror}") from error


def _exit_at_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """Handle SIGTERM until the event loop does: nothing runs yet that could be finished."""
    os._exit(0)
