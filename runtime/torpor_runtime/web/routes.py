"""The paths of one model. One model means a fixed set of paths, so routing is one dictionary look-up."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from torpor_runtime.protocol.endpoint_port import Answer
from torpor_runtime.protocol.errors import RequestError
from torpor_runtime.web.asgi import Receive, Scope

Handler = Callable[[Scope, Receive], Awaitable[Answer]]


class Route(NamedTuple):
    """What one path takes: `method` is GET, which includes HEAD, or POST."""

    method: str
    handler: Handler


class Handlers(NamedTuple):
    """The handlers by what they answer."""

    server_metadata: Handler
    live: Handler
    ready: Handler
    model_metadata: Handler
    model_ready: Handler
    infer: Handler
    v1_list: Handler
    predict: Handler
    startup: Handler


def make_routes(name: str, version: str, handlers: Handlers) -> dict[str, Route]:
    """Return every path of a model of that name and version."""
    routes = {
        "/v2": Route("GET", handlers.server_metadata),
        "/v2/health/live": Route("GET", handlers.live),
        "/v2/health/ready": Route("GET", handlers.ready),
        "/v1/models": Route("GET", handlers.v1_list),
        f"/v1/models/{name}": Route("GET", handlers.model_ready),
        f"/v1/models/{name}:predict": Route("POST", handlers.predict),
        "/torpor/startup": Route("GET", handlers.startup),
    }
    for model in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
        routes[model] = Route("GET", handlers.model_metadata)
        routes[f"{model}/ready"] = Route("GET", handlers.model_ready)
        routes[f"{model}/infer"] = Route("POST", handlers.infer)
    return routes


def check_method(route: Route, method: str) -> None:
    """Require the route's method.

    Raises
    ------
    RequestError
        405 with Allow.
    """
    if method == route.method or (method == "HEAD" and route.method == "GET"):
        return
    allow = b"GET, HEAD" if route.method == "GET" else route.method.encode()
    raise RequestError(f"expected method {route.method}, given {method}", 405, ((b"allow", allow),))


def not_found(path: str, name: str, version: str) -> RequestError:
    """Return the 404 for a path that is no route, saying which part of it is unknown."""
    for protocol in ("/v1/models/", "/v2/models/"):
        if not path.startswith(protocol):
            continue
        model, _, rest = path.removeprefix(protocol).partition("/")
        model = model.partition(":")[0] if protocol.startswith("/v1") else model
        if model != name:
            return RequestError(f"unknown model {model!r}: this server serves {name!r}", 404)
        given = rest.removeprefix("versions/").partition("/")[0]
        if rest.startswith("versions/") and given != version:
            return RequestError(f"unknown version {given!r} of model {name!r}: this server serves {version!r}", 404)
    return RequestError(f"unknown path {path}", 404)
