"""The ASGI application: one coroutine from request to answer, errors turned into answers in one place."""

import traceback
from collections.abc import Callable
from functools import partial
from secrets import token_hex
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson

from torpor_runtime import __version__, journal
from torpor_runtime.failures import ModelServerError
from torpor_runtime.lifecycle import Lifecycle
from torpor_runtime.protocol.endpoint_port import Answer, Endpoint
from torpor_runtime.protocol.errors import RequestError
from torpor_runtime.settings import Settings
from torpor_runtime.timeline import Timeline
from torpor_runtime.web.admission import Admission
from torpor_runtime.web.asgi import Receive, Scope, Send
from torpor_runtime.web.body import ClientGoneError, read_body, read_headers
from torpor_runtime.web.routes import Handlers, check_method, make_routes, not_found
from torpor_runtime.workers import Workers

if TYPE_CHECKING:
    import asyncio


class App:
    """One model's server.

    Parameters
    ----------
    settings
        Names, limits, timeouts.
    lifecycle
        Read for readiness; changed by the load thread through the event loop.
    timeline
        Shown at `/torpor/startup`.
    start
        Brings up the model; called once in a thread of its own when the ASGI lifespan begins.
    """

    def __init__(
        self, settings: Settings, lifecycle: Lifecycle, timeline: Timeline, start: Callable[[], Endpoint]
    ) -> None:
        self._settings = settings
        self._lifecycle = lifecycle
        self._timeline = timeline
        self._start = start
        self._workers: Workers | None = None
        self._admission = Admission(settings.threads + settings.queue_limit)
        self._routes = make_routes(
            settings.name,
            settings.version,
            Handlers(
                server_metadata=self._server_metadata,
                live=self._live,
                ready=self._ready,
                model_metadata=self._model_metadata,
                model_ready=self._model_ready,
                infer=self._infer,
                v1_list=self._v1_list,
                predict=self._predict,
                startup=self._startup,
            ),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        try:
            answer = await self._answer(scope, receive)
        except RequestError as error:
            answer = error.answer()
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log the cause
            answer = self._internal_error(error)
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path: str = scope["path"]
        route = self._routes.get(path)
        if route is None:
            raise not_found(path, self._settings.name, self._settings.version)
        check_method(route, scope["method"])
        return await route.handler(scope, receive)

    async def _infer(self, scope: Scope, receive: Receive) -> Answer:
        headers = read_headers(scope, self._settings.max_body_bytes)
        with self._admission.admitted():
            endpoint = await self._endpoint()
            body = await read_body(receive, self._settings.max_body_bytes)
            return await self._in_thread(partial(endpoint.infer, body, headers.json_length))

    async def _predict(self, scope: Scope, receive: Receive) -> Answer:
        read_headers(scope, self._settings.max_body_bytes)
        with self._admission.admitted():
            endpoint = await self._endpoint()
            body = await read_body(receive, self._settings.max_body_bytes)
            return await self._in_thread(partial(endpoint.predict, body))

    async def _model_metadata(self, _scope: Scope, _receive: Receive) -> Answer:
        with self._admission.admitted():
            return (await self._endpoint()).metadata()

    async def _endpoint(self) -> Endpoint:
        """Return the model, once it is ready: an early request is held, never told that it came too early."""
        lifecycle = self._lifecycle
        if lifecycle.endpoint is not None:
            return lifecycle.endpoint
        try:
            await lifecycle.settled(self._settings.request_timeout_seconds)
        except TimeoutError:
            limit = f"{self._settings.request_timeout_seconds:g}"
            raise RequestError(
                f"model {self._settings.name!r} is not ready after {limit} s", 503, ((b"retry-after", b"1"),)
            ) from None
        if lifecycle.endpoint is not None:
            return lifecycle.endpoint
        assert lifecycle.failure is not None  # noqa: S101 - settled means one of the two
        failure = lifecycle.failure
        raise RequestError(
            f"model {self._settings.name!r} cannot be served: {failure.reason.name}: {failure.message}", 503
        )

    async def _in_thread(self, job: Callable[[], Answer]) -> Answer:
        assert self._workers is not None  # noqa: S101 - the lifespan made them before the model
        return await self._workers.run(job)

    async def _server_metadata(self, _scope: Scope, _receive: Receive) -> Answer:
        return _json({"name": "torpor", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def _live(self, _scope: Scope, _receive: Receive) -> Answer:
        return _json({"live": True})

    async def _ready(self, _scope: Scope, _receive: Receive) -> Answer:
        return self._readiness({})

    async def _model_ready(self, _scope: Scope, _receive: Receive) -> Answer:
        return self._readiness({"name": self._settings.name})

    def _readiness(self, fields: dict[str, object]) -> Answer:
        is_ready = self._lifecycle.is_ready
        return _json({**fields, "ready": is_ready}, status=200 if is_ready else 503)

    async def _v1_list(self, _scope: Scope, _receive: Receive) -> Answer:
        return _json({"models": [self._settings.name]})

    async def _startup(self, _scope: Scope, _receive: Receive) -> Answer:
        return _json({"phase": self._lifecycle.phase.value, **self._timeline.document()})

    def _internal_error(self, error: Exception) -> Answer:
        error_id = token_hex(8)
        journal.write("error", id=error_id, error=repr(error), traceback="".join(traceback.format_exception(error)))
        return RequestError(f"internal error {error_id}; the server's log tells more", 500).answer()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            match (await receive())["type"]:
                case "lifespan.startup":
                    self._begin()
                    await send({"type": "lifespan.startup.complete"})
                case "lifespan.shutdown":
                    if self._workers is not None:
                        self._workers.close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return
                case _:
                    return

    def _begin(self) -> None:
        self._workers = Workers(self._settings.threads)
        loop = self._workers.loop
        # A daemon: nothing can interrupt a fetch or a native load, and the process must be able to end.
        Thread(target=self._load, args=(loop,), name="load", daemon=True).start()

    def _load(self, loop: "asyncio.AbstractEventLoop") -> None:
        settle: Callable[..., None]
        result: Any
        try:
            settle, result = self._lifecycle.become_ready, self._start()
        except ModelServerError as failure:
            settle, result = self._lifecycle.fail, failure
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)


def _json(document: dict[str, object], status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(document))
