"""What the HTTP side asks of a loaded model, free of numpy so that it can be imported before listening."""

from typing import NamedTuple, Protocol


class Answer(NamedTuple):
    """A whole HTTP response; Content-Length is added where it is sent."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)


class Endpoint(Protocol):
    """A model behind its protocols. Its methods block and may run in several threads at once."""

    def metadata(self) -> Answer:
        """Answer the V2 model metadata."""
        ...

    def infer(self, body: bytes, json_length: int | None) -> Answer:
        """Answer a V2 inference request.

        Parameters
        ----------
        body
            The request's whole body.
        json_length
            Bytes of JSON at the start of the body, binary tensors following; None when all of it is JSON.

        Raises
        ------
        RequestError
            The request is wrong.
        """
        ...

    def predict(self, body: bytes) -> Answer:
        """Answer a V1 request; raises like `infer`."""
        ...
