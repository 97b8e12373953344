"""One model behind both protocols: parse, predict, encode."""

from torpor_runtime.models.signature import Model
from torpor_runtime.protocol import v1, v2
from torpor_runtime.protocol.endpoint_port import Answer


class ModelEndpoint:
    """The `Endpoint` of a loaded model.

    Parameters
    ----------
    name, version
        As clients call them.
    model
        What predicts.
    """

    def __init__(self, name: str, version: str, model: Model) -> None:
        self._name = name
        self._version = version
        self._model = model

    def metadata(self) -> Answer:
        """See `Endpoint`."""
        return v2.encode_metadata(self._model, name=self._name, version=self._version)

    def infer(self, body: bytes, json_length: int | None) -> Answer:
        """See `Endpoint`."""
        request = v2.parse_request(self._model, body, json_length)
        arrays = self._model.predict(request.inputs, request.outputs)
        return v2.encode_response(name=self._name, version=self._version, request=request, arrays=arrays)

    def predict(self, body: bytes) -> Answer:
        """See `Endpoint`."""
        inputs = v1.parse_request(self._model, body)
        return v1.encode_response(self._model.predict(inputs, self._model.default_outputs[:1])[0])
