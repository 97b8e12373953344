"""Reading a request's body, never more of it than allowed."""

from typing import NamedTuple

from torpor_runtime.protocol.errors import RequestError
from torpor_runtime.web.asgi import Receive, Scope


class BodyHeaders(NamedTuple):
    """The headers that say how to read a body; None where absent."""

    length: int | None
    json_length: int | None


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


def read_headers(scope: Scope, max_bytes: int) -> BodyHeaders:
    """Check what the headers say of the body before any of it is read.

    Raises
    ------
    RequestError
        The body is too large or compressed, or a length is no number.
    """
    length = json_length = None
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = _number(name, value)
        elif name == b"inference-header-content-length":
            json_length = _number(name, value)
        elif name == b"content-encoding" and value.strip().lower() not in (b"identity", b""):
            raise RequestError(f"content-encoding: expected identity, given {value.decode('latin-1')}", status=415)
    if length is not None and length > max_bytes:
        raise _too_large(max_bytes, f"{length}")
    return BodyHeaders(length, json_length)


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Read the whole body.

    Raises
    ------
    RequestError
        It grows beyond `max_bytes`, which a chunked one tells no earlier.
    ClientGoneError
        The connection closed.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        _check_length(len(body), max_bytes)
        return body
    chunks: list[bytes] = []
    length = 0
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        length += len(chunks[-1])
        _check_length(length, max_bytes)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
    raise ClientGoneError


def _check_length(length: int, max_bytes: int) -> None:
    if length > max_bytes:
        raise _too_large(max_bytes, "more")


def _too_large(max_bytes: int, given: str) -> RequestError:
    return RequestError(f"body too large: expected at most {max_bytes} bytes, given {given}", status=413)


def _number(name: bytes, value: bytes) -> int:
    if not value.isdigit():
        raise RequestError(f"{name.decode()}: expected a whole number, given {value.decode('latin-1')!r}")
    return int(value)
