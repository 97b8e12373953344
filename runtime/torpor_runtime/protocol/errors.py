"""The one error a client is told about, and how it looks on the wire."""

import orjson

from torpor_runtime.protocol.endpoint_port import Answer

JSON_TYPE = (b"content-type", b"application/json")


class RequestError(Exception):
    """The request cannot be answered; the client reads the message.

    Parameters
    ----------
    message
        What is wrong: expected and given.
    status
        The HTTP status.
    headers
        Further headers, such as Allow or Retry-After.
    """

    def __init__(self, message: str, status: int = 400, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.headers = headers

    def answer(self) -> Answer:
        """Return the response: `{"error": message}`, as V2 wants it and V1 is given it too."""
        return Answer(self.status, orjson.dumps({"error": self.message}), (JSON_TYPE, *self.headers))
